"""How well reviewers decide: planted cases whose answer is known, agreement with each other, time a case.

A planted case is made of photographs that no applicant sent (synthetic, or of people who agreed to this). It lies in
the same queue, is given, shown, answered and closed like any other, and changes no application. `REVIEWERS` `<name>`
counts what one reviewer has done; it names no applicant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from gelombang.domain.errors import FieldFault, InvalidFormError
from gelombang.domain.review import Case, Planted, ReviewAnswer, ReviewDecision
from gelombang.journey.ports import Change, Key, Ports, Put, RefusedPicture, Row
from gelombang.journey.review_cases import case_row
from gelombang.journey.staff import Scope, Staff

COUNTS = "REVIEWERS"
LAST_TIMES = 200  # of which the median is told
PLANTED = "planted"  # folder of their photographs
KINDS = ("selfie", "ktp")


@dataclass(frozen=True, slots=True)
class Counts:
    """What one reviewer has done so far."""

    answered: int = 0
    agreed: int = 0  # with what was decided in the end; planted cases do not count
    disagreed: int = 0
    planted_right: int = 0
    planted_wrong: int = 0
    times_s: tuple[float, ...] = ()  # of the last answers


@dataclass(frozen=True, slots=True)
class Quality:
    """One reviewer's figures; a share is None where there is nothing to divide."""

    reviewer: str
    answered_count: int
    agreed_share: float | None
    planted_right_count: int
    planted_wrong_count: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Every reviewer's figures, by name; nothing about any applicant."""

    reviewers: tuple[Quality, ...]


_COUNTS = TypeAdapter(Counts)


def plant_case(
    ports: Ports,
    pictures: Sequence[tuple[bytes, bytes]],
    reasons: tuple[str, ...],
    right: ReviewDecision,
    by: str,
) -> str:
    """Put a case on the queue whose right answer is known, and return its id.

    `pictures` are selfie and card of whom it is about, then of others with a like face; each is cleaned like an upload.

    Raises:
        InvalidFormError: some are no photographs that we take; nothing is kept then. A pointer names each by whose it
            is, counted from 0, and which of the two: `/pictures/0/selfie`.
    """
    case_id = f"{PLANTED}-{ports.clock.random_bytes(12).hex()}"
    keys: list[tuple[str, str]] = []
    for number, both in enumerate(_cleaned(ports, pictures)):
        names = [f"{PLANTED}/{case_id}/{number}-{slot}.jpg" for slot in KINDS]
        for name, content in zip(names, both, strict=True):
            ports.photos.keep(name, content)
        keys.append((names[0], names[1]))
    planted = Planted(right, tuple(keys), by)
    case = Case(case_id, "", reasons, (), ports.clock.now(), planted=planted)
    ports.rows.commit([Put(case_row(case))])
    return case_id


def counted(ports: Ports, case: Case, answer: ReviewAnswer, outcome: ReviewDecision | None) -> list[Change]:
    """Return what counts a new answer to a case, and, where it settles the case, who agreed with the outcome."""
    told = [*case.answers, answer] if outcome and not case.planted else []
    names = dict.fromkeys([answer.reviewer, *(each.reviewer for each in told)])
    rows = {name: ports.rows.read(_key(name)) or Row(_key(name), {}) for name in names}
    counts = {name: _COUNTS.validate_python(row.fields) for name, row in rows.items()}
    counts[answer.reviewer] = _with_answer(counts[answer.reviewer], case, answer)
    for each in told:
        before = counts[each.reviewer]
        counts[each.reviewer] = (
            replace(before, agreed=before.agreed + 1)
            if each.decision is outcome
            else replace(before, disagreed=before.disagreed + 1)
        )
    return [
        Put(replace(row, fields=_COUNTS.dump_python(counts[name], mode="json"))) for name, row in rows.items()
    ]


def quality(ports: Ports, staff: Staff) -> QualityReport:
    """Return how every reviewer does.

    Raises:
        NotAllowedError: neither operator nor auditor.
    """
    staff.must_have(Scope.MEASURE_REVIEWS)
    rows = ports.rows.read_partition(COUNTS)
    return QualityReport(tuple(_quality(row.key.sort, _COUNTS.validate_python(row.fields)) for row in rows))


def _cleaned(ports: Ports, pictures: Sequence[tuple[bytes, bytes]]) -> list[list[bytes]]:
    done = [[ports.pictures.clean(content) for content in both] for both in pictures]
    faults = tuple(
        FieldFault(f"/pictures/{number}/{kind}", each.reason)
        for number, both in enumerate(done)
        for kind, each in zip(KINDS, both, strict=True)
        if isinstance(each, RefusedPicture)
    )
    if faults:
        raise InvalidFormError(faults)
    return [[each.content for each in both if not isinstance(each, RefusedPicture)] for both in done]


def _with_answer(before: Counts, case: Case, answer: ReviewAnswer) -> Counts:
    times = (*before.times_s, round(answer.took_s, 1))[-LAST_TIMES:]
    after = replace(before, answered=before.answered + 1, times_s=times)
    if case.planted is None:
        return after
    if answer.decision is case.planted.right:
        return replace(after, planted_right=after.planted_right + 1)
    return replace(after, planted_wrong=after.planted_wrong + 1)


def _quality(reviewer: str, counts: Counts) -> Quality:
    settled = counts.agreed + counts.disagreed
    return Quality(
        reviewer,
        counts.answered,
        round(counts.agreed / settled, 3) if settled else None,
        counts.planted_right,
        counts.planted_wrong,
        _median(counts.times_s) if counts.times_s else None,
    )


def _median(values: Sequence[float]) -> float:
    """Return the middle value; `statistics` would cost every cold start seven modules."""
    ordered = sorted(values)
    return round((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2, 1)


def _key(reviewer: str) -> Key:
    return Key(COUNTS, reviewer)
