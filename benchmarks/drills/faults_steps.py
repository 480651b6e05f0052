"""A whole journey of five people, step by step, at which every call of AWS is made that the service makes.

    siti   her selfie is refused, she sends another; restricts and lifts that; joins, and has a seat
    budi   sends his card in chunks; looks too unlike it; takes a challenge; reviewers accept; another phone; a seat
    tani   types Siti's NIK: she is told, reviewers refuse him
    dewi   begins, and has herself erased
    eko    begins, and never comes back

Each step may be done again by whoever does not know whether it was done, as a client does; after each, AWS delivers
and the clock goes on until nothing is left to do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from benchmarks.drills.faults_client import (
    JPEG,
    Person,
    RefusedError,
    ask,
    confirm,
    pass_days,
    send_in_chunks,
    send_photo,
    sign_in,
    state_of,
    submit,
    type_form,
    until,
)
from benchmarks.drills.faults_outcome import Drill
from benchmarks.drills.faults_world import AwsWorld, read_gateway_secret
from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.domain.wave import WaveStep
from gelombang.journey import retention
from gelombang.journey.applications import shard_of
from gelombang.journey.ports import Put
from gelombang.journey.rotation import move_tags
from gelombang.journey.staff import Staff, staff_row
from tests.journey.walking import SPOILED

WAVE = "gelombang-1"
EMAIL = "budi@example.org"
NEW_PHONE = "+6281234567999"
REVIEWERS = ("rina", "roni", "rudi")
Step = Callable[[Drill], None]


def _start(drill: Drill) -> None:
    """A process starts, the first anchor begins; a process that cannot start is started again."""
    drill.world.anchor()
    for _ in range(3):
        with suppress(DependencyError):
            read_gateway_secret(drill.world)
            return
    raise AssertionError("no process starts")


def _share_a_list(drill: Drill) -> None:
    """An operator puts a list where verification finds it, and looks at it; each does it again when it fails."""
    lists, published = drill.world.lists, None
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "list-1", Path(folder) / "fetched"
        here.write_bytes(JPEG)
        for _ in range(3):
            with suppress(DependencyError):
                lists.publish(here)
                lists.fetch(here.name, there)
                published = lists.published(here.name)
                break
        if (there / here.name).read_bytes() != JPEG or published is None or published.content != JPEG:
            raise AssertionError("a list came otherwise than it was published")


def _by(who: str, act: Callable[[AwsWorld, Person], None]) -> Step:
    return lambda drill: act(drill.world, drill.people[who])


def _send_both(world: AwsWorld, person: Person) -> None:
    send_photo(world, person, "ktp")
    send_photo(world, person, "selfie")


def _submit_spoiled(world: AwsWorld, person: Person) -> None:
    world.selfies[person.name] = SPOILED
    submit(world, person)


def _retake(world: AwsWorld, person: Person) -> None:
    world.selfies.pop(person.name, None)
    send_photo(world, person, "selfie")
    submit(world, person)


def _restrict_and_lift(world: AwsWorld, person: Person) -> None:
    ask(world, "POST", "/v1/application/restriction", token=person.token)
    ask(world, "DELETE", "/v1/application/restriction", token=person.token)


def _register(world: AwsWorld, person: Person) -> None:
    sign_in(world, person)
    type_form(world, person)
    _send_both(world, person)
    submit(world, person)


def _register_unlike(world: AwsWorld, person: Person) -> None:
    sign_in(world, person)
    world.similarity[person.name] = 0.1
    type_form(world, person)
    send_in_chunks(world, person, "ktp")
    send_photo(world, person, "selfie")
    submit(world, person)


def _take_challenge(world: AwsWorld, person: Person) -> None:
    def act() -> None:
        issued = ask(world, "POST", "/v1/application/challenges", token=person.token).json
        for form in issued["uploads"]:
            world.upload(form, JPEG)
        world.deliver()
        path = f"/v1/application/challenges/{issued['challenge_id']}/answer"
        ask(world, "POST", path, token=person.token)

    def is_received() -> bool:
        told = ask(world, "GET", "/v1/application", token=person.token).json
        return bool(told["challenge"] == "RECEIVED")

    until(act, is_received)


def _decide(who: str, decision: str) -> Step:
    """Let reviewers answer whatever case they are given, until the person is out of review."""

    def act(drill: Drill) -> None:
        world, person = drill.world, drill.people[who]

        def everybody_answers() -> None:
            for name in REVIEWERS:
                token = f"token-of-{name}"
                given = ask(world, "POST", "/v1/reviews/next", token=token).json["review"]
                if not given:
                    continue
                path = f"/v1/reviews/{given['review_id']}"
                ask(world, "GET", path, token=token)
                for label in given["labels"]:
                    said = {"label": label, "decision": decision, "note": "dilihat"}
                    ask(world, "POST", f"{path}/decision", said, token=token)

        until(everybody_answers, lambda: state_of(world, person) != "IN_REVIEW")

    return act


def _mail_codes(world: AwsWorld, person: Person) -> None:
    def is_saved() -> bool:
        return bool(ask(world, "GET", "/v1/application/email", token=person.token).json["is_saved"])

    until(lambda: confirm(world, person, "/v1/application/email", {"email": EMAIL}), is_saved)
    world.clock.advance(minutes=11)
    sign_in(world, person, "email")


def _change_phone(world: AwsWorld, person: Person) -> None:
    before, old = person.name, person.phone

    def act() -> None:
        try:
            answer = confirm(world, person, "/v1/application/phone", {"phone": NEW_PHONE})
            person.token = answer.json["token"]
        except RefusedError:  # the answer may have been lost: the new number says whether it was done
            person.phone = NEW_PHONE
            sign_in(world, person)
            if person.name != before:
                person.phone = old
                sign_in(world, person)
            raise
        person.phone = NEW_PHONE

    until(act, lambda: person.phone == NEW_PHONE)


def _erase(world: AwsWorld, person: Person) -> None:
    sign_in(world, person)
    send_photo(world, person, "selfie")
    world.clock.advance(minutes=11)

    def is_asked() -> bool:
        try:
            ask(world, "GET", "/v1/application", token=person.token)
        except RefusedError:
            return True
        return False

    until(lambda: confirm(world, person, "/v1/application/erasure", {}), is_asked)


def _let_hours_pass(drill: Drill) -> None:
    for _ in range(4):
        drill.world.clock.advance(minutes=61)
        drill.world.tick()


def _employ(drill: Drill) -> None:
    """Give staff their tokens; that is done by hand, with no fault of AWS."""
    ends = drill.world.clock.now() + timedelta(days=900)
    staff = [Staff("operator", "operator"), *(_reviewer(name) for name in REVIEWERS)]
    for one in staff:
        drill.world.table().commit([Put(staff_row(f"token-of-{one.name}", one, ends))])


def _reviewer(name: str) -> Staff:
    return Staff(name, "reviewer", "3578")  # nobody of whom they decide is from there


def _open_wave(drill: Drill) -> None:
    now = drill.world.clock.now()
    wave = {
        "wave_id": WAVE,
        "name": "Gelombang 1",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=3)).isoformat(),
        "quota": {"3171": 2},
        "rule_set": "2023",
        "priority_nik_tags": ["ab" * 32],
        "priority_seats": 1,
    }
    ask(drill.world, "POST", "/v1/waves", wave, token="token-of-operator")  # noqa: S106 - of the drill


def _join(drill: Drill) -> None:
    for who in ("siti", "budi"):
        person = drill.people[who]
        ask(drill.world, "POST", f"/v1/waves/{WAVE}/entries", token=person.token)


def _take(*steps: WaveStep) -> Step:
    def act(drill: Drill) -> None:
        for step in steps:
            path = f"/v1/waves/{WAVE}/{step}"
            ask(drill.world, "POST", path, token="token-of-operator")  # noqa: S106 - of the drill
            drill.settle()

    return act


def _read_results(drill: Drill) -> None:
    for who in ("siti", "budi"):
        token = drill.people[who].token
        ask(drill.world, "GET", f"/v1/waves/{WAVE}/entries/mine", token=token)
    ask(drill.world, "GET", f"/v1/waves/{WAVE}/bundle")


def _begin_badly(world: AwsWorld, person: Person) -> None:
    sign_in(world, person)
    send_photo(world, person, "ktp", b"not a picture" * 300)


def _retain(after_days: int) -> Step:
    """Let days pass and the timer of retention look where Eko is, until it finds nothing."""

    def act(drill: Drill) -> None:
        world, shard = drill.world, shard_of(drill.people["eko"].name)
        pass_days(world, after_days)
        for _ in range(3):
            with suppress(DependencyError):
                retention.remove_due(world.ports, world.programme, [shard])

    return act


def _change_keys(drill: Drill) -> None:
    """Go over the tags, and wrap every person's key anew, as an operator does: again when it fails."""
    for _ in range(3):
        with suppress(DependencyError, ConflictError):
            list(move_tags(drill.world.ports, drill.world.table_of_operator()))
            for keys in drill.world.keys:
                list(keys.rewrap(drill.world.new_wrapping_key))
            return
    raise AssertionError("keys were never changed")


