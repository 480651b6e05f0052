"""One applicant's whole story for an auditor: decisions, checks, face evidence, moves, and whether the chain holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from gelombang.domain.appeal import AppealState
from gelombang.domain.application import Application
from gelombang.domain.audit import AuditEntry, chain_fault
from gelombang.domain.checks import CheckResult
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence
from gelombang.domain.programme import Programme
from gelombang.domain.verdict import judge_face
from gelombang.journey import applications
from gelombang.journey.appeal_decisions import AppealRecord, appeal_records
from gelombang.journey.applications import rereading
from gelombang.journey.decision_story import DecisionStory, decision_stories
from gelombang.journey.evidence import evidence_of, face_check_name
from gelombang.journey.ports import Ports
from gelombang.journey.review import CaseRecord, case_record, cases_in
from gelombang.journey.staff import Scope, Staff
from gelombang.journey.status import Status, Told, status_of, told


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the story."""

    at: datetime
    event: str
    facts: dict[str, Any]  # JSON of the audit entry


@dataclass(frozen=True, slots=True)
class FaceStory:
    """What the worker measured, at which operating point it was judged, and what follows from it today."""

    face_check_id: str
    model_release: str
    runtime: str
    assessed_at: datetime
    operating_point: str
    operating_point_set_by: str
    similarity: float | None
    match_min: float
    verdict: str
    reasons: tuple[str, ...]
    selfie: PhotoEvidence
    ktp: PhotoEvidence
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToldAppeal:
    """One appeal as its owner is told of it: what it is about, where it is, why; nothing that anybody wrote."""

    number: str
    filed_at: datetime
    reason: Told  # that is disputed
    state: Told
    deadline: date | None  # while it is open
    outcome: Told | None  # why it was decided so, or what is asked for


@dataclass(frozen=True, slots=True)
class Story:
    """Everything on record about one application; no NIK, name, phone or picture."""

    status: Status
    checks: tuple[CheckResult, ...]
    decisions: tuple[DecisionStory, ...]
    faces: tuple[FaceStory, ...]  # one a submission that reached its face check, in order
    reviews: tuple[CaseRecord, ...]
    appeals: tuple[AppealRecord, ...]
    told_appeals: tuple[ToldAppeal, ...]
    happened: tuple[Happened, ...]
    audit_fault: str  # "" when the chain holds


@rereading
def explain(ports: Ports, programme: Programme, staff: Staff, application_id: str) -> Story:
    """Return the story; that it was read, and by whom, becomes part of it.

    Raises:
        NotAllowedError: not an auditor.
        NotFoundError: no such application.
    """
    staff.must_have(Scope.READ_STORIES)
    application = applications.load(ports, application_id)
    application = applications.save(ports, application, "explained", {"auditor": staff.name})
    entries = applications.audit_of(ports, application.application_id)
    appeals = appeal_records(ports, application)
    return Story(
        status_of(ports, programme, application_id),
        tuple(replace(check, sealed_facts="") for check in application.checks.values()),
        decision_stories(ports, programme, application_id, entries),
        _face_stories(ports, programme, application),
        _reviews(ports, entries),
        appeals,
        tuple(_told_appeal(programme, appeal) for appeal in appeals),
        tuple(_happened(entry) for entry in entries),
        chain_fault(entries, application.audit_length, application.audit_head),
    )


def _face_stories(ports: Ports, programme: Programme, application: Application) -> tuple[FaceStory, ...]:
    names = [face_check_name(application, number) for number in range(1, application.submission + 1)]
    found = [evidence for name in names if (evidence := evidence_of(ports, name))]
    return tuple(_told_evidence(evidence, programme) for evidence in found)


def _reviews(ports: Ports, entries: list[AuditEntry]) -> tuple[CaseRecord, ...]:
    return tuple(case_record(ports, case_id) for case_id in cases_in(entries))


def _told_appeal(programme: Programme, appeal: AppealRecord) -> ToldAppeal:
    is_open = appeal.state is AppealState.OPEN  # its code is then that of a question which was answered
    return ToldAppeal(
        appeal.number,
        appeal.filed_at,
        told(programme, appeal.reason),
        told(programme, appeal.state),
        appeal.deadline if is_open else None,
        told(programme, appeal.code) if appeal.code and not is_open else None,
    )


def _told_evidence(evidence: FaceEvidence, programme: Programme) -> FaceStory:
    point = programme.operating_point(evidence.model_release)
    verdict = judge_face(evidence, point)
    return FaceStory(
        face_check_id=evidence.face_check_id,
        model_release=evidence.model_release,
        runtime=evidence.runtime,
        assessed_at=evidence.assessed_at,
        operating_point=point.release,
        operating_point_set_by=point.set_by,
        similarity=evidence.similarity,
        match_min=point.match_min,
        verdict=verdict.outcome,
        reasons=verdict.reasons,
        selfie=evidence.selfie,
        ktp=evidence.ktp,
        candidates=tuple(candidate.application_id for candidate in verdict.candidates),
    )


def _happened(entry: AuditEntry) -> Happened:
    return Happened(entry.at, entry.event, entry.facts)
