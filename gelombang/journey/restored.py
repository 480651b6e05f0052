"""What somebody may join who was kept out of a wave by no doing of theirs, and whether they come first in the next.

Refused during a wave's hours and restored before its freeze, they may join it until then, open or closed. Was it frozen
meanwhile, they are seated first in the next wave that they join. A question to reviewers that they answer with yes
(`gelombang.journey.clusters`) counts as a refusal that was taken back. Whoever is checked again before they join
(`gelombang.journey.rechecking`) may join until the freeze too, but is first in the next wave only if they were not
verified by then: they know what they wait for, and nobody gets a seat by asking late.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gelombang.domain.application import Application
from gelombang.domain.wave import Wave, WaveState, closing_time, frozen_at, state_of
from gelombang.journey.ports import Ports
from gelombang.journey.wave_rows import load_wave

TIME_TO_JOIN = timedelta(
    hours=24
)  # whoever may join for less than this before a freeze could not be expected to


def all_waves(ports: Ports) -> list[Wave]:
    """Return all waves, by id."""
    return [load_wave(ports, row.key.sort) for row in ports.rows.read_partition("WAVES")]


def is_open_to(wave: Wave, application: Application, now: datetime) -> bool:
    """Say whether a wave takes this application now: inside its hours, or until the freeze if a refusal kept it out."""
    state, closing = state_of(wave, now), closing_time(wave)
    if state is not WaveState.CLOSED:
        return state is WaveState.OPEN
    refused_at, asked_at = application.restored_from, application.rechecked_from
    had_time = application.state_since + TIME_TO_JOIN < closing
    return (refused_at is not None and refused_at < closing) or (
        asked_at is not None and asked_at < closing and not had_time
    )


def joinable_wave(ports: Ports, application: Application) -> str:
    """Return the wave that an application may join now and that closes first, "" where there is none."""
    now = ports.clock.now()
    found = [wave for wave in _of_its_region(ports, application) if is_open_to(wave, application, now)]
    return min(found, key=closing_time).definition.wave_id if found else ""


def has_missed_a_draw(ports: Ports, application: Application) -> bool:
    """Say whether a refusal that was taken back, or a second check, kept an application out of a wave that was frozen.

    `state_since` is when it was verified; a wave that was joined as restored, without a seat, counts as missed too.
    """
    verified_at = application.state_since
    kept_out = (
        (application.restored_from, verified_at + TIME_TO_JOIN),
        (application.rechecked_from, verified_at),
    )
    return any(
        frozen <= by_then and since < closing_time(wave)
        for since, by_then in kept_out
        if since is not None
        for wave in _of_its_region(ports, application)
        if (frozen := frozen_at(wave))
    )


def _of_its_region(ports: Ports, application: Application) -> list[Wave]:
    region = application.form.region if application.form else ""
    return [wave for wave in all_waves(ports) if region in wave.definition.quota]
