"""The drill of enumeration, small: a known and an unknown NIK get the same answer. Times are the drill's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.drills.enumeration import (
    Seen,
    _auc,
    best_auc,
    chance_of,
    differences,
    differing_calls,
    goals_of,
    pairs_of,
)


def test_a_known_and_an_unknown_nik_get_the_same_status_headers_and_body() -> None:
    pairs = list(pairs_of(20, seed=3))

    assert differences(pairs) == 0
    assert {pair.known.answers[1][0] for pair in pairs} == {202}


def test_the_table_is_asked_for_the_same_whoever_has_the_nik_and_not_for_that() -> None:
    pairs = list(pairs_of(20, seed=3))

    assert differing_calls(pairs) == 0
    assert any(call.startswith("commit Put APPLICATION") for call in pairs[0].known.calls)
    assert not any(
        "NIK" in call for pair in pairs for seen in (pair.known, pair.unknown) for call in seen.calls
    )
    more = replace(pairs[0].known, calls=(*pairs[0].known.calls, "read NIK"))
    assert differing_calls([replace(pairs[0], known=more)]) == 1


def test_an_answer_that_differs_in_a_letter_is_seen() -> None:
    (pair,) = pairs_of(1, seed=3)
    typed, (status, headers, body) = pair.known.answers

    other = replace(pair, known=replace(pair.known, answers=(typed, (status, headers, body + " "))))

    assert differences([pair, other]) == 1
    assert not goals_of([other, other], [])[0].met


def test_a_classifier_finds_a_difference_of_time_and_none_where_there_is_none() -> None:
    (pair,) = pairs_of(1, seed=3)
    draw = np.random.default_rng(1)

    def timed(ms: float) -> Seen:
        return replace(pair.known, submit_ms=ms, patch_ms=1.0)

    same = [replace(pair, known=timed(a), unknown=timed(b)) for a, b in draw.normal(5, 1, (4000, 2)) ** 2]
    slower = [replace(each, known=timed(each.known.submit_ms + 1)) for each in same]

    assert best_auc(same) < 0.53
    assert best_auc(slower) > 0.53
    assert chance_of(slower, seed=1, draws=20).p_value < 0.05
    assert chance_of(same, seed=1, draws=20).p_value > 0.05
    assert _auc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == 0.875
