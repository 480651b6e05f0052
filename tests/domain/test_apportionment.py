"""Seats are divided to the last one, each region within one of its exact share; what is not promised is named."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gelombang.domain.apportionment import apportion
from gelombang.journey.programme import load_programme

CODES = st.from_regex(r"[0-9]{4}", fullmatch=True)
# Small weights make equal remainders common, large ones are as populations are.
WEIGHTS = st.dictionaries(CODES, st.one_of(st.integers(0, 5), st.integers(0, 10**7)), min_size=1).filter(
    lambda weights: sum(weights.values()) > 0
)
SEATS = st.one_of(st.integers(0, 20), st.integers(0, 10**7))
POPULATION = load_programme("prakerja").population


@given(SEATS, WEIGHTS)
def test_every_seat_is_given_once_and_each_region_has_its_exact_share_rounded_down_or_up(seats, weights):
    quota = apportion(seats, weights)

    assert sum(quota.values()) == seats
    assert list(quota) == sorted(weights)
    for code, weight in weights.items():
        share = Fraction(seats * weight, sum(weights.values()))
        assert floor(share) <= quota[code] <= ceil(share)


@given(SEATS, WEIGHTS)
def test_the_seats_left_over_go_to_the_largest_remainders_and_of_equal_ones_to_the_lowest_codes(
    seats, weights
):
    quota = apportion(seats, weights)

    shares = {code: Fraction(seats * weight, sum(weights.values())) for code, weight in weights.items()}
    rank = {code: (floor(share) - share, code) for code, share in shares.items()}
    raised = [rank[code] for code in weights if quota[code] > shares[code]]
    others = [rank[code] for code in weights if quota[code] < shares[code]]
    assert not raised or not others or max(raised) < min(others)


@given(SEATS, WEIGHTS)
def test_a_greater_weight_never_gets_fewer_seats(seats, weights):
    quota = apportion(seats, weights)

    by_weight = sorted(weights, key=lambda code: (-weights[code], code))
    seats_by_weight = [quota[code] for code in by_weight]
    assert seats_by_weight == sorted(seats_by_weight, reverse=True)


@given(SEATS, WEIGHTS, st.data())
def test_a_region_whose_own_weight_alone_grows_never_loses_a_seat(seats, weights, data):
    code = data.draw(st.sampled_from(sorted(weights)))
    grown = weights | {code: weights[code] + data.draw(st.integers(1, 1000))}

    assert apportion(seats, grown)[code] >= apportion(seats, weights)[code]


@given(SEATS, WEIGHTS, st.integers(2, 10**6), st.randoms())
def test_neither_the_unit_of_the_weights_nor_their_order_matters(seats, weights, factor, chance):
    shuffled = list(weights)
    chance.shuffle(shuffled)

    assert apportion(seats, {code: factor * weights[code] for code in shuffled}) == apportion(seats, weights)


@given(st.integers(0, 10**5), WEIGHTS, st.integers(0, 1000))
@example(10, {"0001": 6, "0002": 6, "0003": 2}, 1)  # Alabama: the third region loses one of its two
def test_more_seats_may_cost_a_region_one_but_never_below_its_old_share_rounded_down(seats, weights, more):
    fewer, greater = apportion(seats, weights), apportion(seats + more, weights)

    assert all(greater[code] >= fewer[code] - 1 for code in weights)
    assert all(
        greater[code] >= floor(Fraction(seats * weights[code], sum(weights.values()))) for code in weights
    )


def test_the_alabama_paradox_is_as_the_docstring_says():
    weights = {"0001": 6, "0002": 6, "0003": 2}

    assert list(apportion(10, weights).values()) == [4, 4, 2]
    assert list(apportion(11, weights).values()) == [5, 5, 1]


@given(WEIGHTS, st.integers(1, 1000))
def test_seats_that_divide_evenly_are_divided_exactly(weights, times):
    quota = apportion(times * sum(weights.values()), weights)

    assert quota == {code: times * weight for code, weight in weights.items()}


def test_equal_remainders_go_to_the_lowest_codes_whatever_the_order_they_came_in():
    assert apportion(2, {"9671": 1, "1101": 1, "3171": 1}) == {"1101": 1, "3171": 1, "9671": 0}


def test_a_region_without_weight_gets_nothing():
    assert apportion(5, {"1101": 0, "1102": 3}) == {"1101": 0, "1102": 5}
    assert apportion(0, {"1101": 0}) == {"1101": 0}


@pytest.mark.parametrize(
    ("seats", "weights"), [(-1, {"1101": 1}), (1, {"1101": 1, "1102": -1}), (1, {"1101": 0}), (1, {})]
)
def test_what_cannot_be_divided_is_refused(seats, weights):
    with pytest.raises(ValueError, match="weight"):
        apportion(seats, weights)


def test_the_first_waves_seats_are_divided_among_all_514_regions_by_population():
    quota = apportion(200_000, POPULATION)

    assert sum(quota.values()) == 200_000
    assert len(quota) == 514
    assert min(quota.values()) > 0
    largest = max(quota, key=quota.__getitem__)
    assert (largest, quota[largest]) == ("3201", round(200_000 * 5_809_790 / 284_973_643))
