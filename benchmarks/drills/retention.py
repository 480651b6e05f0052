"""Proves that what is kept of people goes in time: people in every state, years of simulated time, a look at the rest.

python -m benchmarks.drills.retention --people 10

Time moves from one class's end to the next, on a clock in memory. A minute before each end every shard is looked at:
nothing may go early. Then the timer has its rounds as it has them when deployed, some shards a minute by chance, beside
the reconciler and a face worker's gallery, until a look at rows, objects, galleries and keys finds nothing of it.
What every duty towards a person takes is measured the same way: from their wish to the look that finds it done.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.drills.duties import Duty, measure_duties
from benchmarks.drills.population import Population, left_of, populate
from benchmarks.goals import Goal, finish, goal
from gelombang.domain.application import UNFINISHED_STATES, State
from gelombang.domain.audit import chain_fault
from gelombang.domain.retention import RetentionClass
from gelombang.journey import applications, retention
from gelombang.journey.applications import SHARDS
from gelombang.journey.reconciliation import reconcile

WITHIN = timedelta(hours=72)
MINUTE = timedelta(minutes=1)
UNTIMED = ("restricted", State.IN_REVIEW, State.JOINED, State.CHECKING)


@dataclass
class Item:
    """One class of one person's data: when it ends, and when a look found it gone."""

    application_id: str
    of: RetentionClass
    due_at: datetime
    gone_at: datetime | None = None


def main() -> int:
    """Report as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10, help="in each state")
    given = parser.parse_args()
    world = populate(given.people)
    items = items_of(world)
    too_early = let_years_pass(world, items)
    print_classes(items)
    duties = measure_duties(given.people)
    for each in duties:
        print(
            f"{each.name:<38} {each.count:>4} wishes, done within {_hours(each.longest)}, not done {each.open_count}"
        )
    goals = [*class_goals(world, items, too_early), *duty_goals(duties)]
    finish("retention", goals)
    return 0 if all(each.met for each in goals) else 1


def items_of(world: Population) -> list[Item]:
    """Return everything that is there and will have to go: by the programme's data, not by what removes it."""
    programme, items = world.walk.programme, []
    for group, people in world.groups.items():
        for name in people if group not in UNTIMED else []:
            application = world.walk.application(name)
            is_unfinished = application.state in UNFINISHED_STATES
            entries = applications.audit_of(world.walk.ports, application.application_id)
            since = entries[-1].at if is_unfinished else application.state_since
            day = since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            items += [
                Item(name, each, day + each.after) for each in programme.retention_of(application.state)
            ]
    return [item for item in items if not _is_gone(world, item)]


def let_years_pass(world: Population, items: list[Item]) -> int:
    """Move time from end to end, noting when each item was found gone; return how many were gone before."""
    by_end = defaultdict(list)
    for item in items:
        by_end[item.due_at].append(item)
    clock, too_early = world.walk.world.clock, 0
    for due_at in sorted(by_end):
        if clock.now() < due_at - MINUTE:
            clock.advance(seconds=(due_at - MINUTE - clock.now()).total_seconds())
            _everything_else(world)
            retention.remove_due(world.walk.ports, world.walk.programme, range(SHARDS))
            too_early += sum(_is_gone(world, item) for item in by_end[due_at])
        waiting = by_end[due_at]
        while waiting and clock.now() - due_at <= WITHIN:
            clock.advance(minutes=1)
            removed = retention.remove_due(world.walk.ports, world.walk.programme)
            _everything_else(world)
            if removed or clock.now() - due_at <= 2 * MINUTE:
                waiting = _still_there(world, waiting)
    return too_early


def print_classes(items: Iterable[Item]) -> None:
    """Print what became of every class."""
    by_class = defaultdict(list)
    for item in items:
        by_class[item.of].append(item)
    print(f"{'class':<24} {'state ends':>10} {'due':>5} {'gone':>5} {'left':>5}  latest after its end")
    for each, some in by_class.items():
        gone = [item for item in some if item.gone_at]
        print(
            f"{each.name:<24} {each.after.days:>5} days {len(some):>5} {len(gone):>5} {len(some) - len(gone):>5}"
            f"  {_hours(_longest(some))}: {', '.join(each.removes)}"
        )


def class_goals(world: Population, items: Iterable[Item], too_early: int) -> list[Goal]:
    """Return the goals of retention."""
    items = list(items)
    left = sum(item.gone_at is None for item in items)
    longest = _longest(items)
    untouched = [name for group in UNTIMED for name in world.groups[group]]
    lost = sum(not left_of(world, name)["photographs"] for name in untouched)
    broken = sum(not _chain_holds(world, name) for people in world.groups.values() for name in people)
    opened = sum(
        left_of(world, item.application_id)["person"] for item in items if "person" in item.of.removes
    )
    return [
        goal("retention-left", f"{left} of {len(items)}", "0", left == 0),
        goal("retention-latest", _hours(longest), "<= 72 h after the end", longest <= WITHIN),
        goal("retention-too-early", str(too_early), "0", too_early == 0),
        goal(
            "retention-backup-opens", str(opened), "0 people, of sealed fields kept from before", opened == 0
        ),
        goal("retention-untimed-lost", f"{lost} of {len(untouched)}", "0 under way or restricted", lost == 0),
        goal("retention-audit-broken", str(broken), "0 chains", broken == 0),
    ]


def duty_goals(duties: Iterable[Duty]) -> list[Goal]:
    """Return the goals of the duties."""
    return [
        goal(f"duty-{each.slug}", _hours(each.longest), "<= 72 h, none open", each.is_met(WITHIN))
        for each in duties
    ]


def _everything_else(world: Population) -> None:
    """Let the others do theirs: the table drops what expired, messages are relayed, the worker reads its gallery."""
    now = world.walk.world.clock.now()
    world.walk.world.rows.expire(now)
    reconcile(world.walk.ports)
    world.gallery.refresh(now)


def _still_there(world: Population, items: Iterable[Item]) -> list[Item]:
    there = []
    for item in items:
        if _is_gone(world, item):
            item.gone_at = world.walk.world.clock.now()
        else:
            there.append(item)
    return there


def _is_gone(world: Population, item: Item) -> bool:
    left = left_of(world, item.application_id)
    kinds = left if "person" in item.of.removes else item.of.removes
    return not any(left[kind] for kind in kinds)


def _chain_holds(world: Population, application_id: str) -> bool:
    application = world.walk.application(application_id)
    entries = applications.audit_of(world.walk.ports, application.application_id)
    return not chain_fault(entries, application.audit_length, application.audit_head)


def _longest(items: Iterable[Item]) -> timedelta:
    return max((item.gone_at - item.due_at for item in items if item.gone_at), default=timedelta())


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.1f} h"


if __name__ == "__main__":
    sys.exit(main())
