"""Reviewers at work in memory: whose home is elsewhere, who are given a case by name, and who agree."""

from __future__ import annotations

from typing import Any

from gelombang.domain.review import Case, ReviewDecision
from gelombang.journey import applications, reviewing
from gelombang.journey.ports import Key, Ports
from gelombang.journey.review_cases import load_case, waiting
from gelombang.journey.reviewing import ReviewView, view_review
from gelombang.journey.staff import Staff
from tests.journey.walking import Walk, begin, citizen

RINA = Staff("rina", "reviewer", "1271")
RUDI = Staff("rudi", "reviewer", "1471")
RATNA = Staff("ratna", "reviewer", "1571")


def doubted(count: int = 1, **facts: Any) -> tuple[Walk, list[str]]:
    """Return a walk with some people whose selfies are unlike their cards, and their applications."""
    people = [citizen(number, **facts) for number in range(1, count + 1)]
    walk = begin(*people)
    names = []
    for number, person in enumerate(people):
        names.append(walk.submit(person, f"+628123456789{number}"))
        walk.similarity[names[-1]] = 0.1
        walk.deliver()
        walk.world.clock.advance(minutes=1)
    return walk, names


def open_cases(ports: Ports) -> list[Case]:
    """Return the cases that wait, in the order in which they are given."""
    return list(waiting(ports, ports.clock.now()))


def case_of(ports: Ports, application_id: str) -> Case:
    """Return the case of an application."""
    return load_case(ports, applications.load(ports, application_id).review_case_id)


def take(ports: Ports, reviewer: Staff, application_id: str) -> tuple[str, str]:
    """Give a reviewer the case of one application; return the review's id, and the label of that application."""
    row = ports.rows.read(Key(f"REVIEWER#{reviewer.name}"))
    version = row.version if row else 0
    held = reviewing._give(ports, reviewer, case_of(ports, application_id).case_id, version)
    assert held, "this reviewer may not have it"
    return held.review_id, next(p.label for p in held.places if p.application_id == application_id)


def see(ports: Ports, application_id: str, reviewer: Staff = RATNA) -> ReviewView:
    """Return what somebody who is given the case of one application sees."""
    return view_review(ports, reviewer, take(ports, reviewer, application_id)[0])


def say(
    ports: Ports, reviewer: Staff, application_id: str, decision: ReviewDecision, note: str = "dilihat"
) -> None:
    """Let one reviewer answer for one application."""
    review_id, label = take(ports, reviewer, application_id)
    reviewing.answer(ports, reviewer, review_id, label, decision=decision, note=note)


def decide(ports: Ports, application_id: str, decision: ReviewDecision, note: str = "dilihat") -> None:
    """Let two reviewers answer alike, so that the case is decided."""
    for reviewer in (RINA, RUDI):
        say(ports, reviewer, application_id, decision, note)
