"""Decides again what was decided, from the evidence that was kept and with the rules and lists of then.

    EVIDENCE#<seq> ─opened─▶ facts, form ─judge_layer─▶ layers ┐
    FACECHECK#     ─judge_face──────────────────────────▶ face ├─conclude─▶ a bundle again ─▶ the same, byte for byte?
    DECISION#<seq> ─ times, list versions, tries, photographs ─┘

What people decided is not decided again; `gelombang.audit_verifier` checks that it follows from their answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from gelombang.domain.appeal import BY_APPEAL
from gelombang.domain.application import Photo, PhotoStatus, Slot
from gelombang.domain.checks import CheckResult, Layer, Outcome, Person
from gelombang.domain.decision import (
    FaceGrounds,
    Grounds,
    Inputs,
    Json,
    Place,
    canonical,
    conclude,
    face_check,
    machine_bundle,
    rules_hash,
    sha256_of,
)
from gelombang.domain.eligibility import jakarta_day, judge_layer
from gelombang.domain.errors import NotFoundError
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.verdict import FaceVerdict, judge_face
from gelombang.journey.decisions import SignedBundle, bundles_of, evidence_row_of, inputs_of, opened_facts
from gelombang.journey.evidence import evidence_of
from gelombang.journey.ports import Ports
from gelombang.journey.registration import seal_context
from gelombang.journey.seats import BY_AUDIT


class Again(StrEnum):
    """What came of deciding again."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    PEOPLE = "people"  # they decided, and are not asked again
    GONE = "gone"  # with the person, or with the time that a face is kept


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision again: as which entry of the chain it stands, and where it differs, if it does."""

    sequence: int
    decision: str
    again: Again
    difference: str = ""


class _NotReplayableError(Exception):
    """It cannot be decided again; the arguments say what became of it and why."""


def replay(ports: Ports, programme: Programme, application_id: str) -> list[Replayed]:
    """Decide every decision about an application again, oldest first.

    Raises:
        DependencyError: a store could not be reached.
    """
    return [_replayed(ports, programme, bundle) for bundle in bundles_of(ports, application_id)]


def _replayed(ports: Ports, programme: Programme, bundle: SignedBundle) -> Replayed:
    told = bundle.content
    number, decision = told["sequence"], told["decision"]
    if "opinions" in told:
        return Replayed(number, decision, Again.PEOPLE)
    try:
        again = _bundle_again(ports, programme, told)
    except _NotReplayableError as reason:
        return Replayed(number, decision, *reason.args)
    if canonical(again).decode() == bundle.text:
        return Replayed(number, decision, Again.IDENTICAL)
    differing = sorted(name for name in {*again, *told} if again.get(name) != told.get(name))
    return Replayed(number, decision, Again.DIFFERS, ", ".join(differing) or "its canonical form")


def _bundle_again(ports: Ports, programme: Programme, told: Json) -> Json:
    name = told["application_id"]
    row = evidence_row_of(ports, name, told["sequence"])
    if row is None:
        raise _NotReplayableError(Again.GONE, "its evidence was erased with its person")
    person, facts = _opened(ports, name, row.fields)
    rules = _rules(programme, told["rule_set"]["sha256"])
    checks = {
        each["layer"]: _check_again(programme, each, row.fields["facts"], facts, person)
        for each in told["checks"]
    }
    face, evidence, verdict = _face_again(ports, programme, told["face"])
    if evidence and verdict:
        checks[Layer.FACE] = face_check(evidence, verdict)
    photos = {
        Slot(slot): Photo(PhotoStatus(each["status"]), row.fields["photos"][slot], tuple(each["faults"]))
        for slot, each in told["photos"].items()
    }
    grounds = Grounds(
        photos, checks, verdict, told["submission"], told["correction_count"], told["is_nik_contested"]
    )
    conclusion = conclude(grounds, rules)
    if conclusion.decided is None:
        raise _NotReplayableError(Again.DIFFERS, "nothing follows from it")
    place = Place(
        programme.name,
        name,
        told["sequence"],
        told["previous_hash"],
        datetime.fromisoformat(told["decided_at"]),
    )
    inputs = Inputs(bytes.fromhex(row.fields["salt"]), inputs_of(row.fields["form"], grounds, evidence))
    return machine_bundle(place, conclusion, grounds, rules, face=face, inputs=inputs)


def _opened(ports: Ports, name: str, kept: Mapping[str, Any]) -> tuple[Person, dict[str, Any]]:
    """Return the person as they typed, and each layer's facts."""
    vault = ports.vault
    try:
        typed = {field: vault.open(each, seal_context(name, field)) for field, each in kept["form"].items()}
        facts = {layer: opened_facts(ports, name, sealed) for layer, sealed in kept["facts"].items()}
    except NotFoundError:
        raise _NotReplayableError(Again.GONE, "its evidence went with its person's key") from None
    except ValueError:
        raise _NotReplayableError(Again.DIFFERS, "its evidence is not as it was sealed") from None
    born = date.fromisoformat(typed["birth_date"])
    return Person(typed["nik"], typed["kk"], typed["name"], born, typed["region"]), facts


def _rules(programme: Programme, sha256: str) -> RuleSet:
    for rules in programme.rule_sets:
        if rules_hash(rules) == sha256:
            return rules
    raise _NotReplayableError(Again.DIFFERS, f"the programme has no rule set {sha256}")


def _check_again(
    programme: Programme,
    told: Json,
    sealed: Mapping[str, str],
    facts: Mapping[str, Any],
    person: Person,
) -> CheckResult:
    layer, at = Layer(told["layer"]), datetime.fromisoformat(told["checked_at"])
    outcome, reason, flags = Outcome(told["outcome"]), told["reason"], tuple(told["flags"])
    if layer in facts:
        rules = _rules(programme, told["rules_sha256"])
        outcome, reason, flags = judge_layer(layer, facts[layer], person, rules, jakarta_day(at))
    elif not (layer is Layer.FACE or outcome is Outcome.PENDING or _is_of_people(told["source"])):
        raise _NotReplayableError(Again.DIFFERS, f"nothing is kept of what layer {layer} was judged from")
    return CheckResult(
        layer,
        outcome,
        told["source"],
        told["list_version"],
        at,
        reason,
        flags,
        told["tries"],
        told["rules_sha256"],
        sealed.get(layer, ""),
    )


def _is_of_people(source: str) -> bool:
    """Say whether people decided a check, on appeal or after an audit: no register's answer lies under it."""
    return source == BY_AUDIT or source.startswith(BY_APPEAL)


def _face_again(
    ports: Ports, programme: Programme, told: Json | None
) -> tuple[FaceGrounds | None, FaceEvidence | None, FaceVerdict | None]:
    if told is None:
        return None, None, None
    evidence = evidence_of(ports, told["face_check_id"])
    if evidence is None:
        raise _NotReplayableError(Again.GONE, "the face's evidence is kept no longer")
    point = programme.operating_points.get(told["model_release"])
    if point is None or sha256_of(point) != told["operating_point_sha256"]:
        raise _NotReplayableError(Again.DIFFERS, "the programme has no such operating point")
    face = FaceGrounds(evidence.face_check_id, evidence.model_release, sha256_of(point))
    return face, evidence, judge_face(evidence, point)
