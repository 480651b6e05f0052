"""An appeal from its filing to its end: who may, by when it is answered, and what follows from the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from gelombang.domain.appeal import AppealCode, AppealState, Escalation
from gelombang.domain.application import State
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import (
    InvalidFormError,
    MoveNotAllowedError,
    NotAllowedError,
    NotFoundError,
    NotReadyError,
    RestrictedError,
)
from gelombang.journey import (
    appeal_decisions,
    appeal_evidence,
    appeals,
    applications,
    arrivals,
    consents,
    explanation,
    restriction,
    retention,
)
from gelombang.journey.appeal_rows import load_appeal
from gelombang.journey.applications import SHARDS
from gelombang.journey.lateness import count_late
from tests.journey.appealing import (
    DEWI,
    FACE,
    OTHERS,
    PUPIL,
    SCHOOL,
    SURYA,
    WORDS,
    days_pass,
    decide,
    file,
    picture,
    refused_face,
    refused_pupil,
    tend,
)
from tests.journey.reviewers import RINA
from tests.journey.walking import AUDITOR, JPEG, Walk


def told(walk: Walk, name: str):
    return appeals.read_appeals(walk.ports, walk.programme, name)


def reasons_of(refused) -> tuple[str, ...]:
    return refused.value.missing


# Filing


def test_whoever_is_refused_may_appeal_and_gets_a_number_and_a_day():
    walk, name = refused_pupil()

    before = told(walk, name)
    filed = file(walk, name)

    assert [reason.code for reason in before.may_file] == [SCHOOL]
    assert filed.number.startswith("B-")
    assert name not in filed.number
    assert filed.deadline == date(2026, 12, 7)  # ten working days after a Monday, 23 November
    assert (filed.words, filed.state.code) == ((WORDS,), "APPEAL_OPEN")
    assert told(walk, name).may_file == ()
    assert WORDS not in json.dumps([row.fields for row in walk.world.rows.read_all()])


def test_the_same_appeal_sent_again_is_the_same_appeal():
    walk, name = refused_pupil()

    assert file(walk, name) == file(walk, name)
    assert len(told(walk, name).appeals) == 1


def test_nobody_appeals_who_is_not_refused_nor_against_what_was_not_said():
    walk, name = refused_pupil(*OTHERS)
    other = walk.submit(OTHERS[0], "+6281234567891")
    walk.deliver()

    with pytest.raises(MoveNotAllowedError):
        file(walk, other)
    with pytest.raises(InvalidFormError, match="APPEAL_REASON_OTHER"):
        file(walk, name, "RECEIVES_AID")
    for words in ("  ", "x" * 2001, "\x00", "\u202eabc"):
        with pytest.raises(InvalidFormError, match="/words"):
            appeals.file_appeal(walk.ports, walk.programme, name, SCHOOL, words)
    assert told(walk, other).may_file == ()


def test_nobody_whose_data_is_only_kept_appeals_nor_whose_consent_is_missing():
    walk, name = refused_pupil()
    restriction.restrict(walk.ports, name)
    with pytest.raises(RestrictedError):
        file(walk, name)
    restriction.lift(walk.ports, name)
    consents.withdraw_consent(walk.ports, walk.programme, name, Purpose.FACE_CHECK)

    with pytest.raises(NotReadyError) as missing:
        file(walk, name)

    assert reasons_of(missing) == ("CONSENT_NEEDED",)


def test_one_appeal_is_open_at_a_time_and_two_are_answered_at_most():
    walk, name = refused_pupil()

    first = file(walk, name)
    with pytest.raises(NotReadyError) as another:
        appeals.file_appeal(walk.ports, walk.programme, name, SCHOOL, "Lagi.")
    decide(walk, first.number, AppealCode.NOT_SHOWN)
    second = file(walk, name)
    with pytest.raises(NotFoundError):  # whoever answered before does not answer again
        decide(walk, second.number, AppealCode.NOT_SHOWN)
    decide(walk, second.number, AppealCode.NOT_SHOWN, SURYA)
    with pytest.raises(NotReadyError) as third:
        file(walk, name)

    assert reasons_of(another) == ("APPEAL_IS_OPEN",)
    assert reasons_of(third) == ("APPEALS_USED_UP",)


def test_a_face_can_be_disputed_as_long_as_its_photographs_are_kept():
    walk, name = refused_face()
    may_file = told(walk, name).may_file

    walk.world.clock.advance(days=31)
    retention.remove_due(walk.ports, walk.programme, range(SHARDS))

    assert [reason.code for reason in may_file] == [FACE]
    assert told(walk, name).may_file == ()
    with pytest.raises(NotReadyError) as late:
        file(walk, name, FACE)
    assert reasons_of(late) == ("APPEAL_TOO_LATE",)


# Rejected, asked, late


def test_a_rejection_says_why_and_whom_to_contact():
    walk, name = refused_pupil()
    filed = file(walk, name)

    state = decide(walk, filed.number, AppealCode.REGISTER_STANDS, note="Kata Rina: sudah ditanya")
    tend(walk)

    (shown,) = told(walk, name).appeals
    assert state is AppealState.REJECTED
    assert walk.application(name).state is State.NOT_ELIGIBLE
    assert (shown.outcome.code, shown.agency.code) == ("REJECTED_REGISTER_STANDS", "AGENCY_KEMDIKBUD")
    assert "Rina" not in json.dumps([row.fields for row in walk.world.rows.read_all()])
    assert filed.number in walk.world.texts.sent[-1][1]


def test_more_is_asked_for_the_answer_comes_and_the_deadline_moves():
    walk, name = refused_pupil()
    filed = file(walk, name)
    days_pass(walk, 2)
    decide(walk, filed.number, AppealCode.ASK_LETTER)

    asked = told(walk, name).appeals[0]
    days_pass(walk, 2)
    answered = appeals.answer_appeal(walk.ports, walk.programme, name, filed.number, "Ini suratnya.")
    again = appeals.answer_appeal(walk.ports, walk.programme, name, filed.number, "Ini suratnya.")

    assert (asked.state.code, asked.outcome.code) == ("APPEAL_ASKED", "ASKED_LETTER")
    assert asked.answer_by == date(2026, 12, 9)
    assert (answered.state.code, answered.deadline) == ("APPEAL_OPEN", date(2026, 12, 11))
    assert answered.words == (WORDS, "Ini suratnya.") == again.words
    with pytest.raises(MoveNotAllowedError):
        appeals.answer_appeal(walk.ports, walk.programme, name, filed.number, "Lagi.")


def test_a_question_that_nobody_answers_goes_back_into_the_queue_and_two_are_the_most():
    walk, name = refused_pupil()
    filed = file(walk, name)

    for _ in range(2):
        decide(walk, filed.number, AppealCode.ASK_LETTER)
        days_pass(walk, 20)
    with pytest.raises(NotReadyError) as third:
        decide(walk, filed.number, AppealCode.ASK_LETTER)

    assert reasons_of(third) == ("QUESTIONS_USED_UP",)
    assert [head.number for head in appeal_decisions.open_appeals(walk.ports, DEWI)] == [filed.number]


def test_a_deadline_that_nears_and_passes_is_escalated_and_its_owner_is_told():
    walk, name = refused_pupil()
    filed = file(walk, name)

    days_pass(walk, 8)
    calm = appeal_decisions.escalated_appeals(walk.ports, SURYA)
    days_pass(walk, 3)  # Friday 4 December: less than two working days are left
    near = appeal_decisions.escalated_appeals(walk.ports, SURYA)
    untold = [text for _, text in walk.world.texts.sent if "terlambat" in text]
    days_pass(walk, 4)
    tend(walk)
    late = appeal_decisions.escalated_appeals(walk.ports, SURYA)

    assert (calm, untold) == ([], [])
    assert [head.escalation for head in near] == [Escalation.NEAR]
    assert [head.escalation for head in late] == [Escalation.PASSED]
    assert count_late(walk.ports).late_appeals_count == 1
    assert told(walk, name).appeals[0].deadline_note.code == "APPEAL_TAKES_LONGER"
    assert sum("terlambat" in text for _, text in walk.world.texts.sent) == 1
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE, SURYA)
    tend(walk)
    assert appeal_decisions.escalated_appeals(walk.ports, SURYA) == []
    assert walk.application(name).state is State.VERIFIED


def test_a_deadline_in_a_year_without_holidays_is_not_told_until_they_are_known():
    walk, name = refused_pupil()
    walk.world.clock.advance(days=25)  # 18 December: ten working days end in 2027
    filed = file(walk, name)
    calendar = walk.programme.calendar
    days = {**calendar.holidays, date(2027, 1, 1): "Tahun Baru"}
    known = replace(calendar, holidays=days, years=calendar.years | {2027})

    unknown = told(walk, name).appeals[0]
    walk.programme = replace(walk.programme, calendar=known)
    later = told(walk, name).appeals[0]

    assert (filed.deadline, filed.deadline_note.code) == (None, "APPEAL_DEADLINE_UNKNOWN")
    assert unknown.deadline is None
    assert (later.deadline, later.deadline_note) == (date(2027, 1, 6), None)
    days_pass(walk, 14)
    assert load_appeal(walk.ports, filed.number).deadline == date(2027, 1, 6)


# Evidence


def test_evidence_goes_through_quarantine_and_the_officer_sees_clean_copies_alone():
    walk, name = refused_pupil()
    filed = file(walk, name)
    offers = [appeal_evidence.offer_evidence(walk.ports, name, filed.number, "image/jpeg", 99) for _ in "12"]

    picture(walk, offers[1])
    arrived = appeal_decisions.view_appeal(walk.ports, DEWI, filed.number)
    third = appeal_evidence.offer_evidence(walk.ports, name, filed.number, "image/jpeg", 99)
    walk.world.photos.receive(third.fields["key"], b"no picture")
    arriving = appeal_decisions.view_appeal(walk.ports, DEWI, filed.number)
    arrivals.record_upload(walk.ports, third.fields["key"])

    assert len(arrived.evidence_urls) == 1
    assert walk.world.photos.quarantine[offers[1].fields["key"]] == JPEG
    assert (arriving.is_evidence_arriving, len(arriving.evidence_urls)) == (True, 1)
    shown = told(walk, name).appeals[0].evidence
    assert [(each.status, each.fault.code if each.fault else "") for each in shown] == [
        ("KEPT", ""),
        ("REFUSED", "NOT_AN_IMAGE"),
    ]


def test_four_pictures_are_the_most_and_none_comes_after_the_answer():
    walk, name = refused_pupil()
    filed = file(walk, name)
    for _ in range(4):
        offer = appeal_evidence.offer_evidence(walk.ports, name, filed.number, "image/jpeg", 99)
        picture(walk, offer)

    with pytest.raises(NotReadyError) as fifth:
        appeal_evidence.offer_evidence(walk.ports, name, filed.number, "image/jpeg", 99)
    decide(walk, filed.number, AppealCode.NOT_SHOWN)
    with pytest.raises(MoveNotAllowedError):
        appeal_evidence.offer_evidence(walk.ports, name, filed.number, "image/jpeg", 99)

    assert reasons_of(fifth) == ("EVIDENCE_ENOUGH",)
    assert appeal_decisions.view_appeal(walk.ports, DEWI, filed.number).evidence_urls == ()


def test_nobody_touches_an_appeal_of_somebody_else():
    walk, name = refused_pupil(*OTHERS)
    filed = file(walk, name)
    other = walk.submit(OTHERS[0], "+6281234567891")

    for step in (
        lambda: appeal_evidence.offer_evidence(walk.ports, other, filed.number, "image/jpeg", 99),
        lambda: appeals.answer_appeal(walk.ports, walk.programme, other, filed.number, "Saya."),
    ):
        with pytest.raises(NotFoundError):
            step()


# Staff


def test_officers_see_the_disputed_check_and_no_more_and_every_view_is_on_record():
    walk, name = refused_pupil()
    filed = file(walk, name)

    spoken = filed.number.lower().replace("-", " ")  # as said on the phone
    seen = appeal_decisions.view_appeal(walk.ports, DEWI, spoken)

    assert (seen.check.source, seen.check.list_version) == ("kemdikbud", "2026-11-01/memory")
    assert (seen.words, seen.selfie_url, seen.ktp_url) == ((WORDS,), "", "")
    assert PUPIL.nik not in str(seen)
    assert name not in str(seen)
    entries = applications.audit_of(walk.ports, walk.application(name).application_id)
    assert [e.facts["officer"] for e in entries if e.event == "appeal_viewed"] == ["dewi"]
    story = explanation.explain(walk.ports, walk.programme, AUDITOR, name)
    assert [each.number for each in story.appeals] == [filed.number]


def test_an_answer_must_fit_the_refusal():
    walk, name = refused_pupil()
    filed = file(walk, name)

    with pytest.raises(InvalidFormError, match="/code"):
        decide(walk, filed.number, AppealCode.FACE_CONFIRMED)


def test_reviewers_answer_no_appeals_and_officers_have_no_supervisors_queue():
    walk, name = refused_pupil()
    filed = file(walk, name)

    with pytest.raises(NotAllowedError):
        appeal_decisions.open_appeals(walk.ports, RINA)
    with pytest.raises(NotAllowedError):
        decide(walk, filed.number, AppealCode.NOT_SHOWN, RINA)
    with pytest.raises(NotAllowedError):
        appeal_decisions.escalated_appeals(walk.ports, DEWI)


def test_restriction_pauses_an_appeal_and_lifting_it_counts_the_deadline_anew():
    walk, name = refused_pupil()
    filed = file(walk, name)
    restriction.restrict(walk.ports, name)

    hidden = appeal_decisions.view_appeal(walk.ports, DEWI, filed.number)
    with pytest.raises(RestrictedError):
        decide(walk, filed.number, AppealCode.NOT_SHOWN)
    days_pass(walk, 3)
    paused = appeal_decisions.open_appeals(walk.ports, DEWI)
    restriction.lift(walk.ports, name)
    tend(walk)

    assert (hidden.words, hidden.is_restricted, paused) == ((), True, [])
    assert load_appeal(walk.ports, filed.number).deadline == date(2026, 12, 10)
    assert len(appeal_decisions.open_appeals(walk.ports, DEWI)) == 1
