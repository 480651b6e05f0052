"""Walks two people through everything there is, with values that must be found nowhere afterwards.

    Zélikha   signs in past wrong codes ─ refused input ─ form ─ photographs, one in chunks ─ submits while a
              register crashes ─ retake ─ review with a challenge ─ e-mail ─ another phone ─ copy ─ wave ─ erased
    a second  types the same NIK, is explained to an auditor, refused, appeals in vain, and is erased

At the end every route is asked once more while the table crashes with all these values in its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from canary_appeals import appealed
from canary_person import CODE, FORM, SESSION, Person
from canary_values import (
    EMAIL,
    LIKENESS,
    NEW_PHONE,
    NOTE,
    OTHER_PHONE,
    PHONE,
    PHOTO,
    REVIEWERS,
    SIMILARITY,
    SPOILED,
    STAFF,
    VECTOR,
    WAVE,
    ZELIKHA,
    Measures,
    known_canaries,
)
from canary_watch import NONCE, RELEASE, Sink, Watch

from gelombang import wiring
from gelombang.api.openapi import FUNCTIONS, routes_of
from gelombang.domain.face_evidence import Candidate
from gelombang.domain.messages import QueueName
from gelombang.journey.ports import Put, Row
from gelombang.journey.programme import load_programme
from gelombang.journey.staff import staff_key
from local import canaries
from workers.gpu_face.gallery import Gallery


def walk(watch: Watch, measures: Measures) -> None:
    """Walk the whole way; every waypoint is asserted, so that a journey cut short finds nothing by seeing nothing."""
    watch.canaries += known_canaries()
    for role, token in STAFF.items():
        fields = {"name": role, "role": role.partition("-")[0], "district": REVIEWERS.get(role, "")}
        watch.memory.rows.commit([Put(Row(staff_key(token), fields))])
    measures.gallery = Gallery(watch.ports.rows, RELEASE, vault=watch.ports.vault)
    zelikha = Person(watch, PHONE)
    zelikha.sign_in()
    _refused_input(zelikha)
    zelikha.fill()
    zelikha.ask("PATCH", FORM, {"name": ZELIKHA.name + "h"}, If_Match='"not-this-one"')
    _checked(zelikha, measures)
    _reviewed(zelikha, measures)
    _reached_elsewhere(zelikha)
    other = _same_nik(watch)
    appealed(other)
    _drawn(zelikha)
    _erased(other)
    _everything_crashes(zelikha, other)
    _erased(zelikha)


def _refused_input(person: Person) -> None:
    """Send what people paste into the wrong place, and what no form is."""
    nik, name = ZELIKHA.nik, ZELIKHA.name
    wrong: list[object] = [
        {"nik": f"{nik}9", "kk": nik[:15], "name": name * 30, "birth_date": f"{ZELIKHA.birth_date}T"},
        {"nik": nik, "nama": name, "birth_date": nik[:10]},
        {nik: name, EMAIL: PHONE, name: nik},
        {"nik": [nik], "name": {"first": name}},
        f'{{"nik": "{nik}", "nik": "{nik}"}}'.encode(),
        f'{{"nik": "{nik}'.encode(),
        f'{{"name": "{name}"}}'.encode("utf-16"),
        PHOTO,
    ]
    for each in wrong:
        assert person.ask("PATCH", FORM, each).status >= 400
    person.ask("PATCH", FORM, {"nik": nik}, Content_Type=f"text/{nik}")
    person.ask("PATCH", FORM, {"name": name}, If_Match=nik)
    person.ask("POST", "/v1/application/submit", {"nik": nik}, Idempotency_Key=f'"{nik}"')
    person.ask("POST", "/v1/codes", {"phone": f"{PHONE}0", "action": nik, "device": name})
    person.ask("POST", "/v1/application/email", {"email": f"{EMAIL} {nik}"})
    for path in (
        f"/v1/{nik}",
        f"/v1/sessions/{nik}",
        f"/v1/waves/{quote(name)}",
        f"/v1/application?nik={nik}",
    ):
        person.ask("DELETE" if "sessions" in path else "GET", path)
    stranger = Person(person.watch, PHONE)
    stranger.token = f"{nik}.{nik}"
    stranger.ask("GET", "/v1/application")
    stranger.token = name
    stranger.ask("GET", "/v1/application")


def _checked(person: Person, measures: Measures) -> None:
    """Submit while a register crashes with the person's data in its words, and while the worker does; then retake."""
    watch = person.watch
    person.send("selfie")
    person.send_in_chunks("ktp")
    with _crashing(watch, "registers", f"{ZELIKHA}"):
        person.did("POST", "/v1/application/submit", {})
        watch.deliver()
    measures.crashes = f"{ZELIKHA} {SIMILARITY} {VECTOR.tolist()} {PHOTO.hex()}"
    _later(watch)
    measures.crashes = ""
    spoiled = {"uneven_light": SPOILED}
    measures.photo = replace(measures.photo, measures=spoiled)
    _later(watch)
    assert person.state == "NEEDS_PHOTO"
    assert measures.gallery is not None
    assert len(measures.gallery) == 1
    measures.photo = replace(measures.photo, measures={"uneven_light": LIKENESS})
    for slot in person.did("GET", "/v1/application").json["open_slots"]:
        person.send(slot)


