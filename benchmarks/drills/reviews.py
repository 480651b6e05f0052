"""Reviewers decide real cases of a running service: real photographs, a real worker's doubts, the API and nothing else.

    python -m benchmarks.drills.reviews --cases 20

The service of `make up` is started on a free port. People whose selfie shows another face than their card apply over
the API; the worker doubts each. Three reviewers, whose homes are elsewhere, take what they are given and answer: two
by what is right, the third at times carelessly. They know people only by the pictures they are shown. A fourth, at
home where everybody lives, asks all the while and gets nobody. Then cases with a known answer are planted and answered.

At the end every view is looked up in the audit, planted answers are scored, and whatever reviewers were told
is searched for ids and NIKs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from benchmarks.goals import Goal, finish, goal
from gelombang.domain.reasons import Reason
from gelombang.domain.review import AGREEING, ReviewDecision
from gelombang.journey.review_quality import plant_case
from gelombang.journey.staff import REVIEWER, Staff
from gelombang.wiring import ports_from_environment
from local.answering import err, out
from local.applicant import Photographs, Walk, apply, sign_in
from local.cards import photograph_card, render_card
from local.client import Caller, connect
from local.deployment import REVIEWER_HOMES, issue_token
from local.display import Display
from local.faces import another_selfie, bundled_subjects, good_selfie
from local.office import ReviewDesk
from local.recognition import Album
from local.reviews import quality_table
from local.service import Service, run_service

if TYPE_CHECKING:
    import httpx

    from gelombang.memory.registers import Citizen
    from local.client import Json

HOME = "3171"  # of everybody who applies
FACES = 7
AT_ONCE = 4
PLANTED = 4
DECIDED_WITHIN_S = 300.0
CARELESS = len(REVIEWER_HOMES) - 1  # the number of the reviewer who errs
ERRS_EACH = 2  # of the people that one sees


@dataclass(frozen=True, slots=True)
class Someone:
    """One person of the drill: who they are, what they send, and what is right to say of them."""

    name: str
    citizen: Citizen
    photographs: Photographs
    right: ReviewDecision
    walk: Walk


@dataclass(slots=True)
class Heard:
    """What reviewers were told, as text, and how often the one at home asked and got something."""

    told: list[str] = field(default_factory=list)
    asked_count: int = 0
    given_count: int = 0

    def listen(self, caller: Caller) -> Caller:
        """Note every answer that a caller gets."""

        def note(response: httpx.Response) -> None:
            response.read()
            self.told.append(response.text)

        caller.http.event_hooks["response"].append(note)
        return caller


def cast(service: Service, count: int) -> list[Someone]:
    """Return people whose selfie and card show two faces."""
    faces = bundled_subjects(FACES)
    living = (each for each in service.population.everybody("ordinary") if each.region == HOME)
    people = []
    for number, citizen in zip(range(count), living, strict=False):
        mine, cards = faces[number % FACES], faces[(number + 1 + number // FACES) % FACES]
        card = photograph_card(render_card(citizen, cards.portrait), seed=number)
        photographs = Photographs((good_selfie(mine), another_selfie(mine)), (card,))
        right = ReviewDecision.ACCEPT if number % 4 == 0 else ReviewDecision.REFUSE
        name = f"person {number + 1}"
        people.append(Someone(name, citizen, photographs, right, Walk(name)))
    return people


def plant(service: Service) -> dict[str, tuple[bytes, ReviewDecision]]:
    """Plant cases with known answers; return the cards that reviewers will see, by name, with what is right."""
    os.environ |= service.stack.environment
    ports, faces = ports_from_environment(), bundled_subjects(FACES)
    holders = [each for each in service.population.everybody("ordinary") if each.region != HOME]
    planted = {}
    for number in range(PLANTED):
        is_same = number % 2 == 0
        selfie, portrait = faces[number], faces[number if is_same else number + 1].portrait
        card = photograph_card(render_card(holders[number], portrait), seed=900 + number)
        right = ReviewDecision.ACCEPT if is_same else ReviewDecision.REFUSE
        plant_case(ports, [(good_selfie(selfie), card)], (Reason.FACE_UNSURE,), right, "drill")
        planted[f"planted {number + 1}"] = (card, right)
    return planted


def answers_by(right: dict[str, ReviewDecision]) -> Callable[[str, int], str]:
    """Return what each reviewer says of somebody: what is right, but the careless one at times what is not."""

    def answer(name: str, reviewer: int) -> str:
        errs = reviewer == CARELESS and int(name.rpartition(" ")[2]) % ERRS_EACH == 0
        wrong = {ReviewDecision.ACCEPT: ReviewDecision.REFUSE, ReviewDecision.REFUSE: ReviewDecision.ACCEPT}
        return str(wrong[right[name]] if errs else right[name])

    return answer


def drill(service: Service, count: int, display: Display) -> list[Goal]:
    """Let people apply and reviewers decide; return what came of it."""
    people, heard, stack = cast(service, count), Heard(), service.stack
    display.walks = [each.walk for each in people]
    at_home = issue_token(stack.environment, Staff("at home", REVIEWER, HOME))
    cards = {each.name: each.photographs.cards[-1] for each in people}
    right = {each.name: each.right for each in people}
    with ExitStack() as connected:
        *reviewers, neighbour, auditor = (
            connected.enter_context(connect(stack.url, token))
            for token in (*(stack.tokens[name] for name in REVIEWER_HOMES), at_home, stack.tokens["auditor"])
        )
        for each in (*reviewers, neighbour):
            heard.listen(each)
        desk = ReviewDesk(reviewers, Album(cards).whose, answers_by(right))
        with ThreadPoolExecutor(1) as pool, desk:
            done = Event()
            asking = pool.submit(_ask_again_and_again, neighbour, heard, done)
            _everybody_applies(service, people)
            done.set()
            asking.result()
        display.say("planted cases are answered")
        planted = plant(service)
        desk.whose = Album({name: card for name, (card, _) in planted.items()}).whose
        desk.answer_of = answers_by({name: answer for name, (_, answer) in planted.items()})
        while desk.answer_what_waits():
            pass
        stories = {each.name: auditor.get(f"/v1/explanations/{each.walk.application_id}") for each in people}
        report = auditor.get("/v1/reviews/quality")
    _print(people, stories, report)
    return [*_case_goals(people, stories, desk), *_reviewer_goals(people, report, desk, heard)]


def _ask_again_and_again(reviewer: Caller, heard: Heard, done: Event) -> None:
    while not done.wait(1.0):
        heard.asked_count += 1
        heard.given_count += reviewer.post("/v1/reviews/next")["review"] is not None


def _everybody_applies(service: Service, people: Sequence[Someone]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for walked in [pool.submit(_applying, service, number, each) for number, each in enumerate(people)]:
            walked.result()


def _applying(service: Service, number: int, someone: Someone) -> None:
    stack, phone = service.stack, f"+62812{70_000_000 + number:08d}"
    sign_in(stack.url, someone.walk, phone, lambda to: [text for who, text in stack.texts() if who == to])
    with connect(stack.url, someone.walk.token) as applicant:
        start = partial(apply, applicant, someone.walk, someone.citizen, someone.photographs)
        start(deadline_s=DECIDED_WITHIN_S, before_submitting=lambda: None)


def _print(people: Sequence[Someone], stories: dict[str, Json], report: Json) -> None:
    out.print("case  doubts, who answered what, decision, views in the audit")
    for each in people:
        review = stories[each.name]["reviews"][-1]
        answers = ", ".join(f"{said['reviewer']} {said['decision']}" for said in review["answers"])
        doubts = "+".join(review["head"]["reasons"])
        viewers = Counter(fact["reviewer"] for fact in _views(stories[each.name]))
        seen = ", ".join(f"{who} {count}" for who, count in sorted(viewers.items()))
        out.print(f"{each.name}: {doubts}; {answers}; {review['decision']}; seen by {seen}", highlight=False)
    out.print(quality_table(report))


def _views(story: Json) -> list[Json]:
    return [line["facts"] for line in story["happened"] if line["event"] == "case_viewed"]


def _case_goals(people: Sequence[Someone], stories: dict[str, Json], desk: ReviewDesk) -> list[Goal]:
    reviews = {name: story["reviews"][-1] for name, story in stories.items()}
    decided = sum(bool(review["decision"]) for review in reviews.values())
    as_right = sum(reviews[each.name]["decision"] == each.right for each in people)
    alone = sum(
        len({said["reviewer"] for said in review["answers"]}) < AGREEING for review in reviews.values()
    )
    thirds = sum(len(review["answers"]) > AGREEING for review in reviews.values())
    in_audit = {name: len(_views(story)) for name, story in stories.items()}
    shown = {name: desk.views[name] for name in stories}
    faults = sum(story["audit_fault"] != "" for story in stories.values())
    count = len(people)
    views = f"{sum(in_audit.values())} of {sum(shown.values())}"
    return [
        goal("reviews-decided", f"{decided} of {count}", "all", decided == count),
        goal(
            "reviews-as-is-right",
            f"{as_right} of {count}",
            "all, though one reviewer errs",
            as_right == count,
        ),
        goal("reviews-decided-by-one", str(alone), "0", alone == 0),
        goal("reviews-third-asked", str(thirds), "more than 0", thirds > 0),
        goal("reviews-views-in-audit", views, "each, of each person", in_audit == shown),
        goal("reviews-audit-faults", str(faults), "0", faults == 0),
    ]


def _reviewer_goals(people: Sequence[Someone], report: Json, desk: ReviewDesk, heard: Heard) -> list[Goal]:
    figures = {each["reviewer"]: each for each in report["reviewers"]}
    scored = sum(each["planted_right_count"] + each["planted_wrong_count"] for each in figures.values())
    answered = sum(count for name, count in desk.answers.items() if name.startswith("planted"))
    wrong = {name for name, each in figures.items() if each["planted_wrong_count"]}
    told = "\n".join(heard.told)
    secrets = [
        word for each in people for word in (each.walk.application_id, each.citizen.nik, each.citizen.name)
    ]
    found = sum(word in told for word in secrets)
    asked, given = heard.asked_count, heard.given_count
    return [
        goal(
            "reviews-planted-scored",
            f"{scored} of {answered}",
            "all",
            scored == answered >= AGREEING * PLANTED,
        ),
        goal("reviews-planted-wrong-by", ", ".join(wrong), "the careless one", wrong == _careless()),
        goal("reviews-own-district", f"{given} of {asked} times asked", "0", given == 0 < asked),
        goal(
            "reviews-names-told", f"{found} in {len(heard.told)} answers", "0", found == 0 < len(heard.told)
        ),
    ]


def _careless() -> set[str]:
    return {f"local {list(REVIEWER_HOMES)[CARELESS]}"}


def main() -> int:
    """Drill as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Display(err) as display,
        run_service(port=0, state_dir=Path(folder), display=display) as service,
    ):
        goals = drill(service, given.cases, display)
    finish("drill-reviews", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
