"""Walks somebody whom reviewers refuse through an appeal in vain: its words and picture must be found nowhere."""

from __future__ import annotations

import uuid
from typing import Protocol

from canary_values import NOTE, PHOTO, REVIEWERS, STAFF, WORDS
from canary_watch import Sink, Watch

from benchmarks.drills.gateway import Answer

APPEALS = "/v1/application/appeals"


class Appellant(Protocol):
    """Somebody who is signed in; `canary_person.Person` is one."""

    watch: Watch

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer: ...

    def did(self, method: str, path: str, body: object = None, **headers: str) -> Answer: ...

    def arrive(self, key: str, content: bytes) -> None: ...

    @property
    def state(self) -> str: ...


def appealed(person: Appellant) -> None:
    """Refuse somebody, who appeals with a picture; an officer sees both, asks for more, and rejects."""
    watch, officer = person.watch, {"token": STAFF["appeals_officer"]}
    for role in REVIEWERS:
        said = {"label": "A", "decision": "refuse", "note": NOTE}
        review = watch.send("POST", "/v1/reviews/next", {}, token=STAFF[role]).json["review"]
        path = f"/v1/reviews/{review['review_id']}"
        assert watch.send("POST", f"{path}/decision", said, token=STAFF[role]).status == 200
    assert person.state == "NOT_ELIGIBLE"
    words = {"reason": "REVIEWER_REFUSED", "words": WORDS}
    person.ask("POST", APPEALS, words | {"reason": WORDS[:40]})
    number = person.did("POST", APPEALS, words, Idempotency_Key=f'"{uuid.uuid4()}"').json["number"]
    offer = {"content_type": "image/jpeg", "size_bytes": len(PHOTO)}
    form = person.did("POST", f"{APPEALS}/{number}/evidence", offer).json
    person.arrive(form["fields"]["key"], PHOTO)
    path = f"/v1/appeals/{number}"
    assert watch.send("GET", "/v1/appeals", **officer).json["appeals"]
    seen = watch.send("GET", path, to=Sink.OFFICER, **officer)
    assert (seen.json["words"], len(seen.json["evidence_urls"])) == ([WORDS], 1)
    asked = {"code": "ASKED_PICTURE", "note": NOTE}
    assert watch.send("POST", f"{path}/decision", asked, **officer).status == 200
    person.did(
        "POST", f"{APPEALS}/{number}/answer", {"words": f"{WORDS}!"}, Idempotency_Key=f'"{uuid.uuid4()}"'
    )
    rejected = {"code": "REJECTED_FACE_NOT_CONFIRMED", "note": NOTE}
    assert watch.send("POST", f"{path}/decision", rejected, **officer).status == 200
    assert person.did("GET", APPEALS).json["appeals"][0]["words"] == [WORDS, f"{WORDS}!"]
    watch.ring()
    watch.send("GET", "/v1/appeals/statistics")
