"""Somebody without a phone adds one, gets a copy and is erased, at an officer's desk."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files

import pytest

from gelombang.domain.application import State
from gelombang.domain.errors import InvalidFormError, NotAllowedError, NotReadyError
from gelombang.journey import (
    applications,
    assistance,
    codes,
    contacts,
    erasure,
    personal_copy,
    reconciliation,
    retention,
    sessions,
)
from gelombang.journey.codes import Action, Asker
from gelombang.journey.receipts import receipt_tag
from gelombang.journey.status import status_of
from tests.journey.desk import (
    BUDI,
    NOT_A_CODE,
    add_phone,
    at_the_desk,
    events,
    last_code,
    reasons,
    registered,
)
from tests.journey.walking import begin, citizen


@pytest.fixture
def walk():
    return begin(citizen())


def test_a_phone_can_be_added_later_and_the_officers_session_goes_on(walk):
    begun = registered(walk)
    _, session = at_the_desk(walk, begun.token)

    renewed = add_phone(walk, session, "+6281234567890")

    after = sessions.session_of(walk.ports, renewed.token)
    assert after.assistance == session.assistance
    assert renewed.expires_at - walk.world.clock.now() == sessions.ASSISTED
    walk.world.clock.advance(minutes=10)
    assert walk.sign_in("+6281234567890") == begun.application_id


def test_a_phone_that_is_there_only_its_owner_changes(walk):
    begun = registered(walk)
    _, session = at_the_desk(walk, begun.token)
    renewed = add_phone(walk, session, "+6281234567890")
    _, session = at_the_desk(walk, renewed.token)
    sent_count = len(walk.world.texts.sent)

    with pytest.raises(InvalidFormError) as refused:
        contacts.ask_to_change_phone(walk.ports, session, "+6281234567891")

    assert reasons(refused) == [("/phone", "PHONE_ONLY_BY_OWNER")]
    assert len(walk.world.texts.sent) == sent_count


def test_a_code_asked_for_before_there_was_a_phone_does_not_change_it_after(walk):
    begun = registered(walk)
    _, session = at_the_desk(walk, begun.token)
    asker = Asker(session.session_id)
    sent = codes.send_code(walk.ports, "+6281234567891", Action.CHANGE_PHONE, asker)
    code = last_code(walk)
    application = walk.application(begun.application_id)
    applications.save(walk.ports, replace(application, phone_tag="t", sealed_phone="s"), "by_hand")

    with pytest.raises(InvalidFormError):
        contacts.change_phone(walk.ports, session, sent.challenge_id, code)


def test_without_a_phone_the_receipt_code_and_the_officer_erase(walk):
    begun = registered(walk)
    desk, session = at_the_desk(walk, begun.token)
    with pytest.raises(NotReadyError) as refused:
        erasure.ask_for_code(desk.ports, session)
    assert refused.value.missing == ("PHONE_NONE",)
    with pytest.raises(InvalidFormError):
        assistance.erase(desk.ports, session, NOT_A_CODE)

    asked = assistance.erase(desk.ports, session, begun.receipt)
    for _ in range(3):
        reconciliation.reconcile(walk.ports)
        walk.world.clock.advance(hours=2)

    assert asked.erased_by - walk.world.clock.now() > timedelta(hours=60)
    assert walk.application(begun.application_id).state is State.ERASED
    assert ("erasure_asked", "budi") in events(walk, begun.application_id)
    with pytest.raises(InvalidFormError):
        assistance.tell(walk.ports, walk.programme, begun.receipt)
    left = str(walk.world.rows._rows.values())
    assert receipt_tag(begun.receipt) not in left


def test_with_a_phone_the_receipt_code_erases_nothing(walk):
    begun = registered(walk)
    _, session = at_the_desk(walk, begun.token)
    _, session = at_the_desk(walk, add_phone(walk, session, "+6281234567890").token)

    with pytest.raises(NotReadyError) as refused:
        assistance.erase(walk.ports, session, begun.receipt)

    assert refused.value.missing == ("PHONE_THERE",)
    assert walk.application(begun.application_id).state is not State.ERASED


def test_a_session_of_ones_own_erases_nothing_with_a_code(walk):
    begun = registered(walk)
    own = sessions.Session(begun.application_id, "ses_own")

    with pytest.raises(NotAllowedError):
        assistance.erase(walk.ports, own, begun.receipt)


def test_every_kind_of_row_that_a_desk_leaves_has_an_end_or_a_reason(walk):
    begun = registered(walk)
    with pytest.raises(InvalidFormError):
        assistance.open_again(walk.ports, BUDI, NOT_A_CODE)
    with pytest.raises(InvalidFormError):
        assistance.tell(walk.ports, walk.programme, NOT_A_CODE, "a-phone")
    walk.submit(citizen())  # whoever names the same NIK leaves a notice
    walk.deliver()
    named = json.loads(files("programmes").joinpath("prakerja", "retention.json").read_text())
    expiring, kept = (tuple(each["rows"] for each in named[what]) for what in ("expiring", "kept"))

    left = walk.world.rows._rows.values()

    assert {row.key.partition.partition("#")[0] for row in left} >= {"OFFICER", "RECEIPT", "DEVICE"}
    assert [row.key for row in left if not row.key.partition.startswith(expiring + kept)] == []
    assert [row.key for row in left if row.key.partition.startswith(expiring) and not row.expires_at] == []
    assert status_of(walk.ports, walk.programme, begun.application_id).notices


def test_a_receipt_code_ends_when_what_reaches_its_owner_does(walk):
    begun = registered(walk)
    application = walk.application(begun.application_id)
    seated = replace(application, state=State.SELECTED, state_since=walk.world.clock.now())
    applications.save(walk.ports, seated, "by_hand")

    for days in (31, 151, 190):  # photographs, notes, contact
        walk.world.clock.advance(days=days)
        retention.remove_due(walk.ports, walk.programme, range(applications.SHARDS))

    assert receipt_tag(begun.receipt) not in str(walk.world.rows._rows)
    with pytest.raises(InvalidFormError):
        assistance.tell(walk.ports, walk.programme, begun.receipt)


def test_a_copy_is_given_at_the_desk_too_and_on_record(walk):
    begun = registered(walk)
    desk, session = at_the_desk(walk, begun.token)

    copied = personal_copy.copy_of(desk.ports, walk.programme, session)

    assert copied.phone == ""
    assert copied.form["nik"] == citizen().nik
    assert [seen.is_assisted for seen in copied.sessions] == [True]
    assert events(walk, begun.application_id)[-1] == ("copied", "budi")
