"""From faces in the gallery to people's decision: the worker's search, the queue, verify, two reviewers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chalice.test import Client
from function_calls import ELSEWHERE, FAR_AWAY, Caller, deliver, load_function, sqs_event, staff
from typer.testing import CliRunner

from gelombang import wiring
from gelombang.domain.application import State
from gelombang.domain.messages import QueueName, message_to_json
from gelombang.journey import applications, selection
from tests.journey.walking import RELEASE, Walk, begin, citizen
from tests.journey.waves import OPERATOR, WAVE, definition_of
from tests.worker.search_faces import photographs, strangers
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.search.__main__ import app
from workers.gpu_face.search.store import Store

PEOPLE = [citizen(number) for number in range(1, 5)]


@pytest.fixture
def walk() -> Iterator[Walk]:
    """Four people who are verified and have joined a wave."""
    walk = begin(*PEOPLE)
    with wiring.wired_to(walk.ports, walk.programme):
        selection.open_wave(walk.ports, definition_of(walk.world), OPERATOR)
        yield walk


@pytest.fixture
def said() -> Iterator[StringIO]:
    """What verify logs."""
    (handler, *_), said = load_function("verify").routes.logger.handlers, StringIO()
    spoken, handler.stream = handler.stream, said
    yield said
    handler.stream = spoken


def test_three_niks_under_one_face_are_found_sent_decided_by_two_people_and_one_is_back_in_the_wave(
    walk: Walk, said: StringIO, tmp_path: Path
) -> None:
    names = [walk.submit(person, f"+628123456789{number}") for number, person in enumerate(PEOPLE)]
    walk.deliver()
    for name in names:
        selection.join(walk.ports, name, WAVE)
    one, stranger = strangers(7, 2, 64)
    again = [photographs(one[None], seed, 0.95)[0] for seed in (1, 2)]
    enrol(walk, tmp_path, dict(zip(names, [one, *again, stranger], strict=True)))

    printed = search_twice(walk, tmp_path, names)
    bodies = [message_to_json(message) for message in taken(walk)]
    for body in bodies:
        assert deliver("verify", "face_evidence", sqs_event("face-evidence", body)) == {
            "batchItemFailures": []
        }

    assert len(bodies) == 2  # the second changes nothing
    assert states(walk, names) == [State.IN_REVIEW] * 3 + [State.JOINED]
    for home in (ELSEWHERE, FAR_AWAY):
        assert states(walk, names) == [State.IN_REVIEW] * 3 + [State.JOINED]
        decide(walk, staff(walk.world, "reviewer", home), home, names[1])
    reconciled = Client(load_function("verify").app).events.generate_cw_event("aws.events", "Event", {}, [])
    deliver("verify", "reconcile", reconciled)
    assert states(walk, names) == [State.NOT_ELIGIBLE, State.JOINED, State.NOT_ELIGIBLE, State.JOINED]
    for name in names[:3]:
        told = [entry.event for entry in applications.audit_of(walk.ports, name)]
        assert told.count("cluster_sent_to_review") == told.count("review_decided") == 1
        assert told.count("case_viewed") == 2
    shown = said.getvalue() + printed + "".join(bodies)
    assert '"event":"message_done"' in said.getvalue().replace(" ", "")
    for person in PEOPLE:
        assert person.nik not in shown
    likenesses = json.loads((tmp_path / "out" / "pairs.json").read_text())
    assert len(likenesses) == 3
    assert not [row for row in likenesses if f"{row[2]:.3f}" in shown]
    assert not [value for value in np.stack([one, *again]).ravel() if f"{abs(value):.4f}"[1:] in shown]


def enrol(walk: Walk, folder: Path, faces: dict[str, Any]) -> None:
    """Let a worker enrol everybody, in the table and in its store on disk."""
    with Store(folder / "store", RELEASE, tail_rows=250) as store:
        gallery = Gallery(walk.ports.rows, RELEASE, store, vault=walk.ports.vault)
        for name, face in faces.items():
            gallery.enrol(name, face, walk.world.clock.now())
        gallery.refresh(walk.world.clock.now())


def search_twice(walk: Walk, folder: Path, names: list[str]) -> str:
    """Search as an operator does, who is not sure that it went through; return what was printed."""
    listed = CliRunner().invoke(app, ["names", WAVE, str(folder / "wave.txt")])
    assert listed.exit_code == 0, listed.output
    assert set((folder / "wave.txt").read_text().split()) == set(names)
    folders = [str(folder / "store"), RELEASE, str(folder / "wave.txt"), str(folder / "out")]
    printed = ""
    for _ in range(2):
        result = CliRunner().invoke(app, ["wave", *folders, "--to-reviewers"])
        assert result.exit_code == 0, result.output
        printed += result.output
    assert states(walk, names) == [State.JOINED] * len(names)  # nothing comes of a search by itself
    return printed


def taken(walk: Walk) -> list[Any]:
    found = []
    while message := walk.world.queues.take(QueueName.FACE_EVIDENCE):
        found.append(message)
    return found


def decide(walk: Walk, reviewer: Caller, home: str, right: str) -> None:
    """Look at everybody, and accept one of them."""
    review = reviewer.post("/v1/reviews/next").body["review"]
    people = reviewer.get(f"/v1/reviews/{review['review_id']}").body["people"]
    assert [person["is_to_decide"] for person in people] == [True] * 3
    row = next(
        row for row in walk.ports.rows.read_all() if row.key.partition == f"REVIEWER#reviewer of {home}"
    )
    for place in row.fields["places"]:
        decision = "accept" if place["application_id"] == right else "refuse"
        said = {"label": place["label"], "decision": decision, "note": "Wajahnya dibandingkan."}
        assert reviewer.post(f"/v1/reviews/{review['review_id']}/decision", said).status == 200


def states(walk: Walk, names: list[str]) -> list[State]:
    return [walk.application(name).state for name in names]
