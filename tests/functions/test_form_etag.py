"""One form on two devices: each change names what it was made of, and nothing typed is lost or overwritten unseen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from function_calls import PHONE, SITI, Caller, fill_form, sign_in, staff, upload

from gelombang.memory.ports import MemoryWorld

FORM = "/v1/application/form"


def save(applicant: Caller, etag: str, **fields: str) -> object:
    return applicant.send("PATCH", FORM, fields, headers={"If-Match": etag})


def test_the_form_and_each_change_of_it_carry_an_etag(applicant: Caller) -> None:
    empty = applicant.get(FORM)
    named = save(applicant, empty.headers["etag"], name="Siti")
    read = applicant.get(FORM)

    assert empty.headers["etag"] == empty.body["etag"] != named.headers["etag"]
    assert named.status == 200
    assert read.headers["etag"] == named.headers["etag"]


def test_a_change_made_of_an_old_form_is_refused_with_the_etag_of_now(applicant: Caller) -> None:
    seen = applicant.get(FORM).headers["etag"]
    newer = save(applicant, seen, name="Siti Aminah")

    refused = save(applicant, seen, name="Siti", region="3171")

    assert (refused.status, refused.slug) == (412, "form-changed")
    assert refused.headers["etag"] == newer.headers["etag"]
    assert applicant.get(FORM).body == newer.body


def test_a_change_whose_answer_was_lost_may_be_sent_again(applicant: Caller) -> None:
    seen = applicant.get(FORM).headers["etag"]
    first = save(applicant, seen, nik=SITI.nik, name="Siti  Aminah")

    again = save(applicant, seen, nik=SITI.nik, name="Siti Aminah")

    assert (again.status, again.headers["etag"]) == (200, first.headers["etag"])


def test_a_hidden_field_that_changed_is_a_change_too(applicant: Caller) -> None:
    seen = save(applicant, "*", nik=SITI.nik).headers["etag"]
    save(applicant, seen, nik="3171014501900002")

    assert save(applicant, seen, kk=SITI.kk).status == 412


def test_a_photograph_leaves_the_form_as_it_is(world: MemoryWorld, applicant: Caller) -> None:
    seen = applicant.get(FORM).headers["etag"]
    upload(world, applicant, "ktp")

    assert save(applicant, seen, name="Siti").status == 200


@pytest.mark.parametrize("tag", ['W/"x"', "x", '"', '"x", W/"y"', "\\"])
def test_a_tag_that_is_none_matches_nothing(applicant: Caller, tag: str) -> None:
    assert save(applicant, tag, name="Siti").status == 412


def test_a_weak_tag_never_matches_and_one_of_several_may(applicant: Caller) -> None:
    seen = applicant.get(FORM).headers["etag"]

    assert save(applicant, f"W/{seen}", name="Siti").status == 412
    assert save(applicant, f'"old", {seen}', name="Siti").status == 200


def test_a_plain_change_is_made_to_the_form_as_it_is_and_to_its_own_fields_only(applicant: Caller) -> None:
    applicant.patch(FORM, {"name": "Siti Aminah"})

    applicant.patch(FORM, {"region": "3171"})

    assert applicant.get(FORM).body["values"] == {"name": "Siti Aminah", "region": "3171"}


def test_wrong_fields_are_named_all_at_once_even_of_an_old_form(applicant: Caller) -> None:
    wrong = {"nik": "1", "kk": "1", "name": "\u202e", "birth_date": "1990-02-30", "region": "0"}

    refused = save(applicant, '"old"', **wrong)

    assert {each["pointer"] for each in refused.body["errors"]} == {f"/{name}" for name in wrong}


def test_a_form_goes_on_after_days_on_another_device(world: MemoryWorld, applicant: Caller) -> None:
    fill_form(applicant)
    before = applicant.get(FORM)
    world.clock.advance(days=9)

    elsewhere = sign_in(world, PHONE)

    assert elsewhere.get(FORM).raw == before.raw
    assert elsewhere.token != applicant.token
    assert save(elsewhere, before.headers["etag"], name="Siti A").status == 200


def test_a_form_that_was_handed_in_has_an_etag_of_its_own(world: MemoryWorld, applicant: Caller) -> None:
    fill_form(applicant)
    typed = applicant.get(FORM)
    for slot in ("ktp", "selfie"):
        upload(world, applicant, slot)
    applicant.post("/v1/application/submit")

    closed = applicant.get(FORM)

    assert (closed.body["is_open"], closed.headers["etag"] == typed.headers["etag"]) == (False, False)


def test_a_form_is_the_same_when_one_wave_has_closed_and_another_is_open(
    world: MemoryWorld, applicant: Caller
) -> None:
    operator = staff(world, "operator")
    open_wave(operator, world, "gelombang-1")
    fill_form(applicant)
    typed = applicant.get(FORM)
    world.clock.advance(days=5)
    open_wave(operator, world, "gelombang-2")

    later = sign_in(world, PHONE)

    assert {each["state"] for each in later.get("/v1/waves").body["waves"]} == {"CLOSED", "OPEN"}
    assert later.get(FORM).raw == typed.raw


def open_wave(operator: Caller, world: MemoryWorld, wave_id: str) -> None:
    now = world.clock.now()
    opened = operator.post(
        "/v1/waves",
        {
            "wave_id": wave_id,
            "name": wave_id,
            "opens_at": now.isoformat(),
            "closes_at": (now + timedelta(days=3)).isoformat(),
            "quota": {"3171": 1},
            "rule_set": "2023",
        },
    )
    assert opened.status == 201
