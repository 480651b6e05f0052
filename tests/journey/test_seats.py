"""A seat in its person's hands: told, accepted, given back, taken back, left; and what is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.audit_verifier import verify_audit
from gelombang.domain.appeal import AppealCode, AppealState
from gelombang.domain.application import State
from gelombang.domain.audit import chain_fault
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.draw import DrawOutcome
from gelombang.domain.errors import (
    CodeError,
    InvalidFormError,
    MoveNotAllowedError,
    NotAllowedError,
    NotReadyError,
    RestrictedError,
)
from gelombang.domain.reasons import Reason
from gelombang.domain.seat import SeatAnswer, SeatEnd
from gelombang.journey import (
    applications,
    audit_export,
    erasure,
    replay,
    restriction,
    seat_clock,
    seats,
    selection,
)
from gelombang.journey.decisions import BUNDLE_SHA256, bundles_of
from gelombang.journey.ports import Put, Row
from gelombang.journey.refresh import Effect, ListChange, Listing, refresh
from gelombang.journey.replay import Again
from gelombang.journey.sessions import Session
from gelombang.journey.staff import Staff
from gelombang.journey.status import status_of
from gelombang.journey.tags import find, nik_key
from gelombang.journey.wave_rows import load_entry, recipients_before
from tests.journey.appealing import decide, file, open_wave, take_steps
from tests.journey.seated import (
    PROGRAMME,
    accept,
    events_of,
    give_back,
    one_region,
    pass_days,
    seat_of,
    selected,
    tend,
    tend_until_quiet,
    who,
)
from tests.journey.walking import begin, citizen
from tests.journey.waves import WAVE, definition_of

AUDITOR = Staff("agus", "auditor")
FOUND = "STILL_AT_SCHOOL"


def take(ports, name, reason=FOUND):
    return seats.take_back(ports, PROGRAMME, AUDITOR, name, reason, note="Berita acara 12.")


def told(ports, name):
    return status_of(ports, PROGRAMME, name).seat


def session_of(name):
    return Session(name, "this one")


def keep_nik(ports, name):
    """Keep an application's NIK for it, as verification does; return its tag."""
    application = applications.load(ports, name)
    nik_tag = application.form.nik_tag
    kept = Put(Row(nik_key(nik_tag), {"application_id": name}))
    applications.save(ports, replace(application, has_nik=True), "registers_answered", also=[kept])
    return nik_tag


def code_of(world):
    return world.texts.sent[-1][1].split("Kode Anda ")[1][:6]


def test_whoever_is_selected_is_told_the_last_day_and_accepts_with_a_code_sent_for_that():
    world = one_region(3, 2)
    name, *_ = who(world.ports, DrawOutcome.SELECTED)

    assert tend(world.ports).told_count == 2
    assert told(world.ports, name).state.code == Reason.SEAT_OFFERED
    last_day = told(world.ports, name).accept_by
    assert f"{last_day:%d-%m-%Y}" in next(text for _, text in world.texts.sent if "kursi" in text)
    applications.save(
        world.ports, replace(applications.load(world.ports, name), phone_tag="a phone"), "phone_named"
    )
    sent = seats.ask_for_code(world.ports, session_of(name), SeatAnswer.ACCEPT)
    code = code_of(world)
    seats.answer_with_code(world.ports, session_of(name), SeatAnswer.ACCEPT, sent.challenge_id, code)

    assert told(world.ports, name).state.code == Reason.SEAT_ACCEPTED
    assert events_of(world.ports, name)[-1] == "seat_accepted"
    pass_days(world)
    tend_until_quiet(world.ports)
    assert name in selected(world.ports)


def test_a_code_to_accept_does_not_give_back_nor_does_one_of_another_session():
    world = one_region(2, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)
    applications.save(
        world.ports, replace(applications.load(world.ports, name), phone_tag="a phone"), "phone_named"
    )
    sent = seats.ask_for_code(world.ports, session_of(name), SeatAnswer.ACCEPT)
    code = code_of(world)

    for session, answer in (
        (session_of(name), SeatAnswer.GIVE_BACK),
        (Session(name, "another"), SeatAnswer.ACCEPT),
    ):
        with pytest.raises(CodeError):
            seats.answer_with_code(world.ports, session, answer, sent.challenge_id, code)

    assert seat_of(world.ports, name).is_waiting


def test_a_code_is_sent_to_nobody_without_a_seat_or_without_a_phone():
    world = one_region(2, 1)
    (name,), (reserve,) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    nobody = replace(applications.load(world.ports, name), phone_tag="")
    applications.save(world.ports, nobody, "phone_taken_away")

    with pytest.raises(MoveNotAllowedError):
        seats.ask_for_code(world.ports, session_of(reserve), SeatAnswer.ACCEPT)
    with pytest.raises(NotReadyError) as refused:
        seats.ask_for_code(world.ports, session_of(name), SeatAnswer.GIVE_BACK)

    assert refused.value.missing == ("PHONE_NONE",)
    assert not [text for _, text in world.texts.sent if "Kode" in text]


