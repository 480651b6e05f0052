"""The drill of phone codes, small: the same attacks and the same siege as `make drill-codes`."""

from __future__ import annotations

from benchmarks.drills import codes as drill
from benchmarks.drills.code_flood import Siege, besieged
from gelombang.journey.codes import CODE_TRIES


def test_no_attack_gets_in_and_one_of_many_at_once_wins():
    short = [str(each) for each in drill.attack_goals(guessers=200, each=30, rounds=3) if not each.met]

    assert short == []


def test_victims_of_a_siege_sign_in_within_a_minute_and_their_phones_are_spared():
    siege = Siege(requests=10_000, addresses=100, victims=10, honest=50)
    *_, found = besieged(siege)

    short = [str(each) for each in drill.siege_goals(siege, found) if not each.met]

    assert short == []
    assert found.hostile["CODE_WRONG"] > CODE_TRIES * siege.victims
    assert found.hostile["joined"] > found.hostile["new message"]


def test_who_signed_in_from_this_device_before_cannot_be_kept_out_by_guessing():
    siege = Siege(requests=7_200, addresses=100, victims=2, honest=1, guessed_share=0.5, have_signed_in=True)
    *_, found = besieged(siege)

    assert [str(each) for each in drill.targeted_goals(siege, found) if not each.met] == []
    assert found.hostile["CODE_WRONG"] > 100
