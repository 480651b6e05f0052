"""Phone codes and sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gelombang.domain.errors import (
    CodeError,
    InvalidFormError,
    NotAllowedError,
    NotSignedInError,
    TooManyRequestsError,
)
from gelombang.journey import codes, sessions
from gelombang.journey.ports import Put, Row
from gelombang.journey.staff import Scope, staff_key, staff_of
from tests.journey.walking import begin

PHONE = "+6281234567890"
MINE = codes.Asker(device="my-phone")
MINE = codes.Asker(device="my-phone")


@pytest.fixture
def walk():
    return begin()


def send(walk, phone=PHONE):
    sent = codes.send_code(walk.ports, phone)
    return sent.challenge_id, walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]


def test_a_code_signs_in_and_the_same_phone_finds_its_application_again(walk):
    first = sessions.confirm_code(walk.ports, *send(walk))
    walk.world.clock.advance(minutes=10)

    second = sessions.confirm_code(walk.ports, *send(walk, "0812-3456-7890"))

    assert first.application_id == second.application_id
    assert first.token != second.token
    assert sessions.applicant_of(walk.ports, second.token) == first.application_id


def test_a_code_works_once(walk):
    challenge_id, code = send(walk)
    sessions.confirm_code(walk.ports, challenge_id, code)

    with pytest.raises(CodeError) as refused:
        sessions.confirm_code(walk.ports, challenge_id, code)

    assert refused.value.reason == "CODE_USED_UP"


def test_a_code_is_gone_after_ten_minutes(walk):
    challenge_id, code = send(walk)
    walk.world.clock.advance(minutes=10)

    with pytest.raises(CodeError) as refused:
        sessions.confirm_code(walk.ports, challenge_id, code)

    assert refused.value.reason == "CODE_EXPIRED"


def test_five_wrong_tries_use_a_code_up_and_each_says_how_many_are_left(walk):
    challenge_id, code = send(walk)
    wrong = "000000" if code != "000000" else "111111"
    left = []
    for _ in range(5):
        with pytest.raises(CodeError) as refused:
            sessions.confirm_code(walk.ports, challenge_id, wrong)
        left.append(refused.value.tries_left)

    with pytest.raises(CodeError) as refused:
        sessions.confirm_code(walk.ports, challenge_id, code)

    assert left == [4, 3, 2, 1, 0]
    assert refused.value.reason == "CODE_USED_UP"


def test_a_code_for_one_action_is_useless_for_another(walk):
    challenge_id, code = send(walk)

    with pytest.raises(CodeError):
        sessions.confirm_code(walk.ports, challenge_id, code, action="submit")


def test_a_code_does_not_open_another_challenge(walk):
    _, code = send(walk)
    other, _ = send(walk, "+6281234567891")

    with pytest.raises(CodeError):
        sessions.confirm_code(walk.ports, other, code)


def test_the_next_code_must_wait_longer_each_time(walk):
    waits = []
    for _ in range(5):
        waits.append(codes.send_code(walk.ports, PHONE, asker=MINE).resend_after_s)
        with pytest.raises(TooManyRequestsError) as refused:
            codes.send_code(walk.ports, PHONE, asker=MINE)
        assert 0 < refused.value.retry_after_s <= waits[-1] + 1
        walk.world.clock.advance(seconds=waits[-1])

    assert waits == [30, 60, 120, 300, 300]


@pytest.mark.parametrize("phone", ["", "halo", "+15551234567", "021-5551234", "+62", "0812"])
def test_only_indonesian_mobiles_get_a_code(walk, phone):
    with pytest.raises(InvalidFormError) as refused:
        codes.send_code(walk.ports, phone)

    assert refused.value.faults[0].reason == "PHONE_NOT_INDONESIAN_MOBILE"
    assert walk.world.texts.sent == []


def test_a_session_ends_and_an_unknown_token_opens_nothing(walk):
    token = sessions.confirm_code(walk.ports, *send(walk)).token
    walk.world.clock.advance(hours=12)

    for tried in (token, "somebody else's", ""):
        with pytest.raises(NotSignedInError):
            sessions.applicant_of(walk.ports, tried)


def test_neither_code_nor_token_nor_phone_lies_in_the_table(walk):
    challenge_id, code = send(walk)
    stored = str(walk.world.rows._rows)
    assert f"'{code}'" not in stored
    assert "81234567890" not in stored

    token = sessions.confirm_code(walk.ports, challenge_id, code).token

    assert token not in str(walk.world.rows._rows)


def test_staff_may_do_what_their_role_may_until_their_token_ends(walk):
    ends = walk.world.clock.now() + timedelta(hours=8)
    row = Row(staff_key("secret"), {"name": "rina", "role": "reviewer"}, expires_at=ends)
    walk.ports.rows.commit([Put(row)])

    staff = staff_of(walk.ports, "secret")

    staff.must_have(Scope.DECIDE_CASES)
    with pytest.raises(NotAllowedError):
        staff.must_have(Scope.RUN_WAVES)
    with pytest.raises(NotSignedInError):
        staff_of(walk.ports, "guess")
    walk.world.clock.advance(hours=8)
    with pytest.raises(NotSignedInError):
        staff_of(walk.ports, "secret")
