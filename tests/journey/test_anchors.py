"""The daily anchor: exactly one a day, whatever is killed, over every chain that grew and over nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from gelombang.domain.anchor import Leaf, anchor, leaves_file, leaves_from, proof_of, shard_of_file
from gelombang.domain.errors import DependencyError
from gelombang.domain.merkle import is_proven
from gelombang.domain.signature import message_to_sign
from gelombang.journey import anchors, applications
from gelombang.journey.anchors import Anchored, anchor_due, anchor_key, leaf_on, published_anchors
from gelombang.journey.applications import shard_of
from tests.journey.audited import next_day
from tests.journey.dying import Died
from tests.journey.walking import begin, citizen

TODAY = date(2026, 11, 23)


def started():
    walk = begin(citizen(1), citizen(2))
    anchor_due(walk.ports, "prakerja")
    return walk


def told(walk, day=TODAY):
    return json.loads(walk.world.archive.files[anchor_key(day)])["anchor"]


def test_a_day_is_anchored_an_hour_after_its_end_in_jakarta_and_not_before():
    walk = started()  # 09.00 in Jakarta
    walk.world.clock.advance(hours=15, minutes=59)
    assert anchor_due(walk.ports, "prakerja") == 0

    walk.world.clock.advance(minutes=1)

    assert anchor_due(walk.ports, "prakerja") == 1
    assert anchor_due(walk.ports, "prakerja") == 0
    assert told(walk)["leaf_count"] == 0


def test_every_chain_that_grew_has_its_last_head_of_the_day_in_the_anchor():
    walk = started()
    first, second = walk.submit(citizen(1)), walk.submit(citizen(2), "+6281234567891")
    walk.deliver()
    heads = {name: walk.application(name) for name in (first, second)}
    next_day(walk)
    walk.application(first)
    applications.save(walk.ports, walk.application(first), "looked at")
    next_day(walk)

    assert told(walk)["leaf_count"] == 2
    assert told(walk, date(2026, 11, 24))["leaf_count"] == 1
    for name, application in heads.items():
        wanted = Leaf(name, application.audit_length, application.audit_head)
        assert leaf_on(walk.ports, name, TODAY) == wanted
    assert leaf_on(walk.ports, second, date(2026, 11, 24)) is None


def test_anchors_follow_each_other_and_days_that_were_missed_are_made_up_for():
    walk = started()
    walk.world.clock.advance(days=4)

    assert anchor_due(walk.ports, "prakerja") == 4

    days = list(anchors.anchor_days(walk.ports))
    assert [day.day for day in days] == [23, 24, 25, 26]
    files = [walk.world.archive.files[anchor_key(day)] for day in days]
    assert [told(walk, day)["number"] for day in days] == [1, 2, 3, 4]
    assert [told(walk, day)["previous_sha256"] for day in days[1:]] == [
        anchors.file_hash(f) for f in files[:-1]
    ]
    assert [walk.world.documents.files[anchor_key(day)] for day in days] == files


@pytest.mark.parametrize("has_effect", [False, True])
def test_whoever_dies_at_any_call_leaves_one_anchor_that_the_next_round_finishes(has_effect):
    wanted, last, has_died = None, 0, True
    while has_died:
        walk, last = started(), last + 1
        walk.submit(citizen(1))
        walk.deliver()
        walk.world.clock.advance(days=1)
        fate = Fate(last, has_effect)
        names = ("rows", "archive", "documents", "signer")
        cut = replace(walk.ports, **{name: Cut(getattr(walk.ports, name), fate) for name in names})
        has_died = False
        try:
            anchor_due(cut, "prakerja")
        except Died:
            has_died = True
        anchor_due(walk.ports, "prakerja")

        files = walk.world.archive.files
        made = {name: content for name, content in files.items() if name.startswith("audit/anchors/")}
        wanted = wanted or made
        assert made == wanted  # one, the same byte for byte wherever it was cut off
        state = anchors.anchored(walk.ports)
        assert isinstance(state, Anchored)
        assert (state.number, state.previous_sha256) == (1, anchors.file_hash(*made.values()))
        assert walk.world.documents.files[anchor_key(TODAY)] == made[anchor_key(TODAY)]
    assert last > 6


class Fate:
    """Which call that changes something is the last, and whether it still took effect."""

    def __init__(self, last, has_effect):
        self.left, self.has_effect = last, has_effect

    def call(self, real, *given):
        self.left -= 1
        if self.left:
            return real(*given)
        if self.has_effect:
            real(*given)
        raise Died


class Cut:
    """A port whose changing calls are counted; reading is not."""

    def __init__(self, port, fate):
        self._port, self._fate = port, fate

    def __getattr__(self, name):
        real = getattr(self._port, name)
        is_change = name in {"commit", "keep_once", "write", "sign"}
        return (lambda *given: self._fate.call(real, *given)) if is_change else real


def test_the_last_anchor_and_the_keys_are_published_for_everybody():
    walk = started()
    assert published_anchors(walk.ports).files == ()

    next_day(walk)

    keys, last = published_anchors(walk.ports).files
    content = walk.world.documents.files[keys.name]
    assert (keys.name, keys.sha256) == ("audit/keys.json", anchors.file_hash(content))
    assert (last.name, last.sha256) == (
        anchor_key(TODAY),
        anchors.file_hash(walk.world.archive.files[last.name]),
    )
    assert json.loads(content)["keys"][0]["valid_until"] is None


def test_an_anchor_that_lies_there_already_is_the_days_anchor():
    walk = started()
    walk.submit(citizen(1))
    walk.world.archive.files[anchor_key(TODAY)] = b"made by a faster process"

    next_day(walk)

    state = anchors.anchored(walk.ports)
    assert state.previous_sha256 == anchors.file_hash(b"made by a faster process")
    assert walk.world.documents.files[anchor_key(TODAY)] == b"made by a faster process"


def test_a_round_that_runs_out_of_time_goes_on_with_the_next_shard():
    walk = started()
    names = [walk.submit(citizen(n), f"+628123456789{n}") for n in (1, 2)]
    walk.world.clock.advance(days=1)
    slow = replace(walk.ports, archive=Slow(walk))

    rounds = [anchor_due(slow, "prakerja") for _ in range(3)]

    assert rounds == [0, 0, 1]
    assert told(walk)["leaf_count"] == 2
    assert {leaf_on(walk.ports, name, TODAY).application_id for name in names} == {*names}


class Slow:
    """An archive whose every write takes half a minute."""

    def __init__(self, walk):
        self._walk = walk

    def keep_once(self, key, content):
        self._walk.world.clock.advance(seconds=30)
        return self._walk.world.archive.keep_once(key, content)


def test_without_its_stores_an_anchor_waits():
    walk = started()
    walk.world.clock.advance(days=1)

    with pytest.raises(DependencyError):
        anchor_due(replace(walk.ports, archive=Gone()), "prakerja")

    assert anchor_due(walk.ports, "prakerja") == 1


class Gone:
    """An archive that cannot be reached."""

    def keep_once(self, _key, _content):
        raise DependencyError("s3", "away")


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_a_leaf_is_proven_by_its_path_and_an_absent_one_by_its_neighbours(count):
    leaves = [Leaf(f"app_{number:02d}", number, "ab") for number in range(1, 2 * count, 2)]
    content = leaves_file(reversed(leaves))
    shard = shard_of_file(7, content)
    lines = content.splitlines()

    assert leaves_from(content) == leaves
    for number in range(2 * count + 1):
        proof = proof_of(TODAY, f"app_{number:02d}", content)
        places = [each["index"] for each in proof["leaves"]]
        assert proof["is_there"] is (number % 2 == 1)
        right = (
            [(number - 1) // 2]
            if number % 2
            else [i for i in (number // 2 - 1, number // 2) if 0 <= i < count]
        )
        assert places == right
        for each in proof["leaves"]:
            path = [bytes.fromhex(node) for node in each["path"]]
            root = bytes.fromhex(shard.root)
            assert is_proven(lines[each["index"]], each["index"], shard.leaf_count, path, root)


def test_shards_without_leaves_are_not_in_an_anchor():
    day = anchor(
        "prakerja", TODAY, 1, "", [shard_of_file(shard_of("app_1"), leaves_file([Leaf("app_1", 1, "ab")]))]
    )

    assert (day["leaf_count"], len(day["shards"])) == (1, 1)
    assert len(message_to_sign(day["spec"], b"x" * 100_000)) < 100  # KMS signs 4,096 bytes at most