def test_accepting_again_changes_nothing():
    world = one_region(2, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)
    accept(world.ports, name)
    before = seat_of(world.ports, name), events_of(world.ports, name)

    world.clock.advance(hours=1)
    accept(world.ports, name)

    assert (seat_of(world.ports, name), events_of(world.ports, name)) == before


def test_the_last_day_counts_to_its_end_in_jakarta_and_not_a_second_longer():
    world = one_region(2, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)
    tend(world.ports)
    assert world.clock.now().hour == 2, "nine in the morning in Jakarta"

    world.clock.advance(days=PROGRAMME.seats.accepted_within_days, hours=14, minutes=59)
    tend(world.ports)
    assert seat_of(world.ports, name).is_waiting
    world.clock.advance(minutes=1)
    assert told(world.ports, name).state.code == Reason.SEAT_DEADLINE_OVER
    with pytest.raises(NotReadyError) as refused:
        accept(world.ports, name)

    assert refused.value.missing == (Reason.SEAT_DEADLINE_OVER,)
    assert tend(world.ports).lapsed_count == 1
    assert seat_of(world.ports, name).end is SeatEnd.LAPSED


def test_whoever_was_not_told_yet_loses_nothing():
    world = one_region(2, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)

    pass_days(world)
    assert tend(world.ports).lapsed_count == 0
    accept(world.ports, name)

    assert name in selected(world.ports)


def test_a_seat_that_lapsed_or_was_given_back_leads_to_the_next_wave_with_plain_words():
    world = one_region(4, 2)
    lapses, gives = who(world.ports, DrawOutcome.SELECTED)
    tend(world.ports)
    give_back(world.ports, gives)
    pass_days(world)
    tend(world.ports)

    reasons = {name: applications.load(world.ports, name).reasons for name in (lapses, gives)}
    assert reasons == {lapses: (Reason.SEAT_NOT_ACCEPTED,), gives: (Reason.SEAT_GIVEN_BACK,)}
    assert [text for _, text in world.texts.sent if "tidak diterima" in text] == [seat_clock.LAPSED_TEXT]
    selection.open_wave(world.ports, definition_of(world, wave_id="gelombang-10"), "operator")
    for name in (lapses, gives):
        assert status_of(world.ports, PROGRAMME, name).state.code == State.SEAT_RETURNED
        selection.join(world.ports, name, "gelombang-10")
        assert applications.load(world.ports, name).state is State.JOINED


def test_a_seat_is_given_back_once_and_then_there_is_none_to_answer_for():
    world = one_region(2, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)
    accept(world.ports, name)
    give_back(world.ports, name)

    for answer in SeatAnswer:
        with pytest.raises(MoveNotAllowedError):
            seats.answer_seat(world.ports, applications.load(world.ports, name), answer)

    assert events_of(world.ports, name).count("seat_given_back") == 1


def test_an_auditor_takes_an_accepted_seat_back_on_record_and_by_a_signed_bundle():
    world = one_region(2, 1)
    (name,), (reserve,) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    accept(world.ports, name)

    taken = take(world.ports, name)
    assert take(world.ports, name) == taken, "asking again changes nothing"
    tend(world.ports)

    application = applications.load(world.ports, name)
    assert (application.state, application.reasons) == (State.NOT_ELIGIBLE, (FOUND,))
    assert application.checks[Layer.EDUCATION].outcome is Outcome.FAILED
    entries = applications.audit_of(world.ports, name)
    assert chain_fault(entries, application.audit_length, application.audit_head) == ""
    (bundle,) = bundles_of(world.ports, name)
    assert entries[-1].facts[BUNDLE_SHA256] == bundle.sha256
    assert (entries[-1].facts["by"], bundle.content["opinions"][0]["who"]) == ("agus", "agus")
    assert "Berita acara" not in str(entries) + bundle.text
    assert selected(world.ports) == {reserve}


def test_a_seat_is_taken_back_only_by_an_auditor_for_a_reason_of_the_rules_of_that_day():
    world = one_region(2, 1)
    (name,), (reserve,) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)

    for reason in ("RECEIVES_AID", Reason.FACE_DIFFERS, "NOTHING"):  # aid is allowed since 2023
        with pytest.raises(InvalidFormError):
            take(world.ports, name, reason)
    with pytest.raises(MoveNotAllowedError):
        take(world.ports, reserve)
    for role in ("operator", "reviewer", "appeals_officer"):
        with pytest.raises(NotAllowedError):
            seats.take_back(world.ports, PROGRAMME, Staff("x", role), name, FOUND, note="x")
    restriction.restrict(world.ports, name)
    with pytest.raises(RestrictedError):
        take(world.ports, name)

    assert selected(world.ports) == {name}


