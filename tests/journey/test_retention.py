"""What is kept of people goes when its time is over: by itself, class by class, and no day sooner."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelombang.domain.application import TIMED_STATES, Slot, State
from gelombang.domain.audit import chain_fault
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import NotFoundError
from gelombang.domain.review import ReviewDecision
from gelombang.journey import (
    applications,
    consents,
    erasure,
    registration,
    restriction,
    resumable,
    retention,
    selection,
)
from gelombang.journey.applications import SHARDS, retention_list, shard_of
from gelombang.journey.programme import load_programme
from gelombang.journey.reconciliation import reconcile
from tests.journey.reviewers import decide
from tests.journey.seated import accept
from tests.journey.test_erasure import all_rows, joined, token_of
from tests.journey.walking import JPEG, RELEASE, SPOILED, Walk, begin, citizen
from tests.journey.waves import WAVE, Crash, Writes, close_and_run, crashing

PERSON = citizen()
ALL = range(SHARDS)


def days_pass(walk: Walk, days: float) -> None:
    walk.world.clock.advance(days=days)


def remove(walk: Walk) -> int:
    """Let the timer have its round of every shard."""
    return retention.remove_due(walk.ports, walk.programme, ALL)


def refused() -> tuple[Walk, str]:
    """Return somebody whom a reviewer refused."""
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    walk.similarity[application_id] = 0.1
    walk.deliver()
    decide(walk.ports, application_id, ReviewDecision.REFUSE, f"{PERSON.name} is not on the card")
    return walk, application_id


def test_photographs_face_and_gallery_go_when_an_appeal_is_over_and_not_before():
    walk, application_id = refused()

    days_pass(walk, 29)
    too_early = remove(walk)
    kept = dict(walk.world.photos.kept)
    days_pass(walk, 2)
    removed = remove(walk)

    assert (too_early, removed) == (0, 1)
    assert kept
    assert walk.world.photos.kept == {}
    assert "FACECHECK#" not in all_rows(walk)
    told = walk.ports.rows.read_partition(f"GALLERY#{RELEASE}")
    assert [row.fields for row in told] == [{"erased": True}]
    after = walk.application(application_id)
    assert [photo.key for photo in after.photos.values()] == ["", ""]
    assert after.form is not None
    assert (
        applications.audit_of(walk.ports, after.application_id)[-1].facts["class"] == "refused, appeal over"
    )


def test_each_class_has_its_time_and_at_the_end_nothing_names_anybody():
    walk, application_id = refused()
    sealed = walk.application(application_id).form.sealed["nik"]

    seen = []
    for days in (31, 150, 186):
        days_pass(walk, days)
        walk.world.rows.expire(walk.world.clock.now())
        remove(walk)
        seen.append((PERSON.name in all_rows(walk), "PHONE#" in all_rows(walk)))

    assert seen == [(True, True), (False, True), (False, False)]
    after = walk.application(application_id)
    assert after.state is State.ERASED
    assert "NIK#" not in all_rows(walk)
    assert "ERASURE#" not in all_rows(walk)
    with pytest.raises(NotFoundError):
        walk.ports.vault.open(sealed, registration.seal_context(application_id, "nik"))
    entries = applications.audit_of(walk.ports, after.application_id)
    assert chain_fault(entries, after.audit_length, after.audit_head) == ""


def test_a_form_that_nobody_finishes_goes_half_a_year_after_it_was_last_touched():
    walk = begin(PERSON)
    application_id = walk.sign_in()
    days_pass(walk, 150)
    walk.fill(application_id, PERSON)

    days_pass(walk, 100)
    remove(walk)
    touched = walk.application(application_id).state
    days_pass(walk, 100)
    remove(walk)

    assert touched is State.DRAFT
    assert walk.application(application_id).state is State.ERASED


def test_a_refused_photograph_goes_and_the_other_and_its_fault_stay():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    walk.selfies[application_id] = SPOILED
    walk.deliver()
    before = walk.application(application_id).photos

    days_pass(walk, 31)
    remove(walk)

    after = walk.application(application_id).photos
    assert [*walk.world.photos.kept] == [before[Slot.KTP].key]
    assert (after[Slot.SELFIE].key, after[Slot.SELFIE].faults) == ("", before[Slot.SELFIE].faults)
    walk.selfies.clear()
    walk.send_photo(application_id, Slot.SELFIE)
    registration.submit(walk.ports, application_id)
    walk.deliver()
    assert walk.application(application_id).state is State.VERIFIED


def test_a_recipients_contact_goes_after_a_year_and_the_nik_stays_for_good():
    walk = begin(PERSON)
    application_id = joined(walk)
    close_and_run(walk.ports)
    accept(walk.ports, application_id)
    nik_tag = walk.application(application_id).form.nik_tag

    for days in (31, 150, 186):
        days_pass(walk, days)
        remove(walk)
    reachable = walk.application(application_id).phone_tag
    days_pass(walk, 3300)
    remove(walk)

    assert reachable == ""
    assert "PHONE#" not in all_rows(walk)
    assert walk.application(application_id).state is State.ERASED
    assert f"NIK#{nik_tag}" in all_rows(walk)


def test_whoever_goes_on_to_another_state_begins_its_times_anew():
    walk = begin(PERSON)
    application_id = joined(walk)
    days_pass(walk, 900)

    assert remove(walk) == 0
    close_and_run(walk.ports)
    days_pass(walk, 29)

    assert remove(walk) == 0
    assert selection.result_of(walk.ports, application_id, WAVE).result.rank == 1


def test_a_restricted_application_is_kept_and_what_is_over_goes_when_that_is_lifted():
    walk, application_id = refused()
    restriction.restrict(walk.ports, application_id)

    days_pass(walk, 400)
    kept = remove(walk)
    restriction.lift(walk.ports, application_id)
    for _ in range(3):
        remove(walk)

    assert kept == 0
    assert walk.application(application_id).state is State.ERASED


def test_chunks_of_an_upload_go_with_the_photographs():
    walk = begin(PERSON)
    application_id = walk.sign_in()
    upload = resumable.begin_upload(walk.ports, application_id, Slot.KTP, 8192, "image/jpeg")
    resumable.append_chunk(walk.ports, application_id, upload.upload_id, 0, JPEG.ljust(4096))
    stored = walk.application(application_id)
    applications.save(walk.ports, replace(stored, state=State.NOT_ELIGIBLE), "made_for_a_test")

    days_pass(walk, 31)
    remove(walk)

    assert "CHUNK#" not in all_rows(walk)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.booleans(), st.sampled_from([31, 400]))
def test_a_crash_at_any_write_only_delays(crash_at, is_done, days):
    walk, application_id = refused()
    days_pass(walk, days)

    with suppress(Crash):
        retention.remove_due(crashing(walk.ports, Writes(crash_at, is_done)), walk.programme, ALL)
    for _ in range(3):
        remove(walk)
        reconcile(walk.ports)

    after = walk.application(application_id)
    assert walk.world.photos.kept == {}
    assert "FACECHECK#" not in all_rows(walk)
    assert "ERASURE#" not in all_rows(walk)
    assert (after.state is State.ERASED) is (days == 400)
    entries = applications.audit_of(walk.ports, after.application_id)
    assert chain_fault(entries, after.audit_length, after.audit_head) == ""


def test_a_change_since_it_was_listed_keeps_the_data():
    walk = begin(PERSON)
    application_id = walk.sign_in()
    days_pass(walk, 200)
    listed = walk.ports.rows.read_due

    def list_and_be_overtaken(worklist, until, limit=100):
        rows = listed(worklist, until, limit)
        if rows:
            walk.ports.rows.read_due = listed
            walk.fill(application_id, PERSON)
        return rows

    walk.ports.rows.read_due = list_and_be_overtaken
    remove(walk)

    assert walk.application(application_id).state is State.DRAFT


def test_rounds_by_chance_come_to_every_shard_within_a_day():
    walk = begin(PERSON)

    seen = {shard for _ in range(24 * 60) for shard in retention.some_shards(walk.ports)}

    assert seen == set(ALL)


def test_shards_share_people_out_evenly():
    counts = [0] * SHARDS
    for number in range(25600):
        counts[shard_of(f"app_{number:024x}")] += 1

    assert max(counts) < 200
    assert retention_list(State.DRAFT, 0, 10) == "retention#DRAFT#0#0a"


def test_every_timed_state_ends_with_the_person_gone():
    programme = load_programme("prakerja")

    for state in TIMED_STATES:
        assert "person" in programme.retention_of(state)[-1].removes


def test_every_kind_of_row_that_a_journey_leaves_is_named_with_its_reason():
    walk = begin(PERSON, citizen(2))
    joined(walk)
    close_and_run(walk.ports)
    second = walk.sign_in("+6281234567891")
    upload = resumable.begin_upload(walk.ports, second, Slot.KTP, 8192, "image/jpeg")
    resumable.append_chunk(walk.ports, second, upload.upload_id, 0, JPEG.ljust(4096))
    walk.fill(second, citizen(2))
    consents.withdraw_consent(walk.ports, walk.programme, second, Purpose.FACE_CHECK)
    session = token_of(walk, "+6281234567891")
    assert session
    named = json.loads(files("programmes").joinpath("prakerja", "retention.json").read_text())
    expiring = tuple(each["rows"] for each in named["expiring"])
    kept = tuple(each["rows"] for each in named["kept"])

    left = walk.world.rows._rows.values()

    unnamed = {str(row.key) for row in left if not row.key.partition.startswith(expiring + kept)}
    forever = [
        str(row.key) for row in left if row.key.partition.startswith(expiring) and row.expires_at is None
    ]
    assert (unnamed, forever) == (set(), [])


def test_erasure_asked_for_at_the_same_time_goes_its_own_way():
    walk, application_id = refused()
    days_pass(walk, 400)
    erasure.begin(walk.ports, walk.application(application_id), ())

    for _ in range(3):
        remove(walk)
    reconcile(walk.ports)
    walk.world.clock.advance(hours=2)
    reconcile(walk.ports)

    assert walk.application(application_id).state is State.ERASED
    assert "ERASURE#" not in all_rows(walk)
