"""Consent by purpose: what stops when it is withdrawn, what stays, and the receipts."""

from __future__ import annotations

import hashlib

import pytest
import rfc8785

from gelombang.domain.application import State
from gelombang.domain.audit import chain_fault
from gelombang.domain.consent import NEEDED, Purpose
from gelombang.domain.errors import InvalidFormError
from gelombang.domain.messages import ChecksDue, QueueName
from gelombang.journey import applications, consents, photos, registration, verification
from gelombang.journey.evidence import evidence_key, evidence_of
from gelombang.journey.photos import Slot
from tests.journey.reviewers import open_cases
from tests.journey.walking import JPEG, SPOILED, begin, citizen


@pytest.fixture
def walk():
    return begin(citizen(1), citizen(2))


def withdraw(walk, name, purpose):
    return consents.withdraw_consent(walk.ports, walk.programme, name, purpose)


def consents_of(walk, name):
    return consents.consents_of(walk.ports, walk.programme, name)


def given(walk, name):
    return {each.purpose for each in consents_of(walk, name).purposes if each.version}


def test_each_purpose_is_given_and_withdrawn_by_itself(walk):
    name = walk.sign_in()

    for purpose in Purpose:
        walk.consent(name, purpose)
    withdraw(walk, name, Purpose.STATISTICS)

    assert given(walk, name) == set(Purpose) - {Purpose.STATISTICS}


def test_a_receipt_can_be_read_back_and_proves_what_was_asked(walk):
    name = walk.sign_in()
    receipt = walk.consent(name, Purpose.FACE_CHECK)

    (read,) = consents_of(walk, name).receipts

    assert read == receipt
    text = walk.programme.consent.purposes[Purpose.FACE_CHECK]
    assert receipt.text_sha256 == hashlib.sha256(rfc8785.dumps(text.asks)).hexdigest()
    application = walk.application(name)
    entries = applications.audit_of(walk.ports, name)
    assert receipt.receipt in {entry.entry_hash for entry in entries}
    assert chain_fault(entries, application.audit_length, application.audit_head) == ""


def test_agreeing_or_withdrawing_again_gives_the_same_receipt(walk):
    name = walk.sign_in()

    assert walk.consent(name, Purpose.NOTICES) == walk.consent(name, Purpose.NOTICES)
    assert withdraw(walk, name, Purpose.NOTICES) == withdraw(walk, name, Purpose.NOTICES)
    assert [each.is_given for each in consents_of(walk, name).receipts] == [True, False]


def test_what_was_shown_before_is_not_what_is_agreed_to_now(walk):
    name = walk.sign_in()

    with pytest.raises(InvalidFormError) as refused:
        consents.give_consent(walk.ports, walk.programme, name, Purpose.NOTICES, "2020-01")

    assert [(each.pointer, each.reason) for each in refused.value.faults] == [
        ("/version", "CONSENT_OUTDATED")
    ]
    assert given(walk, name) == set()


def test_what_was_never_given_cannot_be_withdrawn(walk):
    name = walk.sign_in()

    with pytest.raises(InvalidFormError):
        withdraw(walk, name, Purpose.NOTICES)


@pytest.mark.parametrize("purpose", NEEDED)
def test_nothing_is_submitted_without_a_consent_that_is_needed(walk, purpose):
    name = walk.sign_in()
    walk.fill(name, citizen())
    for slot in Slot:
        walk.send_photo(name, slot)
    withdraw(walk, name, purpose)

    with pytest.raises(InvalidFormError) as refused:
        registration.submit(walk.ports, name)

    assert [each.pointer for each in refused.value.faults] == [f"/consents/{purpose}"]
    assert walk.application(name).state is State.DRAFT


@pytest.mark.parametrize("purpose", NEEDED)
def test_a_withdrawal_before_any_check_stops_them_all_and_says_what_follows(walk, purpose):
    name = walk.submit(citizen())

    receipt = withdraw(walk, name, purpose)
    walk.deliver()

    application = walk.application(name)
    assert (application.state, application.reasons) == (State.DRAFT, ("CONSENT_WITHDRAWN",))
    assert application.checks == {}
    assert receipt.what_follows == walk.programme.consent.purposes[purpose].when_withdrawn
    assert evidence_of(walk.ports, f"{name}-1") is None


def test_a_withdrawal_while_the_worker_has_the_face_leaves_nothing_for_it_to_do(walk):
    name = walk.submit(citizen())
    due = walk.world.queues.take(QueueName.CHECKS_DUE)
    verification.run_checks(walk.ports, walk.programme, due)
    asked = walk.world.queues.take(QueueName.FACE_REQUESTS)

    withdraw(walk, name, Purpose.FACE_CHECK)

    # What the worker looks at first: there is an answer, so it leaves the photographs alone.
    assert walk.ports.rows.read(evidence_key(asked.face_check_id)) is not None
    assert evidence_of(walk.ports, asked.face_check_id) is None
    walk.answer(asked)
    walk.deliver()
    assert walk.application(name).state is State.DRAFT


def test_evidence_that_came_before_the_withdrawal_is_not_used_after_it(walk):
    name = walk.submit(citizen())
    verification.run_checks(walk.ports, walk.programme, ChecksDue(name, 1))
    walk.answer(walk.world.queues.take(QueueName.FACE_REQUESTS))

    withdraw(walk, name, Purpose.FACE_CHECK)
    walk.deliver()

    assert walk.application(name).state is State.DRAFT


def test_agreeing_again_goes_on_with_everything_typed_and_sent(walk):
    name = walk.submit(citizen())
    withdraw(walk, name, Purpose.FACE_CHECK)
    walk.deliver()

    walk.consent(name, Purpose.FACE_CHECK)
    assert walk.application(name).reasons == ()
    registration.submit(walk.ports, name)
    walk.deliver()

    assert walk.application(name).state is State.VERIFIED


def test_a_withdrawal_takes_the_case_off_the_reviewers_list(walk):
    name = walk.submit(citizen())
    walk.similarity[name] = 0.1
    walk.deliver()
    assert len(open_cases(walk.ports)) == 1

    withdraw(walk, name, Purpose.FACE_CHECK)

    assert open_cases(walk.ports) == []
    assert walk.application(name).state is State.DRAFT


def test_a_withdrawal_while_a_photo_is_asked_for_stops_too(walk):
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED
    walk.deliver()

    withdraw(walk, name, Purpose.IDENTITY_CHECK)

    assert walk.application(name).state is State.DRAFT
    form = photos.offer_upload(walk.ports, name, Slot.SELFIE, "image/jpeg", len(JPEG))
    assert form.fields["key"]


def test_a_withdrawal_gives_the_nik_back(walk):
    first = walk.submit(citizen(1), "+6281234567890")
    withdraw(walk, first, Purpose.IDENTITY_CHECK)

    second = walk.submit(citizen(1), "+6281234567891")
    walk.deliver()

    assert walk.application(second).state is State.VERIFIED


@pytest.mark.parametrize("purpose", Purpose)
def test_what_was_verified_stays_so_whatever_is_withdrawn_later(walk, purpose):
    name = walk.submit(citizen())
    for each in Purpose:
        walk.consent(name, each)
    walk.deliver()

    withdraw(walk, name, purpose)

    assert walk.application(name).state is State.VERIFIED
    assert purpose not in given(walk, name)


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - set(NEEDED)))
def test_an_optional_purpose_stops_nothing(walk, purpose):
    name = walk.submit(citizen())
    walk.consent(name, purpose)

    withdraw(walk, name, purpose)
    walk.deliver()

    assert walk.application(name).state is State.VERIFIED
