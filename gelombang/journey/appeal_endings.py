"""What becomes of an open appeal when its owner withdraws consent, restricts processing, or asks to be erased."""

from __future__ import annotations

from dataclasses import replace

from gelombang.domain.appeal import AppealState, without_words
from gelombang.domain.application import Application
from gelombang.journey.appeal_rows import appeal_row, count_ended, load_appeal
from gelombang.journey.ports import Change, Ports, Put


def calling_off(ports: Ports, application: Application) -> list[Change]:
    """Return what ends an application's open appeal, if it has one, without an answer; its words go."""
    if not application.open_appeal:
        return []
    now = ports.clock.now()
    appeal = replace(load_appeal(ports, application.open_appeal), state=AppealState.ENDED, decided_at=now)
    return [Put(appeal_row(without_words(appeal))), count_ended(ports, appeal, now)]


def pausing(ports: Ports, application: Application, *, is_paused: bool) -> list[Change]:
    """Return what takes an open appeal off every list for a while, or puts it back; its deadline is then counted anew.

    `appeal_clock` tells the new deadline: only it knows the calendar.
    """
    if not application.open_appeal:
        return []
    appeal, now = load_appeal(ports, application.open_appeal), ports.clock.now()
    paused = replace(appeal, is_paused=is_paused)
    if not is_paused and appeal.state is AppealState.OPEN:
        paused = replace(paused, deadline=None, counted_from=now, warned_at=now)
    return [Put(appeal_row(paused))]


def forgetting(ports: Ports, application: Application) -> list[Change]:
    """Return what leaves of every appeal of an application only that there was one and how it ended."""
    changes = calling_off(ports, application)
    for number in application.appeals:
        appeal = load_appeal(ports, number)
        if number != application.open_appeal and appeal.kept_until:
            changes.append(Put(appeal_row(without_words(appeal))))
    return changes
