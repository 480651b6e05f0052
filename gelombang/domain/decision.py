"""What is decided about an application and what exactly it follows from, so that it can be decided again years later.

    conclude   what follows from photographs, checks and the face: pure, and the same for the machine and for a replay
    bundle     a decision as one JSON object without personal data: docs/audit-spec.md says every member

A bundle names its inputs by salted hashes: a NIK or a birth date cannot be guessed from them, and the salt lies with
the evidence, which goes when its person is erased.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Any

import rfc8785

from gelombang.domain.application import Photo, PhotoStatus, Slot, State
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.eligibility import CORRECTABLE, Step, decide
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.programme import RuleSet
from gelombang.domain.reasons import Reason
from gelombang.domain.verdict import FaceOutcome, FaceVerdict

SPEC = "gelombang-decision-1"
NOT_DECIDING = frozenset({"valid_until", "source", "uncertain"})  # of a rule set
MOST_CORRECTIONS = 5  # so that nobody finds out a stranger's birth date by trying

Json = dict[str, Any]  # its shape is in docs/audit-spec.md


class Decided(StrEnum):
    """What was decided; each is the event of an audit entry that names a bundle."""

    PHOTO_REFUSED = "photo_refused"
    CORRECTION_ASKED = "correction_asked"
    REFUSED = "refused"
    SENT_TO_REVIEW = "sent_to_review"
    VERIFIED = "verified"
    REVIEW_DECIDED = "review_decided"  # by people
    REFUSED_FOR_ANOTHER = "refused_for_another"  # by people, who gave the NIK to whom it belongs
    APPEAL_DECIDED = "appeal_decided"  # by people
    SEAT_TAKEN_BACK = "seat_taken_back"  # by people, after an audit


@dataclass(frozen=True, slots=True)
class Grounds:
    """All that a machine's decision follows from; the face's check is among `checks` where there is a verdict."""

    photos: Mapping[Slot, Photo]
    checks: Mapping[str, CheckResult]
    verdict: FaceVerdict | None
    submission: int  # 1, 2, 3 …
    correction_count: int  # how many corrections were asked for before
    is_nik_contested: bool = False  # another application holds it


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What follows; None: nothing is decided yet."""

    decided: Decided | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a decision stands: in which application's chain, as which entry (1, 2, 3 …), after which hash."""

    programme: str
    application_id: str
    sequence: int
    previous_hash: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person said; their note is named by its SHA-256, for it may name people."""

    who: str
    role: str
    decision: str
    at: datetime
    note_sha256: str = ""


@dataclass(frozen=True, slots=True)
class FaceGrounds:
    """Which face evidence was judged, and at which operating point (`sha256_of` of it)."""

    face_check_id: str
    model_release: str
    operating_point_sha256: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What went in, by name, each as bytes that only a hash with `salt` leaves."""

    salt: bytes
    content: Mapping[str, bytes] = field(default_factory=dict)

    def hashes(self) -> dict[str, str]:
        """Return the salted SHA-256 of each input, hex."""
        return {name: hashlib.sha256(self.salt + each).hexdigest() for name, each in self.content.items()}


def conclude(grounds: Grounds, rules: RuleSet) -> Conclusion:
    """Return what follows; pure: a replay calls it with what a bundle says."""
    faults = photo_faults(grounds)
    if faults:
        every = (fault for slot in Slot for fault in faults.get(slot, ()))
        return Conclusion(Decided.PHOTO_REFUSED, tuple(dict.fromkeys(every)))
    decision = decide(grounds.checks, rules)
    if decision.step is Step.REFUSE:
        is_used_up = grounds.correction_count >= MOST_CORRECTIONS
        is_final = is_used_up or not CORRECTABLE.issuperset(decision.reasons)
        return Conclusion(Decided.REFUSED if is_final else Decided.CORRECTION_ASKED, decision.reasons)
    is_face_left = grounds.verdict is not None and set(decision.pending) == {Layer.FACE}
    if decision.step is not Step.VERIFY and not is_face_left:
        return Conclusion()
    contested = (str(Reason.NIK_ALREADY_REGISTERED),) if grounds.is_nik_contested else ()
    doubts = (grounds.verdict.reasons if grounds.verdict else ()) + contested
    return Conclusion(Decided.SENT_TO_REVIEW, doubts) if doubts else Conclusion(Decided.VERIFIED)


def photo_faults(grounds: Grounds) -> dict[Slot, tuple[str, ...]]:
    """Return the faults for which photographs are asked for again: of their arrival, or of the face check as well."""
    refused = {slot: p.faults for slot, p in grounds.photos.items() if p.status is PhotoStatus.REFUSED}
    is_awaited = any(photo.status is PhotoStatus.AWAITED for photo in grounds.photos.values())
    if refused and not is_awaited:
        return refused
    if grounds.verdict and grounds.verdict.outcome is FaceOutcome.RETAKE:
        return {**grounds.verdict.faults, **refused}
    return {}


