"""Changing the phone an applicant signs in with; and their sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gelombang.domain.errors import (
    CodeError,
    DependencyError,
    InvalidFormError,
    NotFoundError,
    NotSignedInError,
)
from gelombang.journey import applications, codes, contacts, notices, reconciliation, sessions
from gelombang.journey.notices import Notice
from gelombang.journey.ports import Put
from tests.journey.walking import begin

OLD, NEW = "+6281234567890", "+6281234567891"


@pytest.fixture
def walk():
    return begin()


def last_code(walk):
    return walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]


def sign_in(walk, phone=OLD):
    sent = codes.send_code(walk.ports, phone)
    started = sessions.confirm_code(walk.ports, sent.challenge_id, last_code(walk))
    walk.world.clock.advance(seconds=30)
    return started


def session(walk, started):
    return sessions.session_of(walk.ports, started.token)


def change(walk, started, phone=NEW):
    asked = contacts.ask_to_change_phone(walk.ports, session(walk, started), phone)
    return contacts.change_phone(walk.ports, session(walk, started), asked.challenge_id, last_code(walk))


def test_a_changed_phone_signs_in_to_the_same_application_and_the_old_one_no_longer(walk):
    before = sign_in(walk)

    changed = change(walk, before)

    assert changed.application_id == before.application_id
    assert sign_in(walk, NEW).application_id == before.application_id
    assert sign_in(walk, OLD).application_id != before.application_id


def test_a_changed_phone_ends_every_other_session_and_gives_this_one_a_new_token(walk):
    here, elsewhere = sign_in(walk), sign_in(walk)

    changed = change(walk, here)

    assert sessions.applicant_of(walk.ports, changed.token) == here.application_id
    for ended in (here, elsewhere):
        with pytest.raises(NotSignedInError):
            sessions.applicant_of(walk.ports, ended.token)


def test_the_old_phone_is_told(walk):
    change(walk, sign_in(walk))

    assert [phone for phone, text in walk.world.texts.sent if "telah diganti" in text] == [OLD]


def test_a_phone_that_has_an_application_cannot_be_taken_and_nothing_changes(walk):
    mine, hers = sign_in(walk), sign_in(walk, NEW)

    with pytest.raises(InvalidFormError) as refused:
        change(walk, mine)

    assert refused.value.faults[0].reason == "PHONE_HAS_APPLICATION"
    assert sessions.applicant_of(walk.ports, mine.token) == mine.application_id
    assert sign_in(walk, NEW).application_id == hers.application_id


def test_confirming_ones_own_number_changes_nothing_but_the_token(walk):
    mine = sign_in(walk)

    changed = change(walk, mine, OLD)

    assert sign_in(walk, OLD).application_id == changed.application_id
    assert all("telah diganti" not in text for _, text in walk.world.texts.sent)


def test_a_used_code_does_not_change_the_phone_again(walk):
    started = sign_in(walk)
    asked = contacts.ask_to_change_phone(walk.ports, session(walk, started), NEW)
    contacts.change_phone(walk.ports, session(walk, started), asked.challenge_id, last_code(walk))
    other = sign_in(walk, "+6281234567892")

    with pytest.raises(CodeError) as refused:
        contacts.change_phone(walk.ports, session(walk, other), asked.challenge_id, last_code(walk))

    assert refused.value.reason == "CODE_USED_UP"


def test_a_change_of_phone_is_on_record_without_either_number(walk):
    changed = change(walk, sign_in(walk))

    stored = str(walk.world.rows._rows)
    audit = walk.ports.rows.read_partition(f"APPLICATION#{changed.application_id}", "AUDIT#")
    assert audit[-1].fields["event"] == "phone_changed"
    assert OLD[3:] not in stored
    assert NEW[3:] not in stored


class SilentTexts:
    def send(self, _phone, _text):
        raise DependencyError("texts")


def test_a_notice_that_could_not_be_sent_is_sent_by_the_reconciler_once(walk):
    application = applications.load(walk.ports, sign_in(walk).application_id)
    row = notices.notice_row(walk.ports, Notice.to(application, "n1", "Halo."))
    walk.ports.rows.commit([Put(row)])
    assert not notices.send_notice(replace(walk.ports, texts=SilentTexts()), replace(row, version=1))
    walk.world.clock.advance(minutes=2)
    told = [reconciliation.reconcile(walk.ports).told_count for _ in range(2)]

    assert told == [1, 0]
    assert [text for _, text in walk.world.texts.sent].count("Halo.") == 1


def test_a_session_that_is_used_goes_on_for_two_weeks_and_no_longer(walk):
    started = sign_in(walk)
    for _ in range(30):
        walk.world.clock.advance(hours=11)
        sessions.applicant_of(walk.ports, started.token)

    walk.world.clock.advance(hours=6)

    with pytest.raises(NotSignedInError):
        sessions.applicant_of(walk.ports, started.token)


def test_an_unused_session_ends_after_twelve_hours(walk):
    started = sign_in(walk)
    walk.world.clock.advance(hours=12)

    with pytest.raises(NotSignedInError):
        sessions.applicant_of(walk.ports, started.token)


def test_the_owner_sees_every_device_and_can_sign_one_out(walk):
    first, second = sign_in(walk), sign_in(walk)
    seen = sessions.list_sessions(walk.ports, session(walk, second))

    sessions.end_session(walk.ports, session(walk, second), seen[0].session_id)

    assert [one.is_this for one in seen] == [False, True]
    assert seen[1].created_at - seen[0].created_at == timedelta(seconds=30)
    with pytest.raises(NotSignedInError):
        sessions.applicant_of(walk.ports, first.token)
    assert [one.is_this for one in sessions.list_sessions(walk.ports, session(walk, second))] == [True]


def test_nobody_can_end_the_session_of_somebody_else(walk):
    mine, hers = session(walk, sign_in(walk)), sign_in(walk, NEW)

    with pytest.raises(NotFoundError):
        sessions.end_session(walk.ports, mine, session(walk, hers).session_id)

    assert sessions.applicant_of(walk.ports, hers.token) == hers.application_id


def test_signing_out_everywhere_ends_every_session(walk):
    started = [sign_in(walk) for _ in range(3)]

    sessions.end_all_sessions(walk.ports, session(walk, started[0]))

    for one in started:
        with pytest.raises(NotSignedInError):
            sessions.applicant_of(walk.ports, one.token)


def test_the_eleventh_session_makes_room_by_ending_the_first(walk):
    started = []
    for _ in range(11):
        started.append(sign_in(walk))
        walk.world.clock.advance(minutes=5)

    with pytest.raises(NotSignedInError):
        sessions.applicant_of(walk.ports, started[0].token)
    assert len(sessions.list_sessions(walk.ports, session(walk, started[1]))) == 10