def _reviewed(person: Person, measures: Measures) -> None:
    watch = person.watch
    person.did("POST", "/v1/application/submit", {})
    measures.candidates = (Candidate(person.name, LIKENESS),)
    _later(watch)
    measures.candidates = ()
    assert person.state == "IN_REVIEW"
    reviewer = {"token": STAFF["reviewer"]}
    path = _given(watch, "reviewer")
    assert watch.send("POST", f"{path}/challenge", {"label": "A"}, **reviewer).status == 202
    issued = person.did("POST", "/v1/application/challenges", {}).json
    watch.canaries.append(canaries.secret(NONCE, issued["challenge_id"]))
    answer = f"/v1/application/challenges/{issued['challenge_id']}/answer"
    person.ask("POST", answer, {})
    for upload in issued["uploads"]:
        person.arrive(upload["fields"]["key"], PHOTO)
    person.did("POST", answer, {})
    _later(watch)
    for role in REVIEWERS:
        reviewer, path = {"token": STAFF[role]}, _given(watch, role)
        seen = watch.send("GET", path, **reviewer)
        assert seen.json["people"][0]["challenges"][0]["outcome"]
        assert person.name not in seen.content.decode()
        said = {"label": "A", "decision": "accept"}
        assert watch.send("POST", f"{path}/decision", said, **reviewer).status == 422
        assert watch.send("POST", f"{path}/decision", said | {"note": NOTE}, **reviewer).status == 200
    assert watch.send("GET", "/v1/reviews/quality", token=STAFF["operator"]).json["reviewers"]
    assert person.state == "VERIFIED"


def _given(watch: Watch, role: str) -> str:
    """Return the address of what a reviewer is given."""
    review = watch.send("POST", "/v1/reviews/next", {}, token=STAFF[role]).json["review"]
    return f"/v1/reviews/{review['review_id']}"


def _reached_elsewhere(person: Person) -> None:
    """Keep an e-mail address, sign in with its code, change the phone, sign in with that, look at everything."""
    watch = person.watch
    assert person.confirm("/v1/application/email", {"email": EMAIL}).json["is_saved"]
    watch.memory.clock.advance(minutes=20)
    asked = {"phone": PHONE, "action": "log_in", "channel": "email"}
    sent = person.did("POST", "/v1/codes", asked).json
    watch.ring()
    right = CODE.findall(watch.memory.mails.sent[-1][2])[0]
    person.keep(person.did("POST", SESSION, {"challenge_id": sent["challenge_id"], "code": right}))
    person.keep(person.confirm("/v1/application/phone", {"phone": NEW_PHONE}))
    person.phone = NEW_PHONE
    watch.memory.clock.advance(minutes=20)
    person.sign_in()
    for path in ("/v1/sessions", "/v1/application", FORM, "/v1/application/consents"):
        person.did("GET", path)
    copy = watch.gateway.send("GET", "/v1/application/copy", {"Authorization": f"Bearer {person.token}"})
    # All of theirs, and for them: the one answer that is no sink.
    assert copy.json["form"]["nik"] == ZELIKHA.nik
    watch.note(Sink.HEADERS, str(copy.headers))


