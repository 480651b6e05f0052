"""The programme's first wave once more: of its seats 15.9 % are lost after the draw, and all are filled again."""

from __future__ import annotations

import random

import pytest

from benchmarks.drills.first_wave import AUDITOR, FOUND, LOST, SEATS, regions_of, replay
from gelombang.domain.draw import DrawOutcome
from gelombang.journey import seats, selection
from tests.journey.seated import (
    DAYS,
    PROGRAMME,
    accept,
    free_rows,
    give_back,
    pass_days,
    published,
    seat_of,
    selected,
    tend_until_quiet,
    who,
)
from tests.journey.waves import WAVE

SHARE = LOST / SEATS


def test_two_thousand_seats_are_filled_again_in_twenty_regions():
    lost = round(2000 * SHARE)

    found = replay(regions_of(2000, 20_700, lost, 20), seed=1, processes=1)

    assert sum(one.lost_count for one in found) == lost == 319
    assert sum(one.filled_count for one in found) == 2000
    assert sum(one.moved_up_count for one in found) == lost + sum(one.lost_again_count for one in found)
    assert {(one.free_count, one.out_of_order_count, one.doubled_count) for one in found} == {(0, 0, 0)}
    assert {one.over_the_limit_count for one in found} == {0}


def test_a_region_with_fewer_reserves_than_lost_seats_says_how_many_stay_free():
    (found,) = replay(regions_of(4, 5, 3, 1), seed=1, processes=1)

    assert found.filled_count + found.free_count == 4
    assert found.free_count == 3 - found.moved_up_count + found.lost_again_count > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_from_the_first_application_to_the_last_reserve_every_seat_is_filled(seed):
    chance = random.Random(seed)  # noqa: S311 - a replay, not a draw
    regions = ["3171"] * 200 + ["3578"] * 120 + ["1271"] * 60
    quota = {"3171": 60, "3578": 36, "1271": 4}
    joined = [(region, number // 2) for number, region in enumerate(regions)]
    world = published(joined, quota=quota, priority_seats=0, reserve_percent=100)
    ports = world.ports
    tend_until_quiet(ports)

    first = who(ports, DrawOutcome.SELECTED)
    lost = set(chance.sample(first, round(100 * SHARE)))
    while waiting := [name for name in selected(ports) if seat_of(ports, name).is_waiting]:
        for turn, name in enumerate(sorted(waiting)):
            if name not in lost and (name in first or chance.random() > SHARE):
                accept(ports, name)
            elif turn % 3 == 1:
                give_back(ports, name)
            elif turn % 3 == 2:
                seats.take_back(ports, PROGRAMME, AUDITOR, name, FOUND, note="audit")
        pass_days(world, DAYS + 1)
        tend_until_quiet(ports)

    page = selection.find_wave(ports, WAVE)
    assert (page.filled, page.free, free_rows(ports)) == (dict(sorted(quota.items())), {}, 0)
    assert sum(page.moved_up.values()) >= len(lost) == 16
    assert all(seat_of(ports, name).accepted_at for name in selected(ports))
    assert lost.isdisjoint(selected(ports))
