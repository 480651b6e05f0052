"""The form, the photographs and the submission."""

from __future__ import annotations

import pytest

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.errors import InvalidFormError, MoveNotAllowedError
from gelombang.domain.messages import QueueName
from gelombang.journey import photos, registration
from tests.journey.walking import JPEG, begin, citizen


@pytest.fixture
def walk():
    return begin(citizen(1), citizen(2))


def faults_of(refused):
    return {(fault.pointer, fault.reason) for fault in refused.value.faults}


def test_fields_are_kept_as_typed_and_nik_and_kk_never_come_back(walk):
    name = walk.sign_in()

    registration.save_form(walk.ports, walk.programme, name, {"name": "  Siti   Aminah "})
    registration.save_form(walk.ports, walk.programme, name, {"nik": citizen().nik})

    seen = registration.read_form(walk.ports, name)
    assert seen.values == {"name": "Siti Aminah"}
    assert set(seen.saved) == {"nik", "name"}
    assert set(seen.missing) == {"kk", "birth_date", "region"}
    assert citizen().nik not in str(walk.world.rows._rows)


def test_every_wrong_field_is_named_at_once_and_nothing_is_saved(walk):
    name = walk.sign_in()
    typed = {
        "nik": "123",
        "kk": "x",
        "name": " ",
        "birth_date": "31-12-1990",
        "region": "0000",
        "pet": "cat",
    }

    with pytest.raises(InvalidFormError) as refused:
        registration.save_form(walk.ports, walk.programme, name, typed)

    assert {pointer for pointer, _ in faults_of(refused)} == {f"/{field}" for field in typed}
    assert registration.read_form(walk.ports, name).saved == ()


@pytest.mark.parametrize("written", ["1990-W01-1", "19900105", "1899-12-31", "2999-01-01", "1990-02-30"])
def test_a_birth_date_is_written_in_one_way_and_possible(walk, written):
    name = walk.sign_in()

    with pytest.raises(InvalidFormError) as refused:
        registration.save_form(walk.ports, walk.programme, name, {"birth_date": written})

    assert faults_of(refused) == {("/birth_date", "BIRTH_DATE_INVALID")}


def test_a_name_holds_no_character_that_turns_the_writing_around(walk):
    name = walk.sign_in()

    with pytest.raises(InvalidFormError) as refused:
        registration.save_form(walk.ports, walk.programme, name, {"name": "Siti\u202eAminah"})

    assert faults_of(refused) == {("/name", "FIELD_INVALID")}


def test_a_submission_names_everything_that_is_missing_and_changes_nothing(walk):
    name = walk.sign_in()
    before = walk.application(name)

    with pytest.raises(InvalidFormError) as refused:
        registration.submit(walk.ports, name)

    assert ("/nik", "FIELD_MISSING") in faults_of(refused)
    assert ("/photos/selfie", "PHOTO_MISSING_SELFIE") in faults_of(refused)
    assert ("/consents/face_check", "CONSENT_NEEDED") in faults_of(refused)
    assert len(refused.value.faults) == 9
    assert walk.application(name) == before


def test_a_submission_is_checked_once_and_the_form_is_closed(walk):
    name = walk.submit(citizen())

    assert walk.application(name).state is State.CHECKING
    assert walk.world.queues.waiting_count(QueueName.CHECKS_DUE) == 1
    with pytest.raises(MoveNotAllowedError):
        registration.submit(walk.ports, name)
    with pytest.raises(MoveNotAllowedError):
        registration.save_form(walk.ports, walk.programme, name, {"name": "Lain"})
    with pytest.raises(MoveNotAllowedError):
        photos.offer_upload(walk.ports, name, Slot.SELFIE, "image/jpeg", 1000)


def test_a_photograph_that_arrived_without_an_event_still_counts(walk):
    name = walk.sign_in()
    walk.fill(name, citizen())
    for slot in Slot:
        form = photos.offer_upload(walk.ports, name, slot, "image/jpeg", 1000)
        walk.world.photos.receive(form.fields["key"], JPEG)

    registration.submit(walk.ports, name)

    assert walk.application(name).state is State.CHECKING


@pytest.mark.parametrize("content", [b"%PDF-1.7 called .jpg", b"\xff", b"GIF89a", b"<html>", b"RIFF1234AVI "])
def test_what_is_not_a_photograph_is_refused_by_its_first_bytes(walk, content):
    name = walk.sign_in()
    walk.fill(name, citizen())
    walk.send_photo(name, Slot.SELFIE)

    walk.send_photo(name, Slot.KTP, content)

    photo = walk.application(name).photos[Slot.KTP]
    assert (photo.status, photo.faults) == (PhotoStatus.REFUSED, ("NOT_AN_IMAGE",))
    with pytest.raises(InvalidFormError):
        registration.submit(walk.ports, name)
    walk.send_photo(name, Slot.KTP)
    registration.submit(walk.ports, name)


@pytest.mark.parametrize(
    ("content_type", "size"), [("application/pdf", 10), ("image/jpeg", 0), ("image/jpeg", 2**30)]
)
def test_a_wrong_type_or_size_gets_no_slot(walk, content_type, size):
    name = walk.sign_in()

    with pytest.raises(InvalidFormError):
        photos.offer_upload(walk.ports, name, Slot.KTP, content_type, size)

    assert walk.application(name).photos[Slot.KTP].status is PhotoStatus.EMPTY


def test_only_the_newest_upload_form_counts(walk):
    name = walk.sign_in()
    old = photos.offer_upload(walk.ports, name, Slot.KTP, "image/jpeg", 10).fields["key"]
    new = photos.offer_upload(walk.ports, name, Slot.KTP, "image/jpeg", 10).fields["key"]
    walk.world.photos.receive(old, JPEG)

    photos.record_arrival(walk.ports, old)

    photo = walk.application(name).photos[Slot.KTP]
    assert (photo.key, photo.status) == (new, PhotoStatus.AWAITED)


def test_an_arrival_told_twice_is_recorded_once(walk):
    name = walk.sign_in()
    key = walk.send_photo(name, Slot.KTP)
    before = walk.application(name)

    photos.record_arrival(walk.ports, key)
    photos.record_arrival(walk.ports, "app_nobody/ktp/x")

    assert walk.application(name) == before


def test_a_known_nik_gets_the_same_answer_and_its_owner_is_told(walk):
    walk.submit(citizen(1), "+6281234567890")

    second = walk.submit(citizen(1), "+6281234567891")

    assert walk.application(second).state is State.CHECKING
    assert all("pendaftaran lain" not in text for _, text in walk.world.texts.sent)
    walk.deliver()
    assert [phone for phone, text in walk.world.texts.sent if "pendaftaran lain" in text] == [
        "+6281234567890"
    ]
