"""Pictures that show what an appeal says: offered, sent into quarantine, scanned and copied as every photograph is."""

from __future__ import annotations

from dataclasses import replace

from gelombang.domain.appeal import (
    MOST_EVIDENCE,
    MOST_OFFERS,
    Appeal,
    Evidence,
    EvidenceStatus,
    evidence_key,
)
from gelombang.domain.errors import InvalidFormError, MoveNotAllowedError, NotFoundError, NotReadyError
from gelombang.domain.messages import PhotoArrived
from gelombang.domain.reasons import Reason
from gelombang.journey import applications
from gelombang.journey.appeal_rows import load_appeal, own_appeal, save_appeal
from gelombang.journey.applications import rereading
from gelombang.journey.photos import SCAN_AGAIN_S, examine, offer_faults
from gelombang.journey.ports import Ports, ScanResult, UploadForm

NAME_BYTES = 12


@rereading
def offer_evidence(
    ports: Ports, application_id: str, number: str, content_type: str, size_bytes: int
) -> UploadForm:
    """Return a form for sending one picture; a form that was never used is replaced by the next.

    Raises:
        NotFoundError: it is no appeal of theirs.
        InvalidFormError: the type or the size is not accepted.
        MoveNotAllowedError: it is decided.
        RestrictedError: its owner has restricted processing.
        NotReadyError: it has all the pictures it may have.
    """
    if faults := offer_faults(content_type, size_bytes):
        raise InvalidFormError(faults)
    application, appeal = own_appeal(ports, application_id, number)
    if not appeal.is_under_way:
        raise MoveNotAllowedError(appeal.state, "offer_evidence")
    there = tuple(each for each in appeal.evidence if not _is_unused(ports, each))
    if len(there) >= MOST_EVIDENCE or appeal.offer_count >= MOST_OFFERS:
        raise NotReadyError((Reason.EVIDENCE_ENOUGH,))
    key = evidence_key(application_id, appeal.number, ports.clock.random_bytes(NAME_BYTES).hex())
    offered = replace(appeal, evidence=(*there, Evidence(key)), offer_count=appeal.offer_count + 1)
    save_appeal(ports, application, offered, "evidence_offered")
    return ports.photos.offer_upload(key, content_type, ports.clock.now())


def record_evidence(ports: Ports, key: str) -> None:
    """Look at a picture that has arrived: keep a clean copy, or say why there is none.

    One that nobody waits for changes nothing; it may be called twice or at the same time.

    Raises:
        DependencyError: something could not be reached; nothing was decided.
    """
    try:
        if not _is_awaited(load_appeal(ports, _number_in(key)), key):
            return
        examined = examine(ports, key)
    except NotFoundError:
        return  # nothing has arrived, or there is no such appeal
    if examined.scan is ScanResult.PENDING:
        ports.queues.send(PhotoArrived(key), SCAN_AGAIN_S)
        return
    fault = "".join(examined.faults[:1])
    status = EvidenceStatus.REFUSED if fault else EvidenceStatus.KEPT
    _record(ports, key, Evidence(examined.clean_key, status, fault))


def evidence_urls(ports: Ports, appeal: Appeal) -> tuple[str, ...]:
    """Return short-lived addresses of the clean copies; what is still in quarantine is shown to nobody."""
    kept = (each.key for each in appeal.evidence if each.status is EvidenceStatus.KEPT)
    return tuple(map(ports.photos.view_url, kept))


def unseen_evidence(ports: Ports, appeal: Appeal) -> list[PhotoArrived]:
    """Return the hints to look at pictures that are there though nobody has looked at them yet."""
    awaited = [each.key for each in appeal.evidence if each.status is EvidenceStatus.AWAITED]
    return [PhotoArrived(key) for key in awaited if ports.photos.upload_size(key)]


@rereading
def _record(ports: Ports, key: str, seen: Evidence) -> None:
    appeal = load_appeal(ports, _number_in(key))
    if not _is_awaited(appeal, key):
        return
    evidence = tuple(seen if each.key == key else each for each in appeal.evidence)
    application = applications.load(ports, appeal.application_id)
    facts = {"status": seen.status, "fault": seen.fault}
    save_appeal(ports, application, replace(appeal, evidence=evidence), "evidence_arrived", facts)


def _is_unused(ports: Ports, each: Evidence) -> bool:
    if each.status is EvidenceStatus.REFUSED:
        return True
    return each.status is EvidenceStatus.AWAITED and ports.photos.upload_size(each.key) is None


def _is_awaited(appeal: Appeal, key: str) -> bool:
    awaited = [each.key for each in appeal.evidence if each.status is EvidenceStatus.AWAITED]
    return appeal.is_under_way and key in awaited


def _number_in(key: str) -> str:
    return key.split("/")[2]