def test_a_new_version_of_a_list_does_not_undo_what_an_audit_found():
    world = one_region(2, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)
    nik_tag = keep_nik(world.ports, name)
    take(world.ports, name, "EARLIER_RECIPIENT")

    listing = Listing(Layer.EARLIER_RECIPIENT, "prakerja", "2027-01-01/1")
    (touched,) = refresh(world.ports, PROGRAMME, listing, [ListChange(nik_tag, "", None)])

    assert (touched.effect, touched.after) == (Effect.BY_APPEAL, State.NOT_ELIGIBLE)


def test_whoever_restricts_does_not_accept_but_may_give_back_and_the_days_go_on():
    world = one_region(4, 2)
    one, other = who(world.ports, DrawOutcome.SELECTED)
    tend(world.ports)
    for name in (one, other):
        restriction.restrict(world.ports, name)

    with pytest.raises(RestrictedError):
        accept(world.ports, one)
    give_back(world.ports, one)
    pass_days(world)
    tend(world.ports)

    assert [seat_of(world.ports, name).end for name in (one, other)] == [SeatEnd.GIVEN_BACK, SeatEnd.LAPSED]


@pytest.mark.parametrize("is_accepted", [True, False])
def test_an_erasure_leaves_a_seat_that_was_not_accepted_and_with_it_the_nik(is_accepted):
    world = one_region(2, 1)
    (name,), (reserve,) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    nik_tag = keep_nik(world.ports, name)
    if is_accepted:
        accept(world.ports, name)

    erasure.begin(world.ports, applications.load(world.ports, name), [])
    erasure.erase_due(world.ports)
    pass_days(world)
    tend_until_quiet(world.ports)

    assert (find(world.ports, nik_key, nik_tag) is not None) is is_accepted
    assert (reserve in selected(world.ports)) is not is_accepted


def test_an_upheld_appeal_against_a_seat_taken_back_is_checked_again_and_comes_first_in_the_next_wave(
    tmp_path,
):
    walk = begin(citizen(1))
    name = walk.submit(citizen(1))
    walk.deliver()
    open_wave(walk, "gelombang-1")
    selection.join(walk.ports, name, "gelombang-1")
    walk.world.clock.advance(hours=1)
    take_steps(walk, "gelombang-1", "freeze", "commit", "draw", "publish")
    take(walk.ports, name)

    assert decide(walk, file(walk, name, FOUND).number, AppealCode.SHOWN_OTHERWISE) is AppealState.UPHELD
    open_wave(walk, "gelombang-2")
    selection.join(walk.ports, name, "gelombang-2")

    entry = load_entry(walk.ports, "gelombang-2", walk.application(name).entry_id)
    assert entry.restored
    assert [each.again for each in replay.replay(walk.ports, walk.programme, name)][1:3] == [Again.PEOPLE] * 2
    for path, content in audit_export.export(walk.ports, walk.programme, [name], has_everything=False):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert verify_audit(tmp_path) == []
    (bundle,) = [path for path in tmp_path.glob("bundles/*/*") if b"seat_taken_back" in path.read_bytes()]
    assert "STILL_AT_SCHOOL" in bundle.read_text()


def test_what_is_decided_after_a_seat_was_taken_back_is_replayed_and_verified(tmp_path):
    walk = begin(citizen(1))
    name = walk.submit(citizen(1))
    walk.deliver()
    open_wave(walk, "gelombang-1")
    selection.join(walk.ports, name, "gelombang-1")
    walk.world.clock.advance(hours=1)
    take_steps(walk, "gelombang-1", "freeze", "commit", "draw", "publish")
    take(walk.ports, name)
    nik_tag = walk.ports.vault.tag("nik", citizen(1).nik)
    listing = Listing(Layer.EARLIER_RECIPIENT, "prakerja", "2027-01-01/1")
    list(refresh(walk.ports, walk.programme, listing, [ListChange(nik_tag, None, "")]))

    # The list is overruled; the machine decides once more, from the audit's finding.
    decide(walk, file(walk, name, "EARLIER_RECIPIENT").number, AppealCode.SHOWN_OTHERWISE)

    assert walk.application(name).reasons == (FOUND,)
    last = bundles_of(walk.ports, name)[-1].content
    assert ("opinions" in last, [c["source"] for c in last["checks"] if c["outcome"] == "FAILED"]) == (
        False,
        [seats.BY_AUDIT],
    )
    assert replay.replay(walk.ports, walk.programme, name)[-1].again is Again.IDENTICAL
    for path, content in audit_export.export(walk.ports, walk.programme, [name], has_everything=False):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert verify_audit(tmp_path) == []


def test_the_household_counts_one_less_once_the_seat_was_taken_up_by_the_clock():
    world = one_region(1, 1)
    (name,) = who(world.ports, DrawOutcome.SELECTED)
    entry = load_entry(world.ports, WAVE, applications.load(world.ports, name).entry_id)
    assert recipients_before(world.ports, [entry.kk_tag], "another") == [1]

    give_back(world.ports, name)
    tend(world.ports)
    tend(world.ports)

    assert recipients_before(world.ports, [entry.kk_tag], "another") == [0]
