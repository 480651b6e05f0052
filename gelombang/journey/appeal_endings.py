"""What becomes of an open appeal when its owner withdraws consent, restricts processing, or asks to be erased."""

from __future__ import annotations

from dataclasses import replace

from gelombang.domain.appeal import Appeal, AppealState, Escalation, without_words
from gelombang.domain.application import Application
from gelombang.journey.appeal_rows import appeal_row, count_ended, load_appeal
from gelombang.journey.ports import Change, Ports, Put


def calling_off(ports: Ports, application: Application) -> list[Change]:
    """Return what ends an application's open appeal, if it has one, unanswered; its pictures go within minutes."""
    if not application.open_appeal:
        return []
    ended = _ended(ports, application)
    return [Put(appeal_row(replace(ended, kept_until=ended.decided_at))), _counted(ports, ended)]


def pausing(ports: Ports, application: Application, *, is_paused: bool) -> list[Change]:
    """Return what takes an open appeal off every list for a while, or puts it back; its deadline is then counted anew.

    So is the time to answer what was asked for. `appeal_clock` tells the new day: only it knows the calendar.
    """
    if not application.open_appeal:
        return []
    appeal, now = load_appeal(ports, application.open_appeal), ports.clock.now()
    paused = replace(appeal, is_paused=is_paused)
    if not is_paused and appeal.state is AppealState.OPEN:
        fresh = replace(paused, escalation=Escalation.NONE)  # near or late was the deadline of before
        paused = replace(fresh, deadline=None, counted_from=now, warned_at=now)
    if not is_paused and appeal.state is AppealState.ASKED:
        paused = replace(paused, answer_by=None, counted_from=now)
    return [Put(appeal_row(paused))]


def forgetting(ports: Ports, application: Application) -> list[Change]:
    """Return what leaves of every appeal of an application only that there was one and how it ended."""
    changes: list[Change] = []
    for number in application.appeals:
        if number == application.open_appeal:
            ended = _ended(ports, application)
            changes += [Put(appeal_row(without_words(ended))), _counted(ports, ended)]
        elif (appeal := load_appeal(ports, number)).kept_until:
            changes.append(Put(appeal_row(without_words(appeal))))
    return changes


def _ended(ports: Ports, application: Application) -> Appeal:
    appeal = replace(load_appeal(ports, application.open_appeal), sealed_words=(), sealed_note="")
    return replace(appeal, state=AppealState.ENDED, decided_at=ports.clock.now(), is_paused=False)


def _counted(ports: Ports, ended: Appeal) -> Put:
    return count_ended(ports, ended, ports.clock.now())
