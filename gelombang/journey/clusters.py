"""One face under several applications, as a search through everybody found it: people decide, no machine refuses.

    cluster ─▶ each member in turn
      VERIFIED                 ─▶ IN_REVIEW, with a case that names the others
      JOINED before the freeze ─▶ IN_REVIEW, its entry out of the wave; accepted, it is entered again within a minute,
                                  and has the rights of `gelombang.journey.restored` if the wave was frozen meanwhile
      in or after a draw       kept on record: no seat, and no chance that others' proofs hang on, is taken away
      DRAFT, CHECKING, NEEDS_PHOTO, IN_REVIEW, NOT_ELIGIBLE, ERASED, restricted: left as they are

Cases that name each other are given to a reviewer together, as one (docs/decisions/0027). Nothing is kept of clusters
themselves: the same one again opens nothing twice, and of a grown one only who is new is asked about. Whoever people
have decided about beside one of these faces is not asked about again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from gelombang.domain.application import Application, Slot, State
from gelombang.domain.consent import NEEDED
from gelombang.domain.errors import RefusedError
from gelombang.domain.messages import FaceClusterFound
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import closing_time
from gelombang.journey import applications, review, selection
from gelombang.journey.applications import rereading
from gelombang.journey.notices import Notice, notice_row
from gelombang.journey.ports import Change, Ports, Put, Row
from gelombang.journey.review_cases import case_in, case_row, load_case
from gelombang.journey.wave_rows import leaving_wave, load_entry, load_wave

NOTED = "cluster_noted"  # event of the audit
ASKED_ABOUT = frozenset({State.VERIFIED, State.JOINED})
AFTER_A_DRAW = frozenset({State.SELECTED, State.RESERVE, State.NOT_DRAWN, State.SEAT_RETURNED})
DECIDED = frozenset({ReviewDecision.ACCEPT, ReviewDecision.REFUSE})  # another selfie is another question
QUESTIONED_TEXT = (
    "Petugas melihat foto pendaftaran Anda sekali lagi. Anda tidak perlu melakukan apa pun. "
    "Lihat halaman status Anda."
)
ENTERED_TEXT = (
    "Foto Anda sudah dilihat petugas dan Anda kembali diikutkan dalam gelombang. Lihat halaman status Anda."
)
TOO_LATE_TEXT = (
    "Foto Anda sudah dilihat petugas dan Anda tetap lolos pemeriksaan, tetapi gelombang itu sudah tertutup. "
    "Lihat halaman status Anda."
)


def take_cluster(ports: Ports, message: FaceClusterFound) -> None:
    """Open a case for every member that can be asked about; doing it again changes nothing.

    Raises:
        NotFoundError: there is no application of one of these names.
        ConflictError: an application kept changing meanwhile; the message comes again.
        DependencyError: the table could not be reached; likewise.
    """
    for name in message.application_ids:
        _take_member(ports, name, message.application_ids)


def enter_again(ports: Ports, row: Row) -> bool:
    """Enter somebody whom reviewers accepted into the wave they were in; say whether they are in it now.

    Raises:
        ConflictError: it changed meanwhile; the next round goes on.
        DependencyError: the table could not be reached; likewise.
    """
    case = case_in(row)
    if applications.load(ports, case.application_id).restricted_at:
        return False  # until its owner lifts that
    with suppress(RefusedError):  # frozen, refused by a list, or gone another way meanwhile
        selection.join(ports, case.application_id, case.wave_id)
    application = applications.load(ports, case.application_id)
    is_entered = application.state is State.JOINED and application.wave_id == case.wave_id
    changes: list[Change] = [Put(case_row(replace(case, wave_id="")))]
    if is_entered or application.state is State.VERIFIED:
        text = ENTERED_TEXT if is_entered else TOO_LATE_TEXT
        changes.append(Put(notice_row(ports, Notice.to(application, f"{case.case_id}-{case.wave_id}", text))))
    ports.rows.commit(changes)
    return is_entered


@rereading
def _take_member(ports: Ports, name: str, cluster: tuple[str, ...]) -> None:
    application = applications.load(ports, name)
    everybody = {other: applications.load(ports, other) for other in cluster if other != name}
    others = tuple(other for other, each in everybody.items() if _can_be_shown(each))
    if not others or not _can_be_shown(application):
        return
    left = leaving_wave(ports, application)
    if left is None or application.state in AFTER_A_DRAW:
        _note(ports, application, others)
    elif application.state in ASKED_ABOUT and not _was_decided(ports, application, cluster):
        case_id = f"cluster-{application.application_id}-{application.audit_length + 1}"
        told = Put(notice_row(ports, Notice.to(application, case_id, QUESTIONED_TEXT)))
        since = _kept_out_since(ports, application)
        review.question(ports, application, case_id, others, kept_out_since=since, also=[*left, told])


def _can_be_shown(application: Application) -> bool:
    """Say whether reviewers may see this person's photographs, and these are there."""
    has_agreed = set(NEEDED) <= set(application.consents)
    is_there = application.state is not State.ERASED and all(application.photos[slot].key for slot in Slot)
    return has_agreed and is_there and application.restricted_at is None


def _was_decided(ports: Ports, application: Application, cluster: tuple[str, ...]) -> bool:
    """Say whether people have decided about this application beside somebody of the cluster."""
    opened = review.cases_in(applications.audit_of(ports, application.application_id))
    cases = [load_case(ports, case_id) for case_id in opened]
    return any(case.decision in DECIDED and not set(cluster).isdisjoint(case.others) for case in cases)


def _note(ports: Ports, application: Application, others: tuple[str, ...]) -> None:
    """Put on record, once, beside whom a face was found, for the check after the draw."""
    entries = applications.audit_of(ports, application.application_id)
    if not any(entry.event == NOTED and set(others) <= set(entry.facts["others"]) for entry in entries):
        applications.save(ports, application, NOTED, {"others": list(others)})


def _kept_out_since(ports: Ports, application: Application) -> datetime:
    """Return since when the question, should it be unfounded, has kept somebody from a draw."""
    if application.restored_from or application.state is not State.JOINED:
        return application.restored_from or ports.clock.now()
    wave = load_wave(ports, application.wave_id)
    joined_at = load_entry(ports, application.wave_id, application.entry_id).joined_at
    return min(joined_at, closing_time(wave) - timedelta(seconds=1))
