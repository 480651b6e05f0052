"""The audit of a draw finds planted faults, says nothing against fair draws, and takes no rule for a bias."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from benchmarks.drills.fairness_wave import FAULTS, Wave, hold, make_wave, seed_of, tickets_of
from gelombang.drawing.fairness import (
    FAMILY_WISE_RATE,
    MailClass,
    Measure,
    Verdict,
    audit_draw,
    category_sums,
    holm,
    mail_class,
    places,
)
from gelombang.drawing.fairness_sums import LEAST_ENTRIES, REST, chi_square, sums_by_category, together, trend

CAUGHT_BY = {
    "winners-of-the-first-two-days": {
        "arrival.trend",
        "arrival_day.place",
        "arrival_day.seats",
        "arrival.seats",
    },
    "a-ticket-for-each-attempt": {"attempts.trend", "attempts.place", "ticket.spread"},
    "a-hidden-second-ticket": {"ticket.spread"},
    "people-twice-in-the-wave": {"person.extra"},
}


@cache
def wave() -> Wave:
    return make_wave(5000, 1)


@cache
def fair_draw():
    return hold(wave(), tickets_of(wave().leaves, seed_of(0)))


def rows_of(draw, rows):
    columns = {name: getattr(draw, name) for name in draw.__slots__}
    return replace(draw, **{name: each[rows] for name, each in columns.items() if each is not None})


def single(n):
    return np.zeros(n, np.int64)


def test_a_fair_draw_gives_no_sign_and_every_test_is_run():
    report = audit_draw(fair_draw())

    assert report.verdict is Verdict.NO_SIGN
    assert report.not_examined == ()
    assert (report.entries, report.seats) == (5000, int(fair_draw().has_seat.sum()))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_by_the_tests_that_should(fault):
    report = audit_draw(FAULTS[fault](wave(), seed_of(0)))

    caught = {finding.name for finding in report.findings if finding.corrected_p < 1e-6}
    assert report.verdict is Verdict.SIGN
    assert caught >= CAUGHT_BY[fault]


def test_the_planted_fault_of_the_first_two_days_does_what_that_of_2012_did():
    draw = FAULTS["winners-of-the-first-two-days"](wave(), seed_of(0))

    early = draw.arrived_s < 2 * 86400
    assert early[draw.has_seat].mean() > 0.9  # of the winners
    assert early[fair_draw().has_seat].mean() < 0.7
    assert draw.has_seat.sum() == fair_draw().has_seat.sum()


def test_the_drawn_wave_is_seated_by_the_passes_of_the_specification():
    draw, left, priority_left = fair_draw(), dict(wave().quota), wave().priority_seats
    order, seated, rank = np.argsort(draw.ticket).tolist(), set(), dict.fromkeys(wave().quota, 0)
    for number in range(3):  # restored, priority, everybody
        for row in order:
            region, has_turn = (
                int(draw.region[row]),
                (draw.is_restored, draw.is_priority, draw.ticket >= 0)[number],
            )
            if has_turn[row] and row not in seated and left[region] and (number != 1 or priority_left):
                seated.add(row)
                left[region] -= 1
                priority_left -= number == 1
    for row in order:
        rank[int(draw.region[row])] += 1
        assert draw.rank[row] == rank[int(draw.region[row])]

    assert set(np.flatnonzero(draw.has_seat)) == seated
    assert priority_left == 0


def test_tickets_that_are_equal_are_a_sign():
    tickets = fair_draw().ticket.copy()
    tickets[:3] = tickets[0]

    found = {finding.name: finding for finding in audit_draw(replace(fair_draw(), ticket=tickets)).findings}

    assert found["ticket.equal"].statistic == 2
    assert found["ticket.equal"].corrected_p < 1e-6


def test_households_whose_members_stand_together_are_a_sign():
    household = np.full(5000, -1)
    household[np.argsort(fair_draw().ticket)[:400]] = (
        np.arange(400) // 2
    )  # neighbours in the order of all tickets

    found = {
        finding.name: finding for finding in audit_draw(replace(fair_draw(), household=household)).findings
    }

    assert found["household.together"].corrected_p < 1e-6


def test_fair_draws_set_off_no_more_alarms_than_the_rate_allows():
    small = make_wave(600, 2)
    reports = [audit_draw(hold(small, tickets_of(small.leaves, seed_of(number)))) for number in range(150)]

    smallest = [min(finding.corrected_p for finding in report.findings) for report in reports]

    for rate in (0.05, 0.01, FAMILY_WISE_RATE):
        count = sum(p < rate for p in smallest)
        assert stats.binomtest(count, len(smallest), rate, alternative="greater").pvalue > 0.001


def test_unequal_quotas_are_no_bias_although_early_and_late_differ_by_region():
    early = fair_draw().region % 2 == 0
    quota = {region: len(early) if region % 2 == 0 else 5 for region in wave().quota}
    draw = hold(replace(wave(), quota=quota, arrived_s=np.where(early, 0, 100_000)), fair_draw().ticket)
    codes = (draw.arrived_s > 0).astype(np.int64)

    within = category_sums(draw)["arrival_day", Measure.SEATS]
    across = chi_square(sums_by_category(draw.has_seat.astype(float), codes, ("1", "2"), single(5000)))

    assert audit_draw(draw).verdict is Verdict.NO_SIGN
    assert within.observed.tolist() == pytest.approx(
        within.expected.tolist()
    )  # the region explains all of it
    assert across.p < 1e-100


def test_seats_of_the_priority_list_are_no_bias():
    everyone = replace(wave(), priority_seats=10_000, attempts=np.where(wave().is_priority, 3, 1))

    report = audit_draw(hold(everyone, fair_draw().ticket))

    assert report.verdict is Verdict.NO_SIGN


def test_who_the_household_limit_can_touch_is_left_out_where_seats_are_compared():
    seats = fair_draw().has_seat & (fair_draw().household < 0)  # as if the limit had turned all of them away

    sums = category_sums(fair_draw())
    without = category_sums(replace(fair_draw(), has_seat=seats))

    assert sums["mail", Measure.SEATS].entries.sum() == (fair_draw().household < 0).sum()
    assert without["mail", Measure.SEATS].observed.tolist() == sums["mail", Measure.SEATS].observed.tolist()


def test_only_groups_of_twenty_or_more_are_told():
    province = fair_draw().nik_province.copy()
    province[:3], province[3:10] = 91, 92

    report = audit_draw(replace(fair_draw(), nik_province=province))

    groups = {finding.name: finding.groups for finding in report.findings}
    assert min(group.entries for each in groups.values() for group in each) >= LEAST_ENTRIES
    assert {"91", "92"}.isdisjoint(group.label for group in groups["nik_province.place"])
    assert sum(group.entries for group in groups["nik_province.place"]) == 5000
    assert groups["nik_province.place"][-1].label == REST


@pytest.mark.parametrize("count", [0, 1, 19])
def test_too_few_entries_are_not_examined(count):
    first = np.flatnonzero(fair_draw().region == fair_draw().region[0])
    rows = first[np.argsort(fair_draw().rank[first])][:count]

    report = audit_draw(rows_of(fair_draw(), rows))

    assert (report.verdict, report.entries, report.findings) == (Verdict.TOO_FEW, count, ())


def test_what_is_not_known_is_not_examined_and_the_report_says_so():
    unknown = ("arrived_s", "mail_class", "nik_province", "attempts", "person")

    report = audit_draw(replace(fair_draw(), **dict.fromkeys(unknown)))

    abouts = {"arrival", "arrival_day", "arrival_hour", "mail", "nik_province", "attempts", "person"}
    assert {name.partition(".")[0] for name in report.not_examined} == abouts
    assert {finding.about for finding in report.findings} == {"ticket", "household", "id_order", "region"}


def test_a_draw_in_which_everybody_has_a_seat_compares_no_seats():
    report = audit_draw(replace(fair_draw(), has_seat=np.ones(5000, np.bool_)))

    assert (
        {name for name in report.not_examined if name.endswith(".seats")} == set(report.not_examined) != set()
    )


def test_the_order_of_the_rows_plays_no_part():
    shuffled = np.random.default_rng(3).permutation(5000)

    one, other = audit_draw(fair_draw()), audit_draw(rows_of(fair_draw(), shuffled))

    assert [each.name for each in one.findings] == [each.name for each in other.findings]
    assert [each.p for each in one.findings] == pytest.approx([each.p for each in other.findings])


def test_places_are_the_middles_of_equal_parts_in_each_region():
    place = places(fair_draw())

    for region in (1100, 1201):
        count = (fair_draw().region == region).sum()
        assert sorted(place[fair_draw().region == region]) == pytest.approx((np.arange(count) + 0.5) / count)


@pytest.mark.parametrize(("rank", "rows"), [(2, [0]), (0, [0]), (1, slice(0, 9))])
def test_ranks_that_are_no_order_are_refused(rank, rows):
    broken = fair_draw().rank.copy()
    region = np.flatnonzero(fair_draw().region == fair_draw().region[0])
    broken[region[rows]] = rank if rank != 2 else len(region) + 1

    with pytest.raises(ValueError, match="each once"):
        audit_draw(replace(fair_draw(), rank=broken))


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        audit_draw(replace(fair_draw(), attempts=np.ones(3, np.int64)))


def test_mean_and_covariance_are_those_of_all_permutations():
    scores, codes = np.array([0.1, 0.5, 0.9, 3.0, 5.0, 4.0]), np.array([0, 1, 1, 0, 2, 0])
    strata = np.array([0, 0, 0, 1, 1, 1])

    sums = sums_by_category(scores, codes, ("a", "b", "c"), strata)

    dealt = [
        np.bincount(codes, np.r_[scores[list(first)], scores[list(second)]], minlength=3)
        for first in permutations(range(3))
        for second in permutations(range(3, 6))
    ]
    assert sums.expected == pytest.approx(np.mean(dealt, axis=0))
    assert sums.covariance == pytest.approx(np.cov(np.array(dealt).T, bias=True))


def test_within_one_stratum_the_statistics_are_those_of_scipy():
    chance = np.random.default_rng(5)
    codes, scores, values = chance.integers(0, 4, 300), chance.random(300), chance.random(300)
    ranks = stats.rankdata(scores)
    wins = (scores < 0.3).astype(float)

    kruskal = chi_square(sums_by_category(ranks, codes, ("a", "b", "c", "d"), single(300)))
    pearson = chi_square(sums_by_category(wins, codes, ("a", "b", "c", "d"), single(300)))
    spearman = trend(ranks, values, single(300))

    table = [[((codes == code) & (wins == won)).sum() for code in range(4)] for won in (0, 1)]
    known = stats.kruskal(*(scores[codes == code] for code in range(4)))
    assert (kruskal.statistic, kruskal.p) == pytest.approx((known.statistic, known.pvalue))
    assert pearson.statistic == pytest.approx(stats.chi2_contingency(table).statistic * 299 / 300)
    assert spearman.effect == pytest.approx(stats.spearmanr(scores, values).statistic)


def test_only_two_of_each_household_are_paired_and_strangers_never():
    scores = np.linspace(0.001, 0.999, 100)
    groups = np.r_[np.repeat(np.arange(20), 3), np.full(40, -1)]

    judged = together(scores, groups, np.arange(100))

    assert judged.effect == pytest.approx(1.0)  # neighbours everywhere
    assert together(scores[:57], groups[:57], np.arange(57)) is None  # 19 pairs


def test_holm_raises_each_p_value_by_the_tests_that_are_left():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.6]) == (1.0, 1.0)
    assert holm([]) == ()


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("", MailClass.NONE),
        ("gmail.com", MailClass.GMAIL),
        ("Yahoo.co.id", MailClass.YAHOO),
        ("hotmail.com", MailClass.MICROSOFT),
        ("students.ui.ac.id", MailClass.SCHOOL),
        ("smkn1.sch.id", MailClass.SCHOOL),
        ("jakarta.go.id", MailClass.GOVERNMENT),
        ("go.id.example", MailClass.OTHER),
        ("id", MailClass.OTHER),
    ],
)
def test_a_mail_domain_has_a_coarse_kind(domain, kind):
    assert mail_class(domain) is kind
