"""What keeps a process from asking one register too much: its share of the rate, few retries, a breaker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gelombang.domain.checks import Layer
from gelombang.domain.errors import DependencyError
from gelombang.domain.sources import MOST_PROCESSES, Source
from gelombang.http.guard import FAILURES_MOST, OPEN_S, RETRIES_SAVED, WAIT_S, Guard
from gelombang.journey.sources import load_sources, read_sources
from gelombang.memory.registers import SOURCES
from infra.template import PACE


class Time:
    """A monotonic clock that sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.now_s += seconds


def guard(time: Time, per_s: float = 1000.0) -> Guard:
    return Guard("kemensos", per_s, time.monotonic, time.sleep)


def admitted(one: Guard) -> bool:
    try:
        one.admit()
    except DependencyError:
        return False
    return True


def test_questions_beyond_the_rate_wait_their_turn_and_then_are_not_asked():
    time = Time()
    one = guard(time, per_s=2.0)

    passed = [admitted(one) for _ in range(20)]

    assert all(passed)
    assert time.now_s == pytest.approx((20 - 2) / 2)  # two at once, then two a second
    crowded = Guard("kemensos", 2.0, time.monotonic, lambda _seconds: None)  # many at the same moment
    assert sum(admitted(crowded) for _ in range(20)) == 2 + int(WAIT_S * 2)


def test_a_register_that_does_not_answer_is_left_alone_and_found_again_by_one_question():
    time = Time()
    one = guard(time)
    for _ in range(FAILURES_MOST):
        one.admit()
        one.note(is_answered=False, retries=0)

    assert not admitted(one)
    time.now_s += OPEN_S
    assert [admitted(one), admitted(one)] == [True, False]
    one.note(is_answered=True, retries=0)
    assert admitted(one)


def test_a_failure_between_answers_opens_no_breaker():
    one = guard(Time())
    for number in range(20 * FAILURES_MOST):
        one.admit()
        one.note(is_answered=number % FAILURES_MOST == 0, retries=0)

    assert admitted(one)


def test_one_question_in_ten_may_be_asked_twice_and_quiet_times_save_few_retries():
    one, retried = guard(Time()), 0
    for _ in range(1000):
        one.admit()
        may = one.may_retry()
        one.note(is_answered=False, retries=int(may))
        one.note(is_answered=True, retries=0)
        retried += may
    assert retried <= 1000 / 10 + 1

    quiet = guard(Time())
    for _ in range(1000):
        quiet.may_retry()
    saved = 0
    while quiet.may_retry() and saved < 100:
        quiet.note(is_answered=True, retries=1)
        saved += 1
    assert saved <= RETRIES_SAVED + 1


def test_every_process_keeps_to_its_share_so_that_all_of_them_keep_to_the_agreement():
    source = Source("kemensos", requests_per_s=500, batch_most=50, list_days_most=120)

    assert source.share_per_s * MOST_PROCESSES == 500
    assert PACE["cloud"]["Receivers"] == MOST_PROCESSES


def test_every_source_of_a_layer_has_an_agreement():
    assert set(load_sources("prakerja")) == set(SOURCES.values())
    assert Layer.FACE not in SOURCES


RIGHT = {
    "name": "kemensos",
    "requests_per_s": 5,
    "batch_most": 1,
    "list_days_most": 9,
    "listed": ["aid"],
    "list_key": "0a" * 32,
    "agreed": "so",
}


def written(folder: Path, *sources: dict) -> Path:
    path = folder / "sources.json"
    path.write_text(json.dumps({"note": "", "sources": sources}, indent=1), "utf-8")
    return path


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"requests_per_s": 0}, "sources.0.requests_per_s: Input should be greater than 0"),
        ({"batch_most": 0}, "sources.0.batch_most: "),
        ({"list_days_most": 0}, "sources.0.list_days_most: "),
        ({"list_key": "00"}, "sources.0.list_key: the agency's Ed25519 public key is 64 of the digits"),
        ({"list_key": "xyz", "listed": []}, "sources.0.list_key: the agency's Ed25519 public key"),
        ({"list_key": "0A" * 32}, "sources.0.list_key: the agency's Ed25519 public key"),
        ({"listed": ["face check"]}, "sources.0.listed.0: Input should be 'population'"),
        ({"listed": ["household_cap"]}, "sources.0.listed.0: no list of NIKs answers for household_cap"),
        ({"listed": ["blacklist"]}, "blacklist is no layer of kemensos, but of prakerja_blacklist"),
        ({"listed": ["aid", "aid"]}, "sources.0.listed.1: aid is named twice"),
        ({"list_key": ""}, "sources.0.listed.0: no list of aid can be taken without the agency's key"),
        ({"more": 1}, "sources.0.more: "),
    ],
)
def test_an_agreement_that_cannot_be_is_refused_with_its_field_and_line(tmp_path, wrong, said):
    assert read_sources(written(tmp_path, RIGHT), "s.json")["kemensos"].listed == (Layer.AID,)

    with pytest.raises(ValueError, match=r"^s\.json: sources\.0\..*\(line \d+\)$") as refused:
        read_sources(written(tmp_path, RIGHT | wrong), "s.json")

    assert said in str(refused.value)


def test_a_source_is_named_once(tmp_path):
    with pytest.raises(ValueError, match=r"sources\.1\.name: kemensos is named twice \(line 16\)"):
        read_sources(written(tmp_path, RIGHT, RIGHT), "s.json")


def test_an_agency_may_give_its_key_before_a_list_is_agreed(tmp_path):
    (source,) = read_sources(written(tmp_path, RIGHT | {"listed": []}), "s.json").values()

    assert (source.listed, source.list_key) == ((), RIGHT["list_key"])