def _anchor(drill: Drill) -> None:
    """Let the day end and be anchored."""
    drill.world.clock.advance(hours=26)
    for _ in range(3):
        drill.world.anchor()


STEPS: tuple[tuple[str, Step], ...] = (
    ("staff get their tokens", _employ),
    ("a process starts", _start),
    ("a list is shared", _share_a_list),
    ("siti signs in", _by("siti", sign_in)),
    ("siti types", _by("siti", type_form)),
    ("siti sends photographs", _by("siti", _send_both)),
    ("siti submits a spoiled selfie", _by("siti", _submit_spoiled)),
    ("siti takes another", _by("siti", _retake)),
    ("siti restricts and lifts", _by("siti", _restrict_and_lift)),
    ("budi registers, unlike his card", _by("budi", _register_unlike)),
    ("budi takes a challenge", _by("budi", _take_challenge)),
    ("reviewers accept budi", _decide("budi", "accept")),
    ("tani types siti's NIK", _by("tani", _register)),
    ("reviewers refuse tani", _decide("tani", "refuse")),
    ("budi gets codes by e-mail", _by("budi", _mail_codes)),
    ("budi changes his phone", _by("budi", _change_phone)),
    ("dewi asks to be erased", _by("dewi", _erase)),
    ("dewi is erased", _let_hours_pass),
    ("the wave opens", _open_wave),
    ("siti and budi join", _join),
    ("the wave is closed and frozen", _take(WaveStep.CLOSE, WaveStep.FREEZE)),
    ("the draw", _take(WaveStep.COMMIT, WaveStep.DRAW)),
    ("publication", _take(WaveStep.PUBLISH)),
    ("results are read", _read_results),
    ("the day is anchored", _anchor),
    ("eko begins", _by("eko", _begin_badly)),
    ("eko's photograph goes", _retain(33)),
    ("eko goes", _retain(160)),
    ("keys are changed", _change_keys),
)