def _same_nik(watch: Watch) -> Person:
    """Let somebody else type the same NIK, up to a reviewer and an auditor."""
    other = Person(watch, OTHER_PHONE)
    other.sign_in()
    other.fill()
    for slot in ("ktp", "selfie"):
        other.send(slot)
    other.did("POST", "/v1/application/submit", {})
    _later(watch)
    assert other.state == "IN_REVIEW"
    path = f"/v1/explanations/{other.name}"
    told = watch.send("GET", path, token=STAFF["auditor"], to=Sink.AUDITOR)
    assert told.json["faces"][0]["similarity"] == SIMILARITY
    return other


def _drawn(person: Person) -> None:
    watch, operator = person.watch, {"token": STAFF["operator"]}
    now = watch.memory.clock.now()
    wave = {
        "wave_id": WAVE,
        "name": "Gelombang 1",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(hours=1)).isoformat(),
        "quota": {"3171": 1},
        "rule_set": "2023",
        "priority_nik_tags": [watch.memory.ports.vault.tag("nik", ZELIKHA.nik)],
    }
    assert watch.send("POST", "/v1/waves", wave, **operator).status == 201
    person.did("POST", f"/v1/waves/{WAVE}/entries", {})
    for step in ("close", "freeze", "commit", "draw", "publish"):
        assert watch.send("POST", f"/v1/waves/{WAVE}/{step}", {}, **operator).status == 202
        watch.deliver()
    assert person.did("GET", f"/v1/waves/{WAVE}/entries/mine").json["result"]["outcome"] == "SELECTED"
    watch.send("GET", f"/v1/waves/{WAVE}/bundle")
    watch.send("GET", f"/v1/waves/{WAVE}")
    assert (
        watch.send("GET", f"/v1/explanations/{person.name}", token=STAFF["auditor"], to=Sink.AUDITOR).status
        == 200
    )


def _erased(person: Person) -> None:
    watch = person.watch
    if person.ask("GET", "/v1/application").status != 200:
        person.sign_in()
    person.confirm("/v1/application/erasure")
    for _ in range(4):
        watch.memory.clock.advance(hours=2)
        watch.ring()
    assert person.ask("GET", "/v1/application").status == 401
    assert not [key for key in watch.memory.photos.kept if key.startswith(person.name)]


def _everything_crashes(person: Person, other: Person) -> None:
    """Ask every route, let every queue's message come and every clock strike while the table crashes."""
    watch = person.watch
    words = f"{ZELIKHA} {PHONE} {EMAIL} {person.token} {other.token} {STAFF} {SIMILARITY} {VECTOR.tolist()} {PHOTO!r}"
    bodies = {
        QueueName.CHECKS_DUE: f'{{"application_id":"{person.name}","submission":1}}',
        QueueName.FACE_EVIDENCE: f'{{"application_id":"{person.name}","face_check_id":"x"}}',
        QueueName.WAVE_STEPS: f'{{"wave_id":"{WAVE}","step":"draw"}}',
        QueueName.PHOTOS_ARRIVED: f'{{"photo_key":"{person.name}/ktp/x"}}',
    }
    with _crashing(watch, "rows", words):
        for route in (route for name in FUNCTIONS for route in routes_of(name)):
            path = re.sub(r"{\w+}", "none", route.path)
            person.ask(route.method, path, None if route.method == "GET" else {})
        for queue, body in bodies.items():
            assert not watch.handle(queue, body)
        watch.ring()
        request = f'{{"application_id":"{person.name}","face_check_id":"x","ktp_key":"a","selfie_key":"b"}}'
        assert watch.work_until_it_ends(request) == 1
    with _crashing(watch, "vault", words):
        person.ask("GET", FORM)
        person.ask("POST", "/v1/codes", {"phone": PHONE, "action": "log_in"})


def _later(watch: Watch) -> None:
    """Let time pass and messages come until nothing is due."""
    for _ in range(4):
        watch.deliver()
        watch.memory.clock.advance(minutes=16)
        watch.ring()
    watch.deliver()


@contextmanager
def _crashing(watch: Watch, port: str, words: str) -> Iterator[None]:
    """Let one port raise what our own code did not foresee, with people's data in its words."""

    class Crashing:
        def __getattr__(self, _name: str) -> Any:
            raise RuntimeError(words)

    whole = watch.ports
    watch.ports = replace(whole, **{port: Crashing()})
    try:
        with wiring.wired_to(watch.ports, load_programme("prakerja")):
            yield
    finally:
        watch.ports = whole
