"""Tags under keys that change: whatever two processes and the mover do in whatever order, one NIK has one owner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gelombang.domain.application import State
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import ConflictError
from gelombang.domain.messages import ChecksDue
from gelombang.domain.review import ReviewDecision
from gelombang.journey import (
    codes,
    consents,
    reconciliation,
    registration,
    sessions,
    verification,
)
from gelombang.journey.nik_claims import NIK_ASKED_AGAIN_TEXT, release_nik
from gelombang.journey.ports import Delete
from gelombang.journey.rotation import move_tags
from gelombang.journey.tags import find, find_many, is_same, nik_key
from gelombang.memory.vault import FIRST_KEY
from tests.journey.key_phases import (
    KNOWN,
    NEIGHBOURS,
    ONE,
    ORDERS,
    PHASES,
    PHONE,
    TWO,
    WRITTEN,
    claim,
    interleaved,
    move_all,
    places_of,
    process,
)
from tests.journey.reviewers import decide
from tests.journey.walking import begin, citizen


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

    def handed_in(ports, name):
        registration.submit(ports, name)
        verification.run_checks(ports, walk.programme, ChecksDue(name, 1))

    steps = [
        (process(walk, keys), lambda ports, name=name: handed_in(ports, name))
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
@given(st.sampled_from(NEIGHBOURS), ORDERS)
@example((ONE, ONE), [1, 1, 0, 0, 0, 0])
def test_whoever_withdraws_while_the_checks_begin_holds_no_nik(kinds, order):
    walk = begin(citizen())
    name = walk.submit(citizen())

    def withdraw(ports):
        consents.withdraw_consent(ports, walk.programme, name, Purpose.IDENTITY_CHECK)

    def check(ports):
        verification.run_checks(ports, walk.programme, ChecksDue(name, 1))

    interleaved(order, [(process(walk, kinds[0]), check), (process(walk, kinds[1]), withdraw)], lambda: None)

    assert walk.application(name).state is State.DRAFT
    assert places_of(walk, "NIK", "nik", citizen().nik) == []


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


def test_a_nik_that_was_given_up_is_claimed_for_whom_a_reviewer_accepts():
    walk = begin(citizen())
    holder = walk.submit(citizen())
    accepted = walk.submit(citizen(), "+6281234567891")
    walk.deliver()
    walk.ports.rows.commit(release_nik(walk.ports, walk.application(holder)))

    decide(walk.ports, accepted, ReviewDecision.ACCEPT)

    row = find(walk.ports, nik_key, walk.application(accepted).form.nik_tag)
    assert row.fields == {"application_id": accepted}
    third = walk.submit(citizen(), "+6281234567892")
    walk.deliver()
    assert walk.application(third).state is State.IN_REVIEW


@pytest.mark.parametrize("keys", [KNOWN, WRITTEN])
@pytest.mark.parametrize("order", [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
def test_whoever_looks_while_a_row_moves_finds_it(keys, order):
    walk, found = begin(), []
    claim("nik", "a")(process(walk, ONE))

    def look(ports):
        found.append(find(ports, nik_key, ports.vault.tag("nik", "nik")))

    steps = [(process(walk, keys), look), (process(walk, WRITTEN), mover(walk.world.rows))]
    interleaved(order, steps, lambda: None)

    assert [row.fields for row in found] == [{"application_id": "a"}]


@pytest.mark.parametrize("keys", [KNOWN, WRITTEN])
@pytest.mark.parametrize("order", [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1, 0]])
def test_whoever_looks_for_many_while_their_rows_move_finds_them(keys, order):
    walk, found = begin(), []
    for nik in ("a", "b", "c"):
        claim(nik, nik)(process(walk, ONE))

    def look(ports):
        tags = [ports.vault.tag("nik", nik) for nik in ("a", "b", "c", "nobody")]
        rows = find_many(ports, nik_key, tags)
        found.append([rows[tag].fields if tag in rows else None for tag in tags])

    steps = [(process(walk, keys), look), (process(walk, WRITTEN), mover(walk.world.rows))]
    interleaved(order, steps, lambda: None)

    assert found == [[{"application_id": "a"}, {"application_id": "b"}, {"application_id": "c"}, None]]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("claimed_by", PHASES)
def test_many_are_found_where_each_of_them_is_found(phase, claimed_by):
    walk = begin()
    for number in range(0, 8, 2):
        claim(str(number), str(number))(process(walk, claimed_by))
    ports = process(walk, phase)
    tags = [ports.vault.tag("nik", str(number)) for number in range(8)]

    rows = find_many(ports, nik_key, tags)

    assert {tag: rows.get(tag) for tag in tags} == {tag: find(ports, nik_key, tag) for tag in tags}


@pytest.mark.parametrize("keys", PHASES)
def test_a_submission_looks_at_nothing_of_anybody_with_the_same_nik_while_keys_change(keys):
    walk, strangers = begin(citizen()), citizen(2)
    walk.submit(citizen())
    walk.deliver()
    if keys == TWO:
        move_all(walk, WRITTEN)

    def calls_of(person, phone):
        name = walk.sign_in(phone)
        walk.fill(name, person)
        for slot in ("ktp", "selfie"):
            walk.send_photo(name, slot)
        rows, calls = walk.world.rows, []

        class Told:
            def read(self, key):
                calls.append(key.partition.partition("#")[0])
                return rows.read(key)

            def commit(self, changes):
                calls.append(sorted(type(change).__name__ for change in changes))
                rows.commit(changes)

        registration.submit(replace(process(walk, keys), rows=Told()), name)
        return calls

    known, unknown = calls_of(citizen(), "+6281234567891"), calls_of(strangers, "+6281234567892")

    # The application, written with its audit entry, its head of the day and its message, which is struck off.
    assert known == unknown == ["APPLICATION", ["Put"] * 4, ["Delete"]]


@pytest.mark.parametrize("is_registered", [False, True])
def test_whoever_has_no_more_than_a_nik_takes_it_from_nobody_and_is_told_the_same(is_registered):
    walk, owner = begin(citizen()), ""
    if is_registered:
        owner = walk.submit(citizen(), "+6281234567899")
        walk.deliver()
    before = len(walk.world.texts.sent)
    guessed = replace(citizen(), kk=citizen(2).kk, birth_date=citizen().birth_date.replace(year=1991))

    for phone in ("+6281234567891", "+6281234567892"):
        name = walk.submit(guessed, phone)
        walk.deliver()
        while walk.application(name).state is State.DRAFT:
            registration.submit(walk.ports, name)
            walk.deliver()
        assert walk.application(name).state is State.NOT_ELIGIBLE

    row = find(walk.ports, nik_key, walk.ports.vault.tag("nik", citizen().nik))
    assert (row.fields["application_id"] if row else "") == owner
    reconciliation.reconcile(walk.ports)
    told = [text for _, text in walk.world.texts.sent[before:] if not text.startswith("Kode Anda")]
    assert not any(NIK_ASKED_AGAIN_TEXT in text for text in told)
