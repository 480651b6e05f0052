"""Officers register people without a phone: by name, in their own district, with a receipt code to come back with."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from gelombang.domain.application import Slot, State
from gelombang.domain.audit import chain_fault
from gelombang.domain.errors import (
    DependencyError,
    InvalidFormError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    TooManyRequestsError,
)
from gelombang.journey import (
    applications,
    assistance,
    codes,
    reconciliation,
    registration,
    sessions,
)
from gelombang.journey.desk_limits import DESK_LIMITS
from gelombang.journey.nik_claims import NIK_ASKED_AGAIN_TEXT
from gelombang.journey.ports import Put
from gelombang.journey.receipts import ALPHABET, receipt_tag
from gelombang.journey.staff import Staff, staff_of, staff_row
from gelombang.journey.status import status_of
from tests.journey.desk import (
    BUDI,
    NOT_A_CODE,
    WATI,
    add_phone,
    at_the_desk,
    events,
    last_code,
    reasons,
    registered,
)
from tests.journey.reviewers import RINA
from tests.journey.test_faults import Trouble
from tests.journey.walking import SPOILED, begin, citizen


@pytest.fixture
def walk():
    return begin(citizen())


def test_somebody_without_a_phone_gets_from_the_first_field_to_the_end_of_the_checks(walk):
    begun = assistance.start(walk.ports, BUDI)
    name = begun.application_id
    walk.selfies[name] = SPOILED
    desk, _ = at_the_desk(walk, begun.token)
    desk.fill(name, citizen())
    for slot in Slot:
        desk.send_photo(name, slot)
    registration.submit(desk.ports, name)
    walk.deliver()
    assert walk.application(name).state is State.NEEDS_PHOTO
    del walk.selfies[name]
    walk.world.clock.advance(days=3)

    again = assistance.open_again(walk.ports, BUDI, begun.receipt)
    desk, session = at_the_desk(walk, again.token)
    desk.send_photo(session.application_id, Slot.SELFIE)
    registration.submit(desk.ports, session.application_id)
    walk.deliver()

    assert session.application_id == name
    assert walk.application(name).state is State.VERIFIED
    assert walk.world.texts.sent == []


def test_whatever_an_officers_session_changes_is_on_record_under_the_officers_name(walk):
    begun = registered(walk)
    assistance.open_again(walk.ports, BUDI, begun.receipt)
    walk.deliver()

    seen = events(walk, begun.application_id)

    at_desk = {"application_opened", "form_saved", "consent_given", "upload_offered", "submitted"}
    at_desk |= {"assisted_session_opened"}
    assert {event for event, officer in seen if officer == "budi"} >= at_desk
    assert {event for event, officer in seen if not officer} & at_desk == set()
    application = walk.application(begun.application_id)
    entries = applications.audit_of(walk.ports, begun.application_id)
    assert chain_fault(entries, application.audit_length, application.audit_head) == ""


def test_what_the_checks_do_is_not_the_officers(walk):
    begun = registered(walk)
    walk.deliver()

    later = events(walk, begun.application_id)
    by_nobody = [event for event, officer in later if not officer]

    assert by_nobody
    assert later[-1] == (by_nobody[-1], "")
    assert walk.application(begun.application_id).state is State.VERIFIED


def test_an_officer_types_no_region_but_their_own(walk):
    begun = assistance.start(walk.ports, BUDI)
    desk, _ = at_the_desk(walk, begun.token)
    before = walk.application(begun.application_id)

    with pytest.raises(InvalidFormError) as refused:
        desk.fill(begun.application_id, replace(citizen(), region="3578"))

    assert reasons(refused) == [("/region", "REGION_OF_ANOTHER_OFFICE")]
    assert walk.application(begun.application_id) == before


def test_an_officer_hands_nobody_of_another_district_in(walk):
    begun = assistance.start(walk.ports, BUDI)
    name = begun.application_id
    desk, _ = at_the_desk(walk, begun.token)
    walk.fill(name, replace(citizen(), region="3578"))  # typed in a session of their own meanwhile
    for slot in Slot:
        desk.send_photo(name, slot)

    with pytest.raises(InvalidFormError) as refused:
        registration.submit(desk.ports, name)

    assert reasons(refused) == [("/region", "REGION_OF_ANOTHER_OFFICE")]
    assert walk.application(name).state is State.DRAFT


def test_an_unknown_code_and_one_of_another_district_get_the_same_answer_and_are_both_counted(walk):
    begun = assistance.start(walk.ports, BUDI)
    answers = []
    for receipt in (NOT_A_CODE, begun.receipt):
        with pytest.raises(InvalidFormError) as refused:
            assistance.open_again(walk.ports, WATI, receipt)
        answers.append(reasons(refused))

    assert answers == [[("/receipt", "RECEIPT_UNKNOWN")]] * 2
    assert len(events(walk, begun.application_id)) == 1


def test_after_ten_wrong_codes_an_officer_waits_even_with_a_right_one(walk):
    begun = assistance.start(walk.ports, BUDI)
    for _ in range(DESK_LIMITS.wrong_per_hour):
        with pytest.raises(InvalidFormError):
            assistance.open_again(walk.ports, BUDI, NOT_A_CODE)
        walk.world.clock.advance(minutes=1)

    with pytest.raises(TooManyRequestsError) as refused:
        assistance.open_again(walk.ports, BUDI, begun.receipt)

    assert refused.value.retry_after_s == 50 * 60
    walk.world.clock.advance(seconds=refused.value.retry_after_s)
    assert assistance.open_again(walk.ports, BUDI, begun.receipt).application_id == begun.application_id


def test_a_code_may_be_typed_as_people_type_and_has_no_look_alikes(walk):
    receipt = assistance.start(walk.ports, BUDI).receipt

    assert re.fullmatch(r"([0-9A-Z]{4}-){4}[0-9A-Z]{4}", receipt)
    assert set(receipt) <= {*ALPHABET, "-"}
    assert not set("ILOU") & set(ALPHABET)
    typed = receipt.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert receipt_tag(typed) == receipt_tag(receipt)


def test_neither_token_nor_receipt_code_lies_in_the_table(walk):
    begun = assistance.start(walk.ports, BUDI)

    stored = str(walk.world.rows._rows)

    assert begun.token not in stored
    assert begun.receipt not in stored
    assert begun.receipt.replace("-", "") not in stored


def test_an_officers_session_ends_an_hour_after_it_began_however_busy(walk):
    token = assistance.start(walk.ports, BUDI).token
    for _ in range(3):
        walk.world.clock.advance(minutes=19)
        sessions.session_of(walk.ports, token)

    walk.world.clock.advance(minutes=3)

    with pytest.raises(NotSignedInError):
        sessions.session_of(walk.ports, token)


def test_a_new_visit_ends_the_officers_session_before_it_and_no_other(walk):
    begun = assistance.start(walk.ports, BUDI)
    before = add_phone(walk, sessions.session_of(walk.ports, begun.token), "+6281234567890")
    walk.world.clock.advance(minutes=10)
    sent = codes.send_code(walk.ports, "+6281234567890")
    own = sessions.confirm_code(walk.ports, sent.challenge_id, last_code(walk))

    again = assistance.open_again(walk.ports, BUDI, begun.receipt)

    with pytest.raises(NotSignedInError):
        sessions.session_of(walk.ports, before.token)
    assert sessions.session_of(walk.ports, own.token).assistance is None
    assert sessions.session_of(walk.ports, again.token).assistance.officer == "budi"


def test_an_officers_session_ends_itself_and_no_other(walk):
    begun = assistance.start(walk.ports, BUDI)
    session = sessions.session_of(walk.ports, begun.token)

    with pytest.raises(NotFoundError):
        sessions.end_session(walk.ports, session, "ses_of_somebody")
    sessions.end_session(walk.ports, session, session.session_id)

    with pytest.raises(NotSignedInError):
        sessions.session_of(walk.ports, begun.token)


def test_an_officer_helps_twenty_people_an_hour_and_a_hundred_a_day(walk):
    waits = []
    for _ in range(DESK_LIMITS.sessions_per_day):
        try:
            assistance.start(walk.ports, BUDI)
        except TooManyRequestsError as refused:
            waits.append(refused.retry_after_s)
            walk.world.clock.advance(seconds=refused.retry_after_s)
            assistance.start(walk.ports, BUDI)

    with pytest.raises(TooManyRequestsError) as refused:
        assistance.start(walk.ports, BUDI)

    assert waits == [3600] * 4
    assert refused.value.retry_after_s == 20 * 3600
    assert assistance.start(walk.ports, WATI)


@pytest.mark.parametrize("somebody", [RINA, Staff("olga", "operator"), Staff("nobody", "gardener")])
def test_only_officers_help(walk, somebody):
    receipt = assistance.start(walk.ports, BUDI).receipt

    with pytest.raises(NotAllowedError):
        assistance.start(walk.ports, somebody)
    with pytest.raises(NotAllowedError):
        assistance.open_again(walk.ports, somebody, receipt)


def test_the_code_alone_tells_where_the_application_is_and_nothing_about_the_person(walk):
    begun = registered(walk)
    walk.deliver()

    told = assistance.tell(walk.ports, walk.programme, begun.receipt)

    assert told.state.code == State.VERIFIED
    person = citizen()
    for private in (person.nik, person.kk, person.name, begun.application_id, "budi"):
        assert private not in str(told)


def test_a_device_that_keeps_guessing_waits_and_others_do_not(walk):
    receipt = assistance.start(walk.ports, BUDI).receipt
    for _ in range(DESK_LIMITS.wrong_per_hour):
        with pytest.raises(InvalidFormError):
            assistance.tell(walk.ports, walk.programme, NOT_A_CODE, "a-phone")

    with pytest.raises(TooManyRequestsError):
        assistance.tell(walk.ports, walk.programme, receipt, "a-phone")

    assert assistance.tell(walk.ports, walk.programme, receipt, "another-phone").state.code == State.DRAFT


def test_a_notice_to_somebody_without_a_phone_waits_in_their_status(walk):
    owner = registered(walk)
    walk.deliver()

    walk.submit(citizen())  # somebody else names the same NIK, with a phone
    walk.deliver()
    reconciliation.reconcile(walk.ports)

    kept = status_of(walk.ports, walk.programme, owner.application_id).notices
    assert [notice.text for notice in kept] == [NIK_ASKED_AGAIN_TEXT]
    assert assistance.tell(walk.ports, walk.programme, owner.receipt).notice_count == 1
    assert NIK_ASKED_AGAIN_TEXT not in [text for _, text in walk.world.texts.sent]


@pytest.mark.parametrize("after_effect", [False, True], ids=["before the effect", "after the effect"])
def test_a_failing_call_leaves_nothing_half_begun(walk, after_effect):
    calls = Trouble(0, after_effect=False)
    assistance.start(replace(walk.ports, rows=calls.around(walk.ports.rows)), BUDI)

    for fail_at in range(1, calls.count + 1):
        broken = replace(walk.ports, rows=Trouble(fail_at, after_effect=after_effect).around(walk.ports.rows))
        with pytest.raises(DependencyError):
            assistance.start(broken, BUDI)
        assert (
            count_rows(walk, "RECEIPT#") == count_rows(walk, "SESSION#") == count_rows(walk, "APPLICATION#")
        )
        assert assistance.start(walk.ports, BUDI).receipt


def test_an_officers_token_ends_and_belongs_to_a_district(walk):
    ends = walk.world.clock.now() + timedelta(hours=12)
    walk.ports.rows.commit([Put(staff_row("secret", BUDI, ends))])

    assert staff_of(walk.ports, "secret") == BUDI
    walk.world.clock.advance(hours=12)
    with pytest.raises(NotSignedInError):
        staff_of(walk.ports, "secret")
    endless = replace(staff_row("endless", BUDI, ends), expires_at=None)
    walk.ports.rows.commit([Put(endless)])
    with pytest.raises(NotSignedInError):
        staff_of(walk.ports, "endless")
    for wrong in (Staff("budi", "officer"), replace(RINA, district=""), Staff("agus", "auditor", "3171")):
        with pytest.raises(ValueError, match="district"):
            staff_row("secret", wrong, ends)
    with pytest.raises(ValueError, match="end"):
        staff_row("secret", BUDI)


def count_rows(walk, prefix):
    rows = walk.world.rows._rows
    return sum(key.partition.startswith(prefix) and key.sort == "-" for key in rows)
