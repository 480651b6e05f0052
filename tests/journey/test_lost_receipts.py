"""A lost receipt code is replaced at an office for the right cards, on record, and nobody learns whose NIK is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from benchmarks.drills.enumeration import NotedRows
from gelombang.domain.application import State
from gelombang.domain.audit import chain_fault
from gelombang.domain.errors import (
    DependencyError,
    InvalidFormError,
    NotAllowedError,
    NotReadyError,
    NotSignedInError,
    TooManyRequestsError,
)
from gelombang.journey import (
    applications,
    assistance,
    contacts,
    lost_receipts,
    reconciliation,
    restriction,
    sessions,
)
from gelombang.journey.desk_limits import DESK_LIMITS
from gelombang.journey.receipts import receipt_tag
from gelombang.journey.staff import Staff
from gelombang.journey.status import status_of
from tests.journey.desk import BUDI, WATI, add_phone, at_the_desk, events, reasons, registered
from tests.journey.reviewers import RUDI
from tests.journey.test_faults import Trouble
from tests.journey.walking import begin, citizen

RINA = Staff("rina", "officer", "3171")  # of the same district as Budi
NOBODYS_NIK = "3171024502910007"


@pytest.fixture
def walk():
    return begin(citizen())


def test_the_cards_bring_a_new_code_that_opens_the_same_application(walk):
    begun = registered(walk)

    fresh = asked(walk, BUDI)
    opened = assistance.open_again(walk.ports, BUDI, fresh)

    assert opened.application_id == begun.application_id
    assert told(walk, fresh).notice_count == 1
    again = assistance.open_again(walk.ports, RINA, fresh)  # from now on the code is like any other
    assert again.application_id == begun.application_id


def test_the_old_code_ends_when_the_new_one_first_opens_and_says_so(walk):
    begun = registered(walk)
    fresh = asked(walk, BUDI)
    before = told(walk, begun.receipt)

    assistance.open_again(walk.ports, BUDI, fresh)

    assert before.state.code == State.CHECKING
    with pytest.raises(InvalidFormError) as refused:
        told(walk, begun.receipt)
    assert reasons(refused) == [("/receipt", "RECEIPT_REPLACED")]
    with pytest.raises(InvalidFormError) as refused:
        assistance.open_again(walk.ports, BUDI, begun.receipt)
    assert reasons(refused) == [("/receipt", "RECEIPT_REPLACED")]


def test_the_replacement_is_on_record_under_the_officers_name_and_the_person_is_told(walk):
    begun = registered(walk)

    assistance.open_again(walk.ports, BUDI, asked(walk, BUDI))

    application = walk.application(begun.application_id)
    assert events(walk, begun.application_id)[-1] == ("receipt_replaced", "budi")
    entries = applications.audit_of(walk.ports, begun.application_id)
    assert chain_fault(entries, application.audit_length, application.audit_head) == ""
    kept = status_of(walk.ports, walk.programme, begun.application_id).notices
    assert [notice.text for notice in kept] == [lost_receipts.REPLACED_TEXT]


def test_asking_alone_changes_nothing_and_its_code_tells_nothing(walk):
    begun = registered(walk)
    before = walk.application(begun.application_id)

    fresh = asked(walk, BUDI)

    assert walk.application(begun.application_id) == before
    with pytest.raises(InvalidFormError) as refused:
        told(walk, fresh)
    assert reasons(refused) == [("/receipt", "RECEIPT_UNKNOWN")]
    assert assistance.open_again(walk.ports, BUDI, begun.receipt).application_id == begun.application_id


STRANGERS = {
    "an unknown NIK": {"nik": NOBODYS_NIK},
    "another KK": {"kk": "3171010101109999"},
    "another birth date": {"birth_date": "1999-12-31"},
}


@pytest.mark.parametrize("changed", STRANGERS.values(), ids=STRANGERS)
def test_cards_that_do_not_match_get_a_code_that_nobody_knows(walk, changed):
    begun = registered(walk)
    before = walk.application(begun.application_id)

    fresh = asked(walk, BUDI, **changed)
    with pytest.raises(InvalidFormError) as refused:
        assistance.open_again(walk.ports, BUDI, fresh)

    assert reasons(refused) == [("/receipt", "RECEIPT_UNKNOWN")]
    assert walk.application(begun.application_id) == before


def test_where_there_is_a_phone_the_cards_bring_nothing(walk):
    begun = registered(walk)
    _, session = at_the_desk(walk, begun.token)
    add_phone(walk, session, "+6281234567890")

    assert unknown(walk, BUDI, asked(walk, BUDI))
    assert told(walk, begun.receipt)


def test_what_was_only_begun_or_is_erased_is_not_found(walk):
    begun = assistance.start(walk.ports, BUDI)
    desk, session = at_the_desk(walk, begun.token)
    desk.fill(begun.application_id, citizen())
    assert unknown(walk, BUDI, asked(walk, BUDI))
    begun = registered(walk)
    desk, session = at_the_desk(walk, begun.token)
    assistance.erase(desk.ports, session, begun.receipt)
    for _ in range(3):
        reconciliation.reconcile(walk.ports)
        walk.world.clock.advance(hours=2)

    assert unknown(walk, BUDI, asked(walk, BUDI))


def test_only_the_officer_who_asked_opens_it_and_only_in_the_persons_district(walk):
    registered(walk)

    assert unknown(walk, RINA, asked(walk, BUDI))
    assert unknown(walk, WATI, asked(walk, WATI))
    with pytest.raises(NotAllowedError):
        asked(walk, RUDI)


def test_a_code_that_was_not_used_within_the_hour_opens_nothing(walk):
    registered(walk)
    fresh = asked(walk, BUDI)

    walk.world.clock.advance(hours=1)

    assert unknown(walk, BUDI, fresh)


@pytest.mark.parametrize("changed", [{"kk": "3171010101109999"}, {}], ids=["another KK", "another district"])
def test_the_table_is_asked_for_the_same_whether_or_not_the_nik_is_known(walk, changed):
    registered(walk)
    officer = BUDI if changed else WATI
    calls = []
    for card in (changed, {**changed, "nik": NOBODYS_NIK}):
        noted = NotedRows(walk.ports.rows)
        ports = replace(walk.ports, rows=noted)
        fresh = lost_receipts.ask(ports, walk.programme, officer, cards(**card)).receipt
        with pytest.raises(InvalidFormError):
            assistance.open_again(ports, officer, fresh)
        calls.append(noted.calls)
        walk.world.clock.advance(days=2)  # both count from nothing

    assert calls[0] == calls[1]
    assert any("read NIK" in each for each in calls[0])


def test_what_cannot_be_on_a_card_is_refused_whoever_it_is_and_not_counted(walk):
    wrong = {"nik": "123", "kk": "x", "birth_date": "5 Januari 1990"}
    for _ in range(DESK_LIMITS.replacements_per_day + 1):
        with pytest.raises(InvalidFormError) as refused:
            asked(walk, BUDI, **wrong)

    assert {pointer for pointer, _ in reasons(refused)} == {"/nik", "/kk", "/birth_date"}
    assert asked(walk, BUDI)


def test_an_officer_replaces_ten_a_day_and_each_that_opens_nothing_counts_as_a_wrong_code(walk):
    for _ in range(DESK_LIMITS.replacements_per_day):
        assert unknown(walk, BUDI, asked(walk, BUDI, nik=NOBODYS_NIK))

    with pytest.raises(TooManyRequestsError) as refused:
        asked(walk, BUDI)
    with pytest.raises(TooManyRequestsError):
        assistance.open_again(walk.ports, BUDI, assistance.start(walk.ports, RINA).receipt)

    assert refused.value.retry_after_s == 24 * 3600
    assert asked(walk, RINA)


def test_for_a_week_nothing_is_done_with_a_new_code_that_cannot_be_undone(walk):
    begun = registered(walk)
    fresh = asked(walk, BUDI)
    desk, session = at_the_desk(walk, assistance.open_again(walk.ports, BUDI, fresh).token)
    sent_count = len(walk.world.texts.sent)

    with pytest.raises(InvalidFormError) as refused:
        contacts.ask_to_change_phone(desk.ports, session, "+6281234567890")
    with pytest.raises(NotReadyError) as not_ready:
        assistance.erase(desk.ports, session, fresh)

    assert reasons(refused) == [("/phone", "RECEIPT_JUST_REPLACED")]
    assert not_ready.value.missing == ("RECEIPT_JUST_REPLACED",)
    assert len(walk.world.texts.sent) == sent_count
    restriction.restrict(desk.ports, begun.application_id)  # can be lifted: it goes on at once
    walk.world.clock.advance(days=7)
    desk, session = at_the_desk(walk, assistance.open_again(walk.ports, BUDI, fresh).token)
    assert assistance.erase(desk.ports, session, fresh).erased_by - walk.world.clock.now() == timedelta(
        days=3
    )


def test_whose_code_somebody_else_replaced_takes_it_back_with_the_cards(walk):
    begun = registered(walk)
    stolen = asked(walk, RINA)
    intruder = assistance.open_again(walk.ports, RINA, stolen)

    own = asked(walk, BUDI)
    opened = assistance.open_again(walk.ports, BUDI, own)

    assert opened.application_id == begun.application_id
    with pytest.raises(NotSignedInError):
        sessions.session_of(walk.ports, intruder.token)
    with pytest.raises(InvalidFormError) as refused:
        assistance.open_again(walk.ports, RINA, stolen)
    assert reasons(refused) == [("/receipt", "RECEIPT_REPLACED")]
    names = [officer for event, officer in events(walk, begun.application_id) if event == "receipt_replaced"]
    assert names == ["rina", "budi"]


@pytest.mark.parametrize("after_effect", [False, True], ids=["before the effect", "after the effect"])
def test_a_failing_call_leaves_one_code_that_opens(walk, after_effect):
    begun = registered(walk)
    calls = Trouble(0, after_effect=False)
    fresh = asked(walk, BUDI)
    assistance.open_again(replace(walk.ports, rows=calls.around(walk.ports.rows)), BUDI, fresh)

    for fail_at in range(1, calls.count + 1):
        walk.world.clock.advance(days=1)
        fresh, before = asked(walk, BUDI), fresh
        broken = replace(walk.ports, rows=Trouble(fail_at, after_effect=after_effect).around(walk.ports.rows))
        with pytest.raises(DependencyError):
            assistance.open_again(broken, BUDI, fresh)
        tag = walk.application(begun.application_id).receipt_tag
        assert tag in {receipt_tag(before), receipt_tag(fresh)}
        assert assistance.open_again(walk.ports, BUDI, fresh).application_id == begun.application_id


def test_neither_the_code_nor_the_cards_lie_in_the_table(walk):
    registered(walk)
    fresh = asked(walk, BUDI)

    stored = str(walk.world.rows._rows)

    for private in (fresh, fresh.replace("-", ""), citizen().nik, citizen().kk):
        assert private not in stored


def cards(**changed):
    person = citizen()
    return {"nik": person.nik, "kk": person.kk, "birth_date": person.birth_date.isoformat(), **changed}


def asked(walk, officer, **changed):
    return lost_receipts.ask(walk.ports, walk.programme, officer, cards(**changed)).receipt


def told(walk, receipt):
    return assistance.tell(walk.ports, walk.programme, receipt)


def unknown(walk, officer, receipt):
    """Say whether the code opens nothing for this officer, as one that nobody knows."""
    try:
        assistance.open_again(walk.ports, officer, receipt)
    except InvalidFormError as refused:
        return [fault.reason for fault in refused.faults] == ["RECEIPT_UNKNOWN"]
    return False
