"""Tags under keys that change: whatever two processes and the mover do in whatever order, one NIK has one owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Semaphore, Thread

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.drills.keys import memory_service, phases, rotate
from gelombang.domain.application import State
from gelombang.domain.errors import ConflictError
from gelombang.domain.tags import TagKeys, generation_of
from gelombang.journey import codes, contacts, registration, sessions
from gelombang.journey.ports import Delete, Key, Put, Row
from gelombang.journey.registration import release_nik
from gelombang.journey.rotation import move_tags
from gelombang.journey.tags import find, find_or_new, is_same, nik_key
from gelombang.memory.vault import FIRST_KEY
from tests.journey.walking import begin, citizen

ONE, KNOWN, WRITTEN, TWO = PHASES = phases(FIRST_KEY, "the second key")
NEIGHBOURS = [(phase, phase) for phase in PHASES] + [(ONE, KNOWN), (KNOWN, WRITTEN), (WRITTEN, TWO)]
PHONE = "+6281234567890"
ORDERS = st.lists(st.integers(0, 2), max_size=60)


def process(walk, keys: TagKeys):
    return replace(walk.ports, vault=walk.ports.vault.with_tag_keys(keys))


@dataclass
class Turns:
    """Rows whose calls wait until it is their process's turn, so that a test decides the order of everything."""

    rows: object
    begin: Semaphore
    done: Semaphore

    def __getattr__(self, name):
        real = getattr(self.rows, name)

        def call(*given):
            self.begin.acquire()
            try:
                return real(*given)
            finally:
                self.done.release()

        return call


def interleaved(order, steps, always: Callable[[], None]) -> None:
    """Do each step, a function of its ports, in a thread; one call to the table at a time, in this order."""
    turns, threads, failed = [], [], []
    for ports, step in steps:
        mine = Turns(ports.rows, Semaphore(0), Semaphore(0))

        def run(step=step, mine=mine, ports=ports):
            try:
                step(replace(ports, rows=mine))
            except BaseException as error:  # noqa: BLE001 - told in the main thread
                failed.append(error)
            finally:
                mine.done.release()

        turns.append(mine)
        threads.append(Thread(target=run))
    for thread in threads:
        thread.start()
    for who in [*order, *(number for _ in range(200) for number in range(len(steps)))]:
        if who < len(steps) and threads[who].is_alive():
            turns[who].begin.release()
            turns[who].done.acquire()
            always()
    for mine in turns:
        mine.begin.release(1000)
    for thread in threads:
        thread.join()
    assert failed == []


def move_all(walk, keys):
    while any(so_far.moved_count for so_far in move_tags(process(walk, keys), walk.world.rows)):
        pass


def places_of(walk, kind, purpose, plain):
    """Return where something tagged lies, in whatever generation."""
    vault = walk.ports.vault.with_tag_keys(TWO)
    first = walk.ports.vault.with_tag_keys(ONE).tag(purpose, plain)
    return [tag for tag in (first, vault.raised(first)) if walk.world.rows.read(Key(f"{kind}#{tag}"))]


def claim(nik, name):
    def step(ports):
        for _ in range(20):
            row, beside = find_or_new(ports, nik_key, ports.vault.tag("nik", nik), {"application_id": name})
            try:
                ports.rows.commit([Put(row), *beside])
            except ConflictError:
                continue
            return

    return step


def give_up(nik, name):
    def step(ports):
        row = find(ports, nik_key, ports.vault.tag("nik", nik))
        if row and row.fields["application_id"] == name:
            try:
                ports.rows.commit([Delete(row.key, row.version)])
            except ConflictError:
                step(ports)

    return step


def mover(rows):
    return lambda ports: list(move_tags(ports, rows))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NEIGHBOURS), ORDERS, st.booleans())
@example((KNOWN, WRITTEN), [0, 1, 0, 1, 0, 1], False)
@example((WRITTEN, WRITTEN), [0, 2, 2, 2, 0, 1, 1, 1], True)
def test_two_processes_and_the_mover_leave_a_nik_one_owner_at_every_moment(kinds, order, is_taken):
    walk = begin()
    old, new = (process(walk, keys) for keys in kinds)
    if is_taken:
        claim("nik", "a")(old)

    def at_most_one():
        assert len(places_of(walk, "NIK", "nik", "nik")) <= 1

    def again_and_again(ports):
        claim("nik", "a")(ports)
        give_up("nik", "a")(ports)
        claim("nik", "a")(ports)

    steps = [(old, again_and_again), (new, claim("nik", "b")), (new, mover(walk.world.rows))]
    interleaved(order, steps, at_most_one)

    (tag,) = places_of(walk, "NIK", "nik", "nik")
    seen = {
        find(ports, nik_key, ports.vault.tag("nik", "nik")).fields["application_id"] for ports in (old, new)
    }
    assert seen == {walk.world.rows.read(nik_key(tag)).fields["application_id"]}


