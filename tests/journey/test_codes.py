"""Phone codes: whose they are, what they are for, how often they come, and what happens under attack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from gelombang.domain.errors import CodeError, DependencyError, InvalidFormError, TooManyRequestsError
from gelombang.journey import codes, contacts, sessions
from gelombang.journey.codes import Action, Asker
from gelombang.journey.limits import LIMITS
from gelombang.journey.sessions import SessionStarted
from tests.journey.walking import begin

PHONE = "+6281234567890"
OTHER = "+6281234567891"


@pytest.fixture
def walk():
    return begin()


def last_code(walk):
    return walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]


def wrong(code):
    return "000000" if code != "000000" else "111111"


def sign_in(walk, phone=PHONE):
    sent = codes.send_code(walk.ports, phone)
    started = sessions.confirm_code(walk.ports, sent.challenge_id, last_code(walk))
    return sessions.session_of(walk.ports, started.token)


def refusal(step, *given, **named):
    with pytest.raises(CodeError) as refused:
        step(*given, **named)
    return refused.value


def test_fifty_submits_of_the_right_code_at_once_open_one_session(walk):
    sent, code = codes.send_code(walk.ports, PHONE), None
    code = last_code(walk)

    def submit(_):
        try:
            return sessions.confirm_code(walk.ports, sent.challenge_id, code)
        except CodeError as error:
            return error.reason

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(submit, range(50)))

    assert sum(isinstance(answer, SessionStarted) for answer in answers) == 1
    assert answers.count("CODE_USED_UP") == 49


def test_guesses_at_once_are_all_counted(walk):
    sent = codes.send_code(walk.ports, PHONE)
    guess = wrong(last_code(walk))

    def submit(_):
        return refusal(sessions.confirm_code, walk.ports, sent.challenge_id, guess).reason

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(submit, range(20)))

    assert answers.count("CODE_WRONG") == 5
    assert answers.count("CODE_USED_UP") == 15


def test_a_wrong_code_says_when_the_next_message_can_be_sent(walk):
    sent = codes.send_code(walk.ports, PHONE)
    walk.world.clock.advance(seconds=10)

    refused = refusal(sessions.confirm_code, walk.ports, sent.challenge_id, wrong(last_code(walk)))

    assert (refused.reason, refused.tries_left, refused.resend_after_s) == ("CODE_WRONG", 4, 20)


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.START_TEST])
def test_no_code_is_sent_for_what_no_route_takes_one_for(walk, action):
    with pytest.raises(InvalidFormError):
        codes.send_code(walk.ports, PHONE, action)

    assert walk.world.texts.sent == []


def test_a_code_to_sign_in_does_not_change_a_phone_and_the_other_way_round(walk):
    session = sign_in(walk)
    to_sign_in = codes.send_code(walk.ports, OTHER)
    code = last_code(walk)
    to_change = contacts.ask_to_change_phone(walk.ports, session, OTHER)
    other_code = last_code(walk)

    as_change = refusal(contacts.change_phone, walk.ports, session, to_sign_in.challenge_id, code)
    as_sign_in = refusal(sessions.confirm_code, walk.ports, to_change.challenge_id, other_code)

    assert (as_change.reason, as_sign_in.reason) == ("CODE_WRONG", "CODE_WRONG")


def test_a_code_of_one_session_is_wrong_in_another(walk):
    session, stranger = sign_in(walk), sign_in(walk, "+6281234567899")
    sent = contacts.ask_to_change_phone(walk.ports, session, OTHER)

    refused = refusal(contacts.change_phone, walk.ports, stranger, sent.challenge_id, last_code(walk))

    assert refused.reason == "CODE_WRONG"


def test_who_asks_while_a_message_is_under_way_can_use_it_and_no_second_one_is_sent(walk):
    codes.send_code(walk.ports, PHONE)
    walk.world.clock.advance(seconds=12)

    mine = codes.send_code(walk.ports, PHONE)
    started = sessions.confirm_code(walk.ports, mine.challenge_id, last_code(walk))

    assert (mine.is_new, mine.resend_after_s, mine.expires_in_s) == (False, 18, 588)
    assert len(walk.world.texts.sent) == 1
    assert sessions.applicant_of(walk.ports, started.token) == started.application_id


def test_a_code_used_by_one_who_joined_is_used_up_for_everybody(walk):
    opened, joined = codes.send_code(walk.ports, PHONE), codes.send_code(walk.ports, PHONE)
    sessions.confirm_code(walk.ports, joined.challenge_id, last_code(walk))

    refused = refusal(sessions.confirm_code, walk.ports, opened.challenge_id, last_code(walk))

    assert refused.reason == "CODE_USED_UP"


def test_those_who_joined_share_five_tries_and_whoever_asked_first_keeps_theirs(walk):
    opened = codes.send_code(walk.ports, PHONE)
    code = last_code(walk)
    joined = [codes.send_code(walk.ports, PHONE) for _ in range(3)]
    guesses = [
        refusal(sessions.confirm_code, walk.ports, joined[i % 2].challenge_id, wrong(code)) for i in range(5)
    ]

    refused = refusal(sessions.confirm_code, walk.ports, joined[2].challenge_id, code)

    assert [guess.tries_left for guess in guesses] == [4, 3, 2, 1, 0]
    assert refused.reason == "CODE_USED_UP"
    assert sessions.confirm_code(walk.ports, opened.challenge_id, code).token


def test_a_message_that_can_help_nobody_any_more_is_followed_by_another_after_30_s(walk):
    for wait_s in (0, 30, 60):
        walk.world.clock.advance(seconds=wait_s)
        codes.send_code(walk.ports, PHONE)
    joined = codes.send_code(walk.ports, PHONE)
    for _ in range(5):
        refused = refusal(sessions.confirm_code, walk.ports, joined.challenge_id, wrong(last_code(walk)))

    assert (joined.resend_after_s, refused.resend_after_s) == (120, 30)


def test_one_device_does_not_get_two_challenges_for_one_message_but_waits(walk):
    mine = Asker(device="my-phone")
    codes.send_code(walk.ports, PHONE, asker=mine)

    with pytest.raises(TooManyRequestsError) as refused:
        codes.send_code(walk.ports, PHONE, asker=mine)

    assert refused.value.retry_after_s == 30
    assert codes.send_code(walk.ports, PHONE, asker=Asker(device="her-phone")).challenge_id


def test_a_device_gets_so_many_codes_an_hour_and_one_that_says_nothing_is_not_limited(walk):
    mine, few = Asker(device="my-phone"), replace(LIMITS, codes_per_device=3)
    for number in range(3):
        codes.send_code(walk.ports, f"+62812345000{number:02d}", asker=mine, allowed=few)

    with pytest.raises(TooManyRequestsError) as refused:
        codes.send_code(walk.ports, PHONE, asker=mine, allowed=few)
    for number in range(10):
        codes.send_code(walk.ports, f"+62812345001{number:02d}", allowed=few)
    walk.world.clock.advance(seconds=refused.value.retry_after_s)

    assert refused.value.retry_after_s == 3600
    assert codes.send_code(walk.ports, PHONE, asker=mine, allowed=few).is_new


def test_a_phone_gets_so_many_messages_an_hour_however_they_are_burnt(walk):
    few = replace(LIMITS, sends_per_phone=4)
    for _ in range(4):
        codes.send_code(walk.ports, PHONE, allowed=few)
        joined = codes.send_code(walk.ports, PHONE, allowed=few)
        for _ in range(5):
            refusal(sessions.confirm_code, walk.ports, joined.challenge_id, wrong(last_code(walk)))
        walk.world.clock.advance(seconds=30)

    with pytest.raises(TooManyRequestsError) as refused:
        codes.send_code(walk.ports, PHONE, allowed=few)

    assert refused.value.retry_after_s == 3600 - 120
    assert len(walk.world.texts.sent) == 4


def test_what_may_be_spent_in_an_hour_is_never_passed_and_the_next_hour_begins_anew(walk):
    few, refused = replace(LIMITS, sends=100), []
    for number in range(400):
        try:
            codes.send_code(walk.ports, f"+628123450{number:04d}", allowed=few)
        except TooManyRequestsError as error:
            refused.append(error.retry_after_s)

    sent_count = len(walk.world.texts.sent)
    walk.world.clock.advance(seconds=refused[-1])
    codes.send_code(walk.ports, PHONE, allowed=few)

    assert 85 <= sent_count <= 100
    assert set(refused) == {3600}
    assert len(walk.world.texts.sent) == sent_count + 1


def test_once_everybody_has_mistyped_too_often_a_code_has_two_tries(walk):
    none = replace(LIMITS, failures=0)
    sent = codes.send_code(walk.ports, PHONE)
    guess = wrong(last_code(walk))

    left = [
        refusal(sessions.confirm_code, walk.ports, sent.challenge_id, guess, allowed=none).tries_left
        for _ in range(2)
    ]

    assert left == [1, 0]
    refused = refusal(sessions.confirm_code, walk.ports, sent.challenge_id, last_code(walk), allowed=none)
    assert refused.reason == "CODE_USED_UP"


def test_a_device_that_signed_in_before_has_messages_and_tries_that_nobody_else_can_use_up(walk):
    mine = Asker(device="my-phone")
    first = codes.send_code(walk.ports, PHONE, asker=mine)
    sessions.confirm_code(walk.ports, first.challenge_id, last_code(walk))
    walk.world.clock.advance(seconds=30)
    codes.send_code(walk.ports, PHONE, asker=Asker(device="a-stranger"))
    joined = codes.send_code(walk.ports, PHONE)
    for _ in range(5):
        refusal(sessions.confirm_code, walk.ports, joined.challenge_id, wrong(last_code(walk)))

    again = codes.send_code(walk.ports, PHONE, asker=mine)

    assert again.is_new
    assert sessions.confirm_code(walk.ports, again.challenge_id, last_code(walk)).application_id


def test_a_device_that_signed_in_to_another_phone_is_a_stranger_to_this_one(walk):
    mine = Asker(device="my-phone")
    first = codes.send_code(walk.ports, OTHER, asker=mine)
    sessions.confirm_code(walk.ports, first.challenge_id, last_code(walk))
    codes.send_code(walk.ports, PHONE)

    assert not codes.send_code(walk.ports, PHONE, asker=mine).is_new


class SilentTexts:
    """A provider that takes nothing."""

    def send(self, _phone, _text):
        raise DependencyError("texts")


def test_a_message_that_no_provider_took_is_not_counted(walk):
    down = replace(walk.ports, texts=SilentTexts())
    mine = Asker(device="my-phone")
    before = codes.send_code(walk.ports, PHONE, asker=mine)
    walk.world.clock.advance(seconds=30)
    stored = rows_of(walk)

    with pytest.raises(DependencyError):
        codes.send_code(down, PHONE, asker=mine)

    assert rows_of(walk) == stored
    after = codes.send_code(walk.ports, PHONE, asker=mine)
    assert (before.resend_after_s, after.resend_after_s, after.is_new) == (30, 60, True)


def rows_of(walk):
    """What lies in the table, without versions and what has been counted back to nothing."""
    return {
        key: row.fields
        for key, row in walk.world.rows._rows.items()
        if row.fields.get("count") != 0 and row.fields.get("sendings") != []
    }


def test_asking_at_once_for_one_phone_sends_one_message(walk):
    def ask(_):
        with suppress(TooManyRequestsError):
            return codes.send_code(walk.ports, PHONE).is_new

    with ThreadPoolExecutor(8) as threads:
        new = list(threads.map(ask, range(40)))

    assert new.count(True) == 1
    assert len(walk.world.texts.sent) == 1
