"""The command that divides a wave's seats among the regions."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from gelombang.domain.wave import definition_from_json, seat_count
from gelombang.journey.programme import load_programme
from local.command import app
from local.service import wave_definition


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_waves_seats_are_divided_among_all_regions_into_a_quota_that_its_file_may_have():
    plain, machine = run("wave", "quota", 200_000), run("wave", "quota", 200_000, "--json")

    assert (plain.exit_code, machine.exit_code) == (0, 0)
    assert json.loads(plain.stdout) == json.loads(machine.stdout)
    definition = definition_from_json(wave_definition("demo") | json.loads(machine.stdout))
    assert seat_count(definition) == 200_000
    assert set(definition.quota) == set(load_programme("prakerja").regions)


def test_no_seats_are_not_divided():
    assert run("wave", "quota", 0).exit_code == 2
