"""Moving what is tagged to other keys: nothing is skipped, nothing else is touched, a draw stays as it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.drills.keys import memory_service, rotate
from gelombang.domain.tags import TagKeys, generation_of
from gelombang.journey import (
    applications,
    codes,
    contacts,
    selection,
    sessions,
)
from gelombang.journey.nik_claims import release_nik
from gelombang.journey.ports import Delete, Key, Put, Row
from gelombang.journey.rotation import move_tags
from gelombang.journey.tags import find, nik_key
from gelombang.journey.wave_rows import bundle_key, one_more_recipient, read_entries
from tests.journey.key_phases import (
    KNOWN,
    ONE,
    PHONE,
    TWO,
    WRITTEN,
    claim,
    move_all,
    process,
)
from tests.journey.walking import Walk, begin, citizen
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    add_applicant,
    close_and_run,
    definition_of,
    new_world,
    run_step,
)


def test_ones_own_number_under_new_keys_is_no_other_persons():
    walk = begin()
    started = walk.sign_in(PHONE)
    for keys in (KNOWN, WRITTEN, TWO):
        move_all(walk, keys)
    ports = process(walk, TWO)
    walk.world.clock.advance(minutes=6)
    sent = codes.send_code(ports, PHONE)
    token = sessions.confirm_code(ports, sent.challenge_id, walk.world.texts.sent[-1][1][10:16]).token
    session = sessions.session_of(ports, token)
    asked = contacts.ask_to_change_phone(ports, session, PHONE)

    changed = contacts.change_phone(ports, session, asked.challenge_id, walk.world.texts.sent[-1][1][10:16])

    assert changed.application_id == started
    assert all("telah diganti" not in text for _, text in walk.world.texts.sent)


def test_a_third_key_follows_the_second_and_skips_nobody():
    walk = begin()
    claim("old", "a")(process(walk, ONE))
    claim("new", "b")(process(walk, TWO))
    third = TagKeys(TWO.done, "the third key", is_written=True)

    move_all(walk, third)

    for plain, name in (("old", "a"), ("new", "b")):
        ports = process(walk, TagKeys((*TWO.done, "the third key")))
        row = find(ports, nik_key, ports.vault.tag("nik", plain))
        assert (row.fields["application_id"], generation_of(row.key.partition[4:])) == (name, 3)


def test_the_seat_of_somebody_erased_moves_on_though_nobody_can_open_the_nik():
    walk = begin()
    claim("gone", "app_erased")(process(walk, ONE))
    walk.ports.vault.forget("app_erased")

    move_all(walk, WRITTEN)

    ports = process(walk, TWO)
    assert find(ports, nik_key, ports.vault.tag("nik", "gone")).fields["application_id"] == "app_erased"


def test_an_application_whose_tag_was_made_before_gives_up_its_nik():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.deliver()
    move_all(walk, WRITTEN)

    for keys in (WRITTEN, TWO):
        given_up, *_ = release_nik(process(walk, keys), walk.application(name))
        assert isinstance(given_up, Delete)
        assert generation_of(given_up.key.partition[4:]) == 2


def test_rows_that_name_tags_keep_everything_else():
    walk = begin(citizen())
    name = walk.submit(citizen())
    stored = walk.world.rows.read(Key(f"APPLICATION#{name}"))
    move_all(walk, WRITTEN)
    move_all(walk, TWO)

    moved = walk.world.rows.read(Key(f"APPLICATION#{name}"))

    assert (moved.due, moved.expires_at) == (stored.due, stored.expires_at)
    assert moved.version == stored.version + 1
    differing = {field for field in stored.fields if stored.fields[field] != moved.fields[field]}
    assert differing == {"phone_tag", "form"}


def test_rows_of_other_kinds_are_left_alone():
    walk = begin()
    rows = [
        Row(Key("NIK-LIKE#abc"), {"a": 1}),
        Row(Key("SENDING#abc"), {"tag": "0f"}),
        Row(Key("WAVES", "w"), {}),
    ]
    walk.world.rows.commit([Put(row) for row in rows])

    move_all(walk, WRITTEN)
    move_all(walk, TWO)

    assert [walk.world.rows.read(row.key).version for row in rows] == [1, 1, 1]


def test_people_who_register_while_the_keys_change_are_not_lost_doubled_or_lost_sight_of():
    service, of = memory_service()

    outcome = rotate(service, of, people_count=42, seed=5, threads=4)

    assert (outcome.people_count, outcome.sign_in_count) == (47, 141)
    assert outcome.lost_count == outcome.doubled_count == outcome.free_count == 0
    assert outcome.not_found_count == outcome.behind_count == 0
    assert outcome.moved_count > 0


def test_a_household_is_one_in_a_draw_though_its_members_joined_under_other_keys():
    world = new_world()
    walk = Walk(world, None, None)
    old, new = process(walk, WRITTEN), process(walk, TWO)
    selection.open_wave(old, definition_of(world, priority_seats=0), OPERATOR)
    selection.join(old, add_applicant(old, 1, household=7), WAVE)
    old.rows.commit(one_more_recipient(old, old.vault.tag("kk", "7"), "an earlier wave"))
    move_all(walk, WRITTEN)
    selection.join(new, add_applicant(new, 2, household=7), WAVE)
    selection.join(new, add_applicant(new, 3, household=8), WAVE)

    selection.ask_step(new, WAVE, "close", OPERATOR)
    run_step(new, WAVE, "freeze")

    lines = world.documents.read(bundle_key(WAVE, "households.csv")).decode().splitlines()[1:]
    by_household = Counter(line.split(",", 1)[1] for line in lines)
    assert [(name.split(",")[1], count) for name, count in by_household.items()] == [("1", 2)]


def test_entries_of_a_wave_that_is_being_drawn_are_renamed_after_its_publication():
    world = new_world()
    walk = Walk(world, None, None)
    ports = process(walk, ONE)
    selection.open_wave(ports, definition_of(world, priority_seats=0), OPERATOR)
    selection.join(ports, add_applicant(ports, 1), WAVE)
    move_all(walk, WRITTEN)
    ports = process(walk, TWO)
    close_and_run(ports, steps=STEPS[:1])

    *_, during = move_tags(ports, world.rows)
    for step in STEPS[1:]:
        run_step(ports, WAVE, step)
    *_, after = move_tags(ports, world.rows)

    assert (during.left_count, after.left_count, after.moved_count) == (1, 0, 1)
    (entry,) = read_entries(ports, WAVE)
    assert generation_of(entry.kk_tag) == 2


@pytest.mark.parametrize("listed_by", [ONE, KNOWN, WRITTEN, TWO])
@pytest.mark.parametrize("joined_at", [WRITTEN, TWO])
def test_a_place_on_a_priority_list_is_found_under_whichever_key_it_was_listed(listed_by, joined_at):
    world = new_world()
    walk = Walk(world, None, None)
    ports = process(walk, listed_by)
    listed, other = (ports.vault.tag("nik", nik) for nik in ("listed", "other"))
    selection.open_wave(ports, definition_of(world, priority_nik_tags=[listed]), OPERATOR)
    move_all(walk, WRITTEN)
    ports = process(walk, joined_at)

    for number, tag in enumerate((listed, other)):
        name = add_applicant(ports, number)
        application = applications.load(ports, name)
        form = replace(application.form, nik_tag=tag)
        applications.save(ports, replace(application, form=form), "made_for_a_test")
        selection.join(ports, name, WAVE)

    assert {entry.application_id: entry.priority for entry in read_entries(ports, WAVE)} == {
        "app-000": True,
        "app-001": False,
    }