def test_the_test_above_sees_what_goes_wrong_when_a_deployment_is_left_out():
    walk = begin()
    old, new = process(walk, ONE), process(walk, WRITTEN)

    claim("nik", "a")(new)
    claim("nik", "b")(old)

    assert len(places_of(walk, "NIK", "nik", "nik")) == 2


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(NEIGHBOURS), ORDERS)
def test_two_people_with_one_nik_who_submit_at_once_have_one_owner(kinds, order):
    walk = begin(citizen())
    names = [walk.sign_in(f"+62812345678{number:02d}") for number in range(2)]
    for name in names:
        walk.fill(name, citizen())
        for slot in ("ktp", "selfie"):
            walk.send_photo(name, slot)
    steps = [
        (process(walk, keys), lambda ports, name=name: registration.submit(ports, name))
        for keys, name in zip(kinds, names, strict=True)
    ]
    steps.append((process(walk, kinds[1]), mover(walk.world.rows)))

    interleaved(order, steps, lambda: None)

    assert len(places_of(walk, "NIK", "nik", citizen().nik)) == 1
    walk.world = replace(walk.world, ports=process(walk, kinds[1]))
    walk.deliver()
    states = sorted(walk.application(name).state for name in names)
    assert states == [State.IN_REVIEW, State.VERIFIED]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(NEIGHBOURS), ORDERS, st.booleans())
def test_a_phone_signs_in_to_one_application_while_its_tag_moves(kinds, order, is_known):
    walk = begin()
    before = walk.sign_in(PHONE) if is_known else ""
    if TWO in kinds:  # by then a round has found nothing left
        move_all(walk, WRITTEN)
    codes_sent = []
    for keys in kinds:
        walk.world.clock.advance(minutes=6)
        sent = codes.send_code(process(walk, keys), PHONE)
        codes_sent.append((sent.challenge_id, walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]))
    opened = []
    steps = [
        (process(walk, keys), lambda ports, given=given: opened.append(sessions.confirm_code(ports, *given)))
        for keys, given in zip(kinds, reversed(codes_sent), strict=True)
    ]
    steps.append((process(walk, kinds[1]), mover(walk.world.rows)))

    interleaved(order, steps, lambda: None)

    assert len({started.application_id for started in opened}) == 1
    assert not is_known or opened[0].application_id == before
    assert len(places_of(walk, "PHONE", "phone", PHONE)) == 1


@pytest.mark.parametrize(("old", "new"), NEIGHBOURS)
def test_a_code_sent_by_one_process_is_right_at_the_other(old, new):
    walk = begin()
    for asked, answered, phone in ((old, new, PHONE), (new, old, "+6281234567891")):
        sent = codes.send_code(process(walk, asked), phone)
        code = walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]

        assert sessions.confirm_code(process(walk, answered), sent.challenge_id, code).token


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


def test_with_one_key_a_tag_is_one_call_and_so_is_nothing_else():
    walk, calls = begin(), []
    vault = walk.ports.vault
    mac = vault._mac
    vault._mac = lambda key, message: calls.append(key) or mac(key, message)

    tag = vault.tag("nik", "1")
    find(walk.ports, nik_key, tag)
    is_same(walk.ports, tag, tag)

    assert calls == [FIRST_KEY]


@pytest.mark.parametrize("keys", [KNOWN, WRITTEN, TWO])
def test_while_keys_change_a_tag_and_its_places_are_one_call_more(keys):
    walk, calls = begin(), []
    vault = walk.ports.vault.with_tag_keys(keys)
    mac = vault._mac
    vault._mac = lambda key, message: calls.append(key) or mac(key, message)

    vault.places(vault.tag("nik", "1"))

    assert calls == [FIRST_KEY, "the second key"]


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
    move_all(walk, WRITTEN)

    for keys in (WRITTEN, TWO):
        (given_up,) = release_nik(process(walk, keys), walk.application(name))
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