def face_check(evidence: FaceEvidence, verdict: FaceVerdict) -> CheckResult:
    """Return the face's layer as the machine leaves it: passed, or pending for a photograph or for people."""
    outcome = Outcome.PASSED if verdict.outcome is FaceOutcome.MATCH else Outcome.PENDING
    reasons = verdict.reasons or tuple(fault for faults in verdict.faults.values() for fault in faults)
    return CheckResult(
        Layer.FACE,
        outcome,
        "face worker",
        evidence.model_release,
        evidence.assessed_at,
        reasons[0] if reasons else "",
    )


def rules_document(rules: RuleSet) -> Json:
    """Return a rule set as the JSON object whose hash names it: all that decides, not its last day nor its remarks.

    The last day of a rule set becomes known when another one follows it; what was decided with it stays as it was.
    """
    told = document_of(rules)
    return {name: told[name] for name in told if name not in NOT_DECIDING}


@lru_cache(maxsize=64)  # every check and every bundle names its rules
def rules_hash(rules: RuleSet) -> str:
    """Return the SHA-256 (hex) of a rule set's canonical bytes."""
    return hashlib.sha256(canonical(rules_document(rules))).hexdigest()


def sha256_of(value: object) -> str:
    """Return the SHA-256 (hex) of a value's canonical JSON; see `document_of`."""
    return hashlib.sha256(canonical(document_of(value))).hexdigest()


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical bytes of a JSON value (RFC 8785)."""
    return rfc8785.dumps(value)


def document_of(value: Any) -> Any:  # noqa: ANN401 - whatever a domain value holds
    """Return a domain value as JSON.

    A field that is at its default is left out: another field, added years later, leaves the hashes of old values.
    """
    if is_dataclass(value) and not isinstance(value, type):
        given = {each.name: (getattr(value, each.name), each) for each in fields(value)}
        return {
            name: document_of(each)
            for name, (each, how) in given.items()
            if how.default is MISSING or each != how.default
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):  # a datetime too
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(document_of(name)): document_of(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [document_of(each) for each in value]
    return value


def machine_bundle(
    place: Place,
    conclusion: Conclusion,
    grounds: Grounds,
    rules: RuleSet,
    *,
    face: FaceGrounds | None,
    inputs: Inputs,
) -> Json:
    """Return the bundle of what the machine decided."""
    if conclusion.decided is None:
        raise ValueError("nothing was decided")
    return _head(place, conclusion) | {
        "rule_set": {
            "name": rules.name,
            "sha256": rules_hash(rules),
            "layers": [str(layer) for layer in rules.layers],
        },
        "submission": grounds.submission,
        "correction_count": grounds.correction_count,
        "photos": {
            slot: {"status": str(photo.status), "faults": list(photo.faults)}
            for slot, photo in grounds.photos.items()
        },
        "checks": checks_told(grounds.checks),
        "face": _face(face, grounds.verdict),
        "is_nik_contested": grounds.is_nik_contested,
        "inputs": inputs.hashes(),
    }


def people_bundle(
    place: Place,
    conclusion: Conclusion,
    outcome: State,
    opinions: Sequence[Opinion],
    *,
    checks: Mapping[str, CheckResult],
    follows: str,
    case_id: str,
) -> Json:
    """Return the bundle of what people decided; `follows` is the hash of the chain's bundle before, "" if none."""
    return _head(place, conclusion) | {
        "outcome": str(outcome),
        "case_id": case_id,
        "follows": follows,
        "opinions": [asdict(opinion) | {"at": opinion.at.isoformat()} for opinion in opinions],
        "checks": checks_told(checks),
    }


def checks_told(checks: Mapping[str, CheckResult]) -> list[Json]:
    """Return the layers' results in their order, without what is sealed."""
    return [
        {
            "layer": str(check.layer),
            "outcome": str(check.outcome),
            "source": check.source,
            "list_version": check.list_version,
            "checked_at": check.checked_at.isoformat(),
            "reason": str(check.reason),
            "flags": [str(flag) for flag in check.flags],
            "tries": check.tries,
            "rules_sha256": check.rules_sha256,
        }
        for check in checks.values()
    ]


def _head(place: Place, conclusion: Conclusion) -> Json:
    return {
        "spec": SPEC,
        "programme": place.programme,
        "application_id": place.application_id,
        "sequence": place.sequence,
        "previous_hash": place.previous_hash,
        "decided_at": place.decided_at.isoformat(),
        "decision": str(conclusion.decided),
        "reasons": [str(reason) for reason in conclusion.reasons],
    }


def _face(face: FaceGrounds | None, verdict: FaceVerdict | None) -> Json | None:
    if face is None or verdict is None:
        return None
    return asdict(face) | {
        "verdict": str(verdict.outcome),
        "reasons": [str(reason) for reason in verdict.reasons],
        "faults": {str(slot): [str(code) for code in codes] for slot, codes in verdict.faults.items()},
    }
