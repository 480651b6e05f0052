"""An appeal against a refusal: what is disputed, by when it is answered, and what people can answer.

    OPEN ──┬─ more is asked for ─▶ ASKED ── answered, or its time is over ─▶ OPEN, with a new deadline
           ├─ upheld ───────────▶ UPHELD     the refusal is taken back: `Move.RESTORE`
           ├─ rejected ─────────▶ REJECTED   the refusal stands, for a reason
           └─ called off ───────▶ ENDED      by erasure, or by withdrawing consent

Nobody who had a hand in the refusal decides about it (docs/decisions/0028).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from gelombang.domain.checks import CheckResult, Layer, Outcome

BY_APPEAL = "appeal "  # what the source of a check begins with that people decided about on appeal
MOST_WORDS = 2000  # characters
MOST_EVIDENCE = 4  # pictures of one appeal
MOST_OFFERS = 20  # upload forms of one appeal


class AppealState(StrEnum):
    """Where an appeal is; each has a text."""

    OPEN = "APPEAL_OPEN"
    ASKED = "APPEAL_ASKED"
    UPHELD = "APPEAL_UPHELD"
    REJECTED = "APPEAL_REJECTED"
    ENDED = "APPEAL_ENDED"


class AppealCode(StrEnum):
    """What an appeals officer can answer; each has a text that tells the person why and what comes next."""

    REGISTER_CORRECTED = "UPHELD_REGISTER_CORRECTED"  # ask it again
    SHOWN_OTHERWISE = "UPHELD_SHOWN_OTHERWISE"  # the evidence goes before the register
    FACE_CONFIRMED = "UPHELD_FACE_CONFIRMED"
    REGISTER_STANDS = "REJECTED_REGISTER_STANDS"
    NOT_SHOWN = "REJECTED_NOT_SHOWN"
    FACE_NOT_CONFIRMED = "REJECTED_FACE_NOT_CONFIRMED"
    ASK_LETTER = "ASKED_LETTER"
    ASK_PICTURE = "ASKED_PICTURE"


OUTCOMES: dict[AppealCode, AppealState] = {
    AppealCode.REGISTER_CORRECTED: AppealState.UPHELD,
    AppealCode.SHOWN_OTHERWISE: AppealState.UPHELD,
    AppealCode.FACE_CONFIRMED: AppealState.UPHELD,
    AppealCode.REGISTER_STANDS: AppealState.REJECTED,
    AppealCode.NOT_SHOWN: AppealState.REJECTED,
    AppealCode.FACE_NOT_CONFIRMED: AppealState.REJECTED,
    AppealCode.ASK_LETTER: AppealState.ASKED,
    AppealCode.ASK_PICTURE: AppealState.ASKED,
}
OF_FACES = frozenset({AppealCode.FACE_CONFIRMED, AppealCode.FACE_NOT_CONFIRMED, AppealCode.ASK_PICTURE})
OF_REGISTERS = frozenset(AppealCode) - {AppealCode.FACE_CONFIRMED, AppealCode.FACE_NOT_CONFIRMED}

# What was typed that an appeal's answer is about, of all other registers the NIK alone. A region goes with whose the
# NIK is: quotas go by it, so that nobody may choose theirs behind an answer.
ANSWERED_ABOUT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        Layer.POPULATION: frozenset({"nik", "name", "birth_date", "region"}),
        Layer.AGE: frozenset({"nik", "birth_date"}),
        Layer.KK: frozenset({"nik", "kk"}),
        Layer.HOUSEHOLD_CAP: frozenset({"nik", "kk"}),
    }
)


JUDGED = frozenset({Outcome.PASSED, Outcome.FAILED})


class Escalation(StrEnum):
    """How near an open appeal's deadline is."""

    NONE = ""
    NEAR = "NEAR"
    PASSED = "PASSED"


class EvidenceStatus(StrEnum):
    """Where one picture is."""

    AWAITED = "AWAITED"
    KEPT = "KEPT"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One picture: its upload's key while it is awaited, then the key of its clean copy."""

    key: str
    status: EvidenceStatus = EvidenceStatus.AWAITED
    fault: str = ""


@dataclass(frozen=True, slots=True)
class AppealRules:
    """How long appeals take and how many there may be: programmes/<name>/appeals.json."""

    decided_within: int  # working days
    warned_before: int  # working days
    answered_within: int  # working days, when more is asked for
    most_questions: int
    most_appeals: int  # against one reason of one refusal
    kept_days: int  # of the words and pictures, after the answer
    source: str


@dataclass(frozen=True, slots=True)
class Appeal:
    """One appeal with everything that was said and decided."""

    number: str  # what people say on the phone, e.g. B-7K2M-9QXA
    application_id: str
    reason: str  # of the refusal, the one that is disputed
    layer: Layer  # that gave it
    refused_at: datetime
    filed_at: datetime
    counted_from: datetime  # from when its deadline counts: filing, or the last answer
    deadline: date | None  # by the end of this day; None while the holidays of its year are not known
    warned_at: datetime  # when it is near
    late_at: datetime
    sealed_words: tuple[str, ...]  # the appeal's, then each answer's
    wants_to_join: bool  # the running wave, as soon as they may
    state: AppealState = AppealState.OPEN
    escalation: Escalation = Escalation.NONE
    evidence: tuple[Evidence, ...] = ()
    offer_count: int = 0
    question_count: int = 0
    answer_by: date | None = None  # what was asked for last
    code: str = ""  # of the last decision or question
    decided_by: str = ""
    decided_at: datetime | None = None
    sealed_note: str = ""
    kept_until: datetime | None = None  # its words and pictures, once it is decided
    join_at: datetime | None = None  # when to look again whether they may join; None: not any more
    is_paused: bool = False  # while its owner restricts processing
    version: int = 0  # of the stored row

    @property
    def is_under_way(self) -> bool:
        """Say whether it has not been decided."""
        return self.state in (AppealState.OPEN, AppealState.ASKED)


def without_words(appeal: Appeal) -> Appeal:
    """Return an appeal without what its owner said and sent, and without the officer's note."""
    return replace(appeal, sealed_words=(), sealed_note="", evidence=(), kept_until=None)


def fits(code: AppealCode, layer: Layer) -> bool:
    """Say whether an answer is one to this layer's refusal."""
    return code in (OF_FACES if layer is Layer.FACE else OF_REGISTERS)


def is_by_appeal(check: CheckResult | None) -> bool:
    """Say whether people decided about a check on appeal: no machine decides about it again."""
    return check is not None and check.source.startswith(BY_APPEAL)


def stands(check: CheckResult, checks: Mapping[str, CheckResult], unchanged: frozenset[str]) -> bool:
    """Say whether a check stands over a correction of the form that left these fields as they were: only by appeal.

    A photograph can be another then, so no answer about a face does. Where people answered whose the NIK is and the
    register judges no family card, the answer is about the card as well: nobody chooses another household behind it.
    """
    about, card = ANSWERED_ABOUT.get(check.layer, frozenset({"nik"})), checks.get(Layer.KK)
    if check.layer is Layer.POPULATION and (card is None or card.outcome not in JUDGED):
        about |= {"kk"}
    return is_by_appeal(check) and check.layer is not Layer.FACE and about <= unchanged


def evidence_key(application_id: str, number: str, name: str) -> str:
    """Return where a picture of an appeal is sent to."""
    return f"{application_id}/appeal/{number}/{name}"


def is_evidence_key(key: str) -> bool:
    """Say whether an object lies where pictures of appeals do."""
    return key.split("/")[1:2] == ["appeal"]
