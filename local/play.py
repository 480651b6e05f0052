"""The demo from beginning to end: cast the scenario, open a wave, play it, fetch and verify its draw, report."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from local.client import connect
from local.comparison import make_report, privacy_line
from local.demo import Stage, cast_players, play_wave
from local.fitness import fit_bundled, fit_subjects
from local.office import download_bundle
from local.scenario import FACES_NEEDED, PARTS, parts_for
from local.service import open_wave, wave_definition
from local.sinks import sinks_of
from local.table import typed_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gelombang.memory.registers import Citizen
    from local.demo import Player
    from local.display import Display
    from local.population import Population
    from local.scenario import Part
    from local.service import Service
    from local.table import Report

WAVE = "demo"
CODE = re.compile(r"\b\d{6}\b")


def play_demo(
    service: Service,
    display: Display,
    *,
    parts: Sequence[Part] = PARTS,
    faces: Path | None = None,
    kills_worker: bool = False,
) -> Report:
    """Play the scenario's wave on a running service and return what came of it.

    Raises:
        FileNotFoundError: the folder of faces has no people with two photographs each.
        TookTooLongError, ApiProblemError: a step of the wave failed.
    """
    started = time.monotonic()
    stack = service.stack
    display.keep(f"Model pack {service.pack.release}: {service.pack.licence}.")
    for limit in service.pack.limits:
        display.keep(f"  · {limit}")
    display.say("drawing cards and cutting faces")
    definition = wave_definition(WAVE)
    subjects = fit_bundled(FACES_NEEDED) if faces is None else fit_subjects(faces, FACES_NEEDED)
    playable = parts_for(parts, len(subjects))
    left_out = [part.name for part in parts if part not in playable]
    if left_out:
        display.keep(f"Left out, for this pack finds faults in the pictures at hand: {', '.join(left_out)}.")
    citizens = choose_citizens(playable, service.population, sorted(definition["quota"]))
    players = cast_players(playable, citizens, subjects)
    open_wave(stack, definition, [p.citizen.nik for p in players if p.part.is_on_priority_list])
    display.keep("The demo plays the applicants, the operator and, from the scenario's truth, the reviewers.")
    commitment = play_wave(Stage(stack, service.registers_url, kills_worker), players, WAVE, display)
    display.say("the draw bundle is fetched and verified")
    with connect(stack.url) as anybody:
        bundle = download_bundle(anybody, WAVE, stack.state_dir / "draws")
    codes = [code for _, text in stack.texts() for code in CODE.findall(text)]
    return make_report(
        players,
        quota=definition["quota"],
        bundle=bundle,
        commitment=commitment,
        privacy=privacy_line(players, sinks_of(stack), codes),
        command=typed_command(),
        model_release=_model_release(service, players),
        took_s=time.monotonic() - started,
    )


def choose_citizens(parts: Sequence[Part], population: Population, regions: Sequence[str]) -> list[Citizen]:
    """Return a citizen of its kind for each part, the regions in turn, no two of one household.

    Raises:
        LookupError: the population has nobody left of a kind in a region.
    """
    chosen: list[Citizen] = []
    for number, part in enumerate(parts):
        region, taken = regions[number % len(regions)], {citizen.kk for citizen in chosen}
        fitting = (c for c in population.everybody(part.kind) if c.region == region and c.kk not in taken)
        citizen = next(fitting, None)
        if citizen is None:
            raise LookupError(f"nobody left of kind {part.kind} in region {region}")
        chosen.append(citizen)
    return chosen


def _model_release(service: Service, players: Sequence[Player]) -> str:
    """Return the model release as the evidence of the first person who has any names it."""
    with connect(service.stack.url, service.stack.tokens["auditor"]) as auditor:
        for player in players:
            if player.walk.entry_id:
                story = auditor.get(f"/v1/explanations/{player.walk.application_id}")
                return str(story["faces"][-1]["model_release"])
    return "no face was measured"
