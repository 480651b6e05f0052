"""An e-mail address for codes: confirmed by its own code, used when text messages do not come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.errors import CodeError, DependencyError, TooManyRequestsError
from gelombang.journey import codes, contacts, reconciliation, sessions
from gelombang.journey.reach import Channel
from tests.journey.walking import begin

PHONE, OTHER = "+6281234567890", "+6281234567891"
ADDRESS = "siti@example.org"


@pytest.fixture
def walk():
    return begin()


def code_in(text):
    return text.split("Kode Anda ")[1][:6]


def sign_in(walk, phone=PHONE):
    sent = codes.send_code(walk.ports, phone)
    started = sessions.confirm_code(walk.ports, sent.challenge_id, code_in(walk.world.texts.sent[-1][1]))
    walk.world.clock.advance(minutes=6)
    return sessions.session_of(walk.ports, started.token)


def save(walk, session, address=ADDRESS):
    asked = contacts.ask_to_save_email(walk.ports, session, address)
    return contacts.save_email(walk.ports, session, asked.challenge_id, code_in(walk.world.mails.sent[-1][2]))


def by_email(walk, phone=PHONE):
    return codes.send_code(walk.ports, phone, channel=Channel.EMAIL)


def test_an_address_is_kept_once_its_own_code_is_confirmed(walk):
    session = sign_in(walk)
    before = contacts.has_email(walk.ports, session)

    saved = save(walk, session)

    assert (before.is_saved, saved.is_saved, contacts.has_email(walk.ports, session).is_saved) == (
        False,
        True,
        True,
    )
    assert [(to, subject) for to, subject, _ in walk.world.mails.sent] == [(ADDRESS, "Kode Anda")]
    assert len(walk.world.texts.sent) == 1


def test_a_code_by_email_signs_in_to_the_same_application(walk):
    session = sign_in(walk)
    save(walk, session)

    asked = by_email(walk)
    reconciliation.reconcile(walk.ports)
    to, _, text = walk.world.mails.sent[-1]
    started = sessions.confirm_code(walk.ports, asked.challenge_id, code_in(text))

    assert to == ADDRESS
    assert asked.mark in text
    assert started.application_id == session.application_id


def test_without_an_address_the_answer_is_the_same_and_nothing_is_sent(walk):
    known = sign_in(walk)
    save(walk, known)
    sign_in(walk, OTHER)
    mailed_count, texted_count = len(walk.world.mails.sent), len(walk.world.texts.sent)

    asked = [by_email(walk, phone) for phone in (PHONE, OTHER, "+6281234567892")]
    told = reconciliation.reconcile(walk.ports).told_count
    again = reconciliation.reconcile(walk.ports).told_count

    assert len({(one.expires_in_s, one.resend_after_s, one.is_new) for one in asked}) == 1
    assert (told, again) == (3, 0)
    assert (len(walk.world.mails.sent), len(walk.world.texts.sent)) == (mailed_count + 1, texted_count)


def test_a_code_by_email_does_not_wait_for_the_one_by_text(walk):
    save(walk, sign_in(walk))
    codes.send_code(walk.ports, PHONE)

    assert by_email(walk).is_new


def test_a_text_code_does_not_confirm_an_address_and_an_address_of_one_session_is_useless_in_another(walk):
    mine, hers = sign_in(walk), sign_in(walk, OTHER)
    asked = contacts.ask_to_save_email(walk.ports, mine, ADDRESS)
    code = code_in(walk.world.mails.sent[-1][2])

    for attempt in (
        lambda: contacts.save_email(walk.ports, hers, asked.challenge_id, code),
        lambda: sessions.confirm_code(walk.ports, asked.challenge_id, code),
    ):
        with pytest.raises(CodeError) as refused:
            attempt()
        assert refused.value.reason == "CODE_WRONG"


def test_nobody_fills_a_strangers_inbox(walk):
    mine, hers = sign_in(walk), sign_in(walk, OTHER)
    contacts.ask_to_save_email(walk.ports, mine, ADDRESS)

    with pytest.raises(TooManyRequestsError):
        contacts.ask_to_save_email(walk.ports, hers, ADDRESS.upper())


def test_a_forgotten_address_gets_no_codes(walk):
    session = sign_in(walk)
    save(walk, session)
    mailed_count = len(walk.world.mails.sent)

    contacts.forget_email(walk.ports, session)
    contacts.forget_email(walk.ports, session)
    by_email(walk)
    reconciliation.reconcile(walk.ports)

    assert not contacts.has_email(walk.ports, session).is_saved
    assert len(walk.world.mails.sent) == mailed_count


class SilentMails:
    def send(self, _address, _subject, _text):
        raise DependencyError("ses")


def test_a_code_that_could_not_be_mailed_is_mailed_later_but_not_once_it_is_over(walk):
    save(walk, sign_in(walk))
    down = replace(walk.ports, mails=SilentMails())
    mailed_count = len(walk.world.mails.sent)
    by_email(walk)

    missed = reconciliation.reconcile(down).told_count
    late = reconciliation.reconcile(walk.ports).told_count
    walk.world.clock.advance(minutes=6)
    by_email(walk)
    reconciliation.reconcile(down)
    walk.world.clock.advance(minutes=11)
    reconciliation.reconcile(walk.ports)

    assert (missed, late) == (0, 1)
    assert len(walk.world.mails.sent) == mailed_count + 1


def test_an_address_whose_message_was_not_taken_can_be_tried_again_at_once(walk):
    session = sign_in(walk)
    with pytest.raises(DependencyError):
        contacts.ask_to_save_email(replace(walk.ports, mails=SilentMails()), session, ADDRESS)

    assert contacts.ask_to_save_email(walk.ports, session, ADDRESS).is_new


def test_neither_address_nor_code_lies_in_the_table(walk):
    save(walk, sign_in(walk))
    by_email(walk)
    stored = str(walk.world.rows._rows)
    reconciliation.reconcile(walk.ports)

    assert ADDRESS not in stored + str(walk.world.rows._rows)
    assert code_in(walk.world.mails.sent[-1][2]) not in stored


def test_a_round_mails_the_codes_of_a_minute_in_which_no_text_came(walk):
    for number in range(150):
        by_email(walk, f"+628120000{number:04d}")

    assert reconciliation.reconcile(walk.ports).told_count == 150
