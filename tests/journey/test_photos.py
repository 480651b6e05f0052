"""Photographs: one live slot each, a clean copy or a reason, five tries an hour, and nobody waits for the cleaning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.errors import DependencyError, TooManyRequestsError
from gelombang.domain.messages import PhotoArrived, QueueName
from gelombang.journey import photos, reconciliation, registration, restriction, verification
from gelombang.journey.ports import ScanResult
from gelombang.journey.status import status_of
from tests.journey.walking import JPEG, begin, citizen

SITI = citizen()
NO_PICTURE = b"%PDF-1.7"


@pytest.fixture
def walk():
    return begin(SITI)


def offer(walk, name, slot=Slot.SELFIE):
    """Return the key that a form for one photograph accepts."""
    return photos.offer_upload(walk.ports, name, slot, "image/jpeg", 1000).fields["key"]


def filled(walk):
    """Return the application of somebody who has typed everything and sent the card."""
    name = walk.sign_in()
    walk.fill(name, SITI)
    walk.send_photo(name, Slot.KTP)
    return name


def arrive(walk):
    """Let verification look at what the queue says has arrived."""
    while hint := walk.world.queues.take(QueueName.PHOTOS_ARRIVED):
        photos.record_arrival(walk.ports, hint.photo_key)


def check(walk):
    """Let verification take what is due, and nobody else anything."""
    while due := walk.world.queues.take(QueueName.CHECKS_DUE):
        verification.run_checks(walk.ports, walk.programme, due)


def test_an_arrived_photograph_is_its_clean_copy_from_then_on(walk):
    name = walk.sign_in()
    key = walk.send_photo(name, Slot.SELFIE)

    photo = walk.application(name).photos[Slot.SELFIE]

    assert photo.status is PhotoStatus.ARRIVED
    assert photo.key != key
    assert walk.ports.photos.read(photo.key) == JPEG


def test_an_event_that_comes_again_or_late_changes_nothing(walk):
    name = walk.sign_in()
    key = walk.send_photo(name, Slot.SELFIE)
    before = walk.application(name)
    walk.world.photos.receive(key, JPEG + b"another picture under the same form")

    photos.record_arrival(walk.ports, key)

    assert walk.application(name) == before
    assert list(walk.world.photos.kept) == [before.photos[Slot.SELFIE].key]


def test_a_refused_upload_says_why_at_once_and_keeps_its_slot_open(walk):
    name = walk.sign_in()

    walk.send_photo(name, Slot.SELFIE, NO_PICTURE)

    told = status_of(walk.ports, walk.programme, name)
    assert [fault.code for fault in told.photos[Slot.SELFIE].faults] == ["NOT_AN_IMAGE"]
    assert set(told.photos[Slot.SELFIE].faults[0].next_step) == {"id", "en"}
    assert Slot.SELFIE in told.open_slots


def test_a_hint_before_the_photograph_is_there_changes_nothing(walk):
    name = walk.sign_in()
    key = offer(walk, name)

    photos.record_arrival(walk.ports, key)

    assert walk.application(name).photos[Slot.SELFIE].status is PhotoStatus.AWAITED


def test_who_submits_before_the_photograph_was_looked_at_need_not_come_back(walk):
    name = filled(walk)
    walk.world.photos.receive(offer(walk, name), JPEG)

    registration.submit(walk.ports, name)
    check(walk)
    waiting = walk.world.queues.waiting_count(QueueName.FACE_REQUESTS)
    arrive(walk)
    walk.deliver()

    assert waiting == 0
    assert walk.application(name).state is State.VERIFIED


def test_a_photograph_refused_after_submitting_reopens_exactly_its_own_slot(walk):
    name = filled(walk)
    walk.world.photos.receive(offer(walk, name), NO_PICTURE)

    registration.submit(walk.ports, name)
    check(walk)
    arrive(walk)
    check(walk)

    application = walk.application(name)
    assert application.state is State.NEEDS_PHOTO
    assert application.reasons == ("NOT_AN_IMAGE",)
    assert status_of(walk.ports, walk.programme, name).open_slots == (Slot.SELFIE,)
    walk.send_photo(name, Slot.SELFIE)
    registration.submit(walk.ports, name)
    walk.deliver()
    assert walk.application(name).state is State.VERIFIED


def test_an_arrival_whose_event_was_lost_is_asked_about_again(walk):
    name = filled(walk)
    walk.world.photos.receive(offer(walk, name), JPEG)
    registration.submit(walk.ports, name)
    assert isinstance(walk.world.queues.take(QueueName.PHOTOS_ARRIVED), PhotoArrived)  # and lost

    walk.world.clock.advance(minutes=16)
    reconciliation.reconcile(walk.ports)
    arrive(walk)
    walk.deliver()

    assert walk.application(name).state is State.VERIFIED


def test_an_upload_that_quarantine_forgot_before_anybody_looked_is_asked_for_again(walk):
    name = filled(walk)
    key = offer(walk, name)
    walk.world.photos.receive(key, JPEG)
    registration.submit(walk.ports, name)
    del walk.world.photos.quarantine[key]

    arrive(walk)
    check(walk)

    assert walk.application(name).reasons == ("TRUNCATED",)


def test_an_upload_that_quarantine_forgot_is_asked_for_again_though_its_message_was_lost_too(walk):
    name = filled(walk)
    key = offer(walk, name)
    walk.world.photos.receive(key, JPEG)
    registration.submit(walk.ports, name)
    while walk.world.queues.take(QueueName.PHOTOS_ARRIVED):
        pass  # the cleaner fails, and its messages are set aside
    check(walk)

    walk.world.clock.advance(days=8)
    del walk.world.photos.quarantine[key]
    reconciliation.reconcile(walk.ports)
    arrive(walk)
    check(walk)

    assert walk.application(name).reasons == ("TRUNCATED",)
    assert status_of(walk.ports, walk.programme, name).open_slots == (Slot.SELFIE,)


def test_an_upload_under_way_is_not_refused_when_a_restriction_is_lifted(walk):
    name = filled(walk)
    key = offer(walk, name)
    restriction.restrict(walk.ports, name)

    restriction.lift(walk.ports, name)
    arrive(walk)

    photo = walk.application(name).photos[Slot.SELFIE]
    assert (photo.status, photo.key) == (PhotoStatus.AWAITED, key)


def test_a_scanner_that_has_not_answered_delays_and_never_refuses(walk):
    name = walk.sign_in()
    key = offer(walk, name)
    walk.world.photos.receive(key, JPEG)
    walk.world.scans.results[key] = ScanResult.PENDING

    photos.record_arrival(walk.ports, key)
    arrive(walk)
    waiting = walk.application(name).photos[Slot.SELFIE].status
    walk.world.scans.results[key] = ScanResult.CLEAN
    walk.world.clock.advance(seconds=photos.SCAN_AGAIN_S)
    arrive(walk)

    assert waiting is PhotoStatus.AWAITED
    assert walk.application(name).photos[Slot.SELFIE].status is PhotoStatus.ARRIVED


def test_malware_is_refused_and_no_copy_is_made(walk):
    name = walk.sign_in()
    key = offer(walk, name)
    walk.world.photos.receive(key, JPEG)
    walk.world.scans.results[key] = ScanResult.INFECTED

    photos.record_arrival(walk.ports, key)

    assert walk.application(name).photos[Slot.SELFIE].faults == ("MALWARE",)
    assert walk.world.photos.kept == {}


def test_a_cleaner_that_fails_leaves_the_photograph_waiting(walk):
    class Broken:
        def clean(self, content):
            raise DependencyError("picture cleaner", str(len(content)))

    name = walk.sign_in()
    key = offer(walk, name)
    walk.world.photos.receive(key, JPEG)

    with pytest.raises(DependencyError):
        photos.record_arrival(replace(walk.ports, pictures=Broken()), key)

    assert walk.application(name).photos[Slot.SELFIE].status is PhotoStatus.AWAITED


def test_the_sixth_try_within_an_hour_waits_and_says_how_long(walk):
    name = walk.sign_in()
    for _ in range(photos.MOST_TRIES):
        walk.send_photo(name, Slot.SELFIE, NO_PICTURE)
        walk.world.clock.advance(minutes=5)

    with pytest.raises(TooManyRequestsError) as refused:
        offer(walk, name)

    assert refused.value.retry_after_s == 35 * 60
    walk.world.clock.advance(seconds=refused.value.retry_after_s)
    walk.send_photo(name, Slot.SELFIE)
    assert walk.application(name).photos[Slot.SELFIE].status is PhotoStatus.ARRIVED


def test_the_tries_of_one_photograph_leave_the_other_alone(walk):
    name = walk.sign_in()
    for _ in range(photos.MOST_TRIES):
        walk.send_photo(name, Slot.SELFIE, NO_PICTURE)

    walk.send_photo(name, Slot.KTP)

    assert walk.application(name).photos[Slot.KTP].status is PhotoStatus.ARRIVED


def test_a_form_that_was_never_used_is_no_try(walk):
    name = walk.sign_in()

    for _ in range(20):
        offer(walk, name)

    assert len(walk.application(name).photos[Slot.SELFIE].tried_at) == 1


def test_forms_that_were_used_count_even_before_anybody_looked(walk):
    name = walk.sign_in()

    for _ in range(photos.MOST_TRIES):
        walk.world.photos.receive(offer(walk, name), JPEG)

    with pytest.raises(TooManyRequestsError):
        offer(walk, name)
