"""The table of a wave's seats, on a wide console and on one of 80 characters."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from gelombang.memory.clock import START
from local.wave_table import COLUMNS, print_wave
from tests.journey.waves import WAVE
from tests.local.wave_desk import desk_at

NAMES = {
    "provinces": {"31": "DKI Jakarta"},
    "regions": {"3171": "Kota Administrasi Jakarta Selatan", "3578": "Kota Surabaya"},
}
COMMITTED = {"3171": {"general": 1, "priority": 2, "restored": 3}, "3578": {"general": 1}}
OUTCOMES = {"3171": {"SELECTED": 3, "RESERVE": 2}, "3578": {"SELECTED": 1}}
LATER = {"filled": {"3171": 2, "3578": 1}, "moved_up": {"3171": 4}, "free": {"3171": 1}, "outcomes": OUTCOMES}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a published wave."""
    with desk_at(START, tmp_path_factory.mktemp("desk")) as desk:
        desk.open_wave(quota={"3171": 3, "3578": 2})
        desk.json("close", WAVE)
        desk.json("run", WAVE)
        return desk.page()


def printed(page, committed, width):
    """Return what is printed, and the cells of its tables' header lines and of their last lines."""
    text = StringIO()
    print_wave(Console(file=text, width=width), page, committed, NAMES)
    lines = text.getvalue().splitlines()
    heads = [[each.strip() for each in line.split("┃")[1:-1]] for line in lines if line.startswith("┃")]
    totals = [[each.strip() for each in line.split("│")[1:-1]] for line in lines if line.startswith("│ all")]
    drawn = [line for line in lines if line[:1] in "┏┃┡│├└"]
    return text.getvalue(), heads, totals, drawn


def test_every_count_is_in_one_table_where_there_is_room(page):
    _, heads, totals, _ = printed({**page, **LATER}, COMMITTED, 120)

    assert heads == [["region", *COLUMNS]]
    assert totals == [["all", "5", "7", "2", "2", "3", "3", "4", "1", "2", "3"]]


def test_in_80_characters_the_counts_that_are_all_0_are_left_out_and_named(page):
    text, heads, totals, drawn = printed(page, {"3171": {"general": 6}, "3578": {"general": 1}}, 80)

    assert heads == [["region", "quota", "entries", "general", "filled", "reserve", "places"]]
    assert totals == [["all", "5", "7", "7", "4", "2", "3"]]
    assert "not shown, 0 or not known yet: priority, restored, moved up, came back" in text
    assert max(map(len, drawn)) <= 80


def test_in_80_characters_no_heading_is_broken_and_no_count_lost_where_all_tell_something(page):
    text, heads, totals, drawn = printed({**page, **LATER}, COMMITTED, 80)

    assert all(head[0] == "region" for head in heads)
    assert [each for head in heads for each in head[1:]] == list(COLUMNS)
    assert [each for row in totals for each in row[1:]] == ["5", "7", "2", "2", "3", "3", "4", "1", "2", "3"]
    assert "not shown" not in text
    assert max(map(len, drawn)) <= 80


def test_large_counts_are_whole_in_80_characters(page):
    seats = {**page["definition"], "quota": {"3171": 123_456_789, "3578": 1}}

    _, heads, totals, drawn = printed({**page, "definition": seats}, COMMITTED, 80)

    assert totals[0][heads[0].index("quota")] == "123456790"
    assert max(map(len, drawn)) <= 80


def test_the_legend_says_of_what_came_back_that_seats_nobody_got_are_not_among_it(page):
    text, *_ = printed(page, COMMITTED, 120)

    assert "came back: seats that somebody had and lost, and no reserve is left for them" in text
    assert "seats that the draw gave to nobody are not among them" in text
