"""Plays a small wave over real HTTP, as clients would.

    register off ─ everybody applies, four at a time ─ early people submit ─ register back ─ all submit and join
    close ─ freeze ─ commit ─ draw ─ publish ─ everybody reads their result

Every wait has a deadline: whatever goes wrong, the demo ends, and `local.comparison` says what is not as it should
be. The people's photographs, phones and identities come from outside; nothing of theirs is printed.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import httpx

from gelombang.domain.application import State
from gelombang.domain.review import AGREEING
from gelombang.domain.wave import WaveStep
from local.applicant import (
    Photographs,
    TookTooLongError,
    Walk,
    apply,
    join_wave,
    read_result,
    sign_in,
    wait_for,
)
from local.cards import photograph_card, render_card
from local.client import TIMEOUT_S, ApiProblemError, UploadRefusedError, connect
from local.deployment import REVIEWER_HOMES
from local.faces import CaptureSubject, another_selfie, good_selfie, spoiled_selfie
from local.office import ReviewDesk, take_step
from local.recognition import Album
from local.scenario import Card, Part, Selfie, Sight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gelombang.memory.registers import Citizen
    from local.display import Display
    from local.stack import Stack

AT_ONCE = 4  # a Lambda process each; more would only queue on two cores
DECIDED_WITHIN_S = 240.0
WORKER_GONE_S = 3.0
EDUCATION_OFF = {"register": "kemdikbud", "mode": "off"}
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n" * 40


@dataclass(frozen=True, slots=True)
class Player:
    """One person of the scenario with an identity, a phone and photographs."""

    part: Part
    citizen: Citizen
    phone: str
    photographs: Photographs
    walk: Walk


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo is played: the running system, the registers' simulator, and whether the worker is killed."""

    stack: Stack
    registers_url: str
    kills_worker: bool = False


def cast_players(
    parts: Sequence[Part], citizens: Sequence[Citizen], faces: Sequence[CaptureSubject]
) -> list[Player]:
    """Give each part a citizen (in the same order), a phone number and photographs."""
    numbers = range(len(parts))
    with ThreadPoolExecutor() as pool:  # Pillow draws outside of Python's lock
        photographs = pool.map(partial(_photographs_of, faces), parts, citizens, numbers)
        return [
            Player(part, citizen, f"+62812{90_000_000 + number:08d}", taken, Walk(part.name))
            for part, citizen, number, taken in zip(parts, citizens, numbers, photographs, strict=True)
        ]


def play_wave(stage: Stage, players: Sequence[Player], wave_id: str, display: Display) -> str:
    """Let everybody apply, join the open wave and read their result; what each saw is in their walk.

    Returns the commitment's SHA-256 as the wave's page told it before the draw.

    Raises:
        TookTooLongError: a step of the wave did not come to its end.
        ApiProblemError: a step of the wave was refused.
    """
    stack = stage.stack
    display.walks = [player.walk for player in players]
    album = Album({player.part.name: player.photographs.cards[-1] for player in players})
    with ExitStack() as connected:
        operator, *reviewers = (
            connected.enter_context(connect(stack.url, stack.tokens[name]))
            for name in ("operator", *REVIEWER_HOMES)
        )
        with ReviewDesk(reviewers, album.whose, _answers_of(players)) as desk:
            _everybody_applies(stage, players, wave_id, display)
        _note_reviews(players, desk)
        commitment = ""
        for step in WaveStep:
            display.say(f"wave {wave_id}: {step}")
            page = take_step(operator, wave_id, step)
            if step is WaveStep.COMMIT:
                commitment = str(page["commitment_sha256"])
    display.say("everybody reads their result")
    _in_parallel([_reading(stack.url, player, wave_id) for player in players if player.walk.entry_id])
    return commitment


def _photographs_of(
    faces: Sequence[CaptureSubject], part: Part, citizen: Citizen, number: int
) -> Photographs:
    subject = faces[part.face % len(faces)]
    portrait = faces[part.card_face % len(faces)].portrait
    card = photograph_card(render_card(citizen, portrait), seed=number)
    selfie = good_selfie(subject)
    return Photographs(
        selfies=(spoiled_selfie(subject), selfie)
        if part.first_selfie is Selfie.SPOILED
        else (selfie, another_selfie(subject)),
        cards=(PDF, card) if part.first_card is Card.PDF else (card,),
    )


def _answers_of(players: Sequence[Player]) -> Callable[[str, int], str]:
    """Return what reviewers say: the truth, but whoever is the first errs where the scenario says so."""
    parts, firsts = {player.part.name: player.part for player in players}, dict[str, int]()

    def answer(name: str, reviewer: int) -> str:
        errs = parts[name].divides_reviewers and firsts.setdefault(name, reviewer) == reviewer
        return "accept" if parts[name].is_genuine is not errs else "refuse"

    return answer


def _everybody_applies(stage: Stage, players: Sequence[Player], wave_id: str, display: Display) -> None:
    done: dict[str, Future[None]] = {}
    early = [player for player in players if player.part.is_early]
    registers_are_back = Event()
    with _pool() as pool:
        if early:
            display.say("people apply while the education register is off")
            _tell_simulator(stage, "outage", EDUCATION_OFF)
        for player in sorted(players, key=lambda p: (p not in early, bool(p.part.after))):
            before = done.get(player.part.after)
            turn = partial(wait, [before]) if before else _at_once
            submits = _at_once if player in early else registers_are_back.wait
            done[player.part.name] = pool.submit(_applying, stage.stack, player, wave_id, turn, submits)
        try:
            _wait_until_noticed(early, done)
            _tell_simulator(stage, "recover", {})
        finally:
            registers_are_back.set()
        display.say("people apply, are checked and join")
        if stage.kills_worker:
            _kill_worker(stage.stack, players, display)
        wait(done.values())


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Give a pool that is left at once on Ctrl-C: its threads end by themselves when the service is stopped."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _at_once() -> None:
    """Wait for nothing."""


def _applying(
    stack: Stack, player: Player, wave_id: str, turn: Callable[[], object], submits: Callable[[], object]
) -> None:
    """Go the whole way to the wave; what goes wrong is written in the walk, for the table.

    `turn` returns when the walk may begin, `submits` when the application may be handed in.
    """
    walk = player.walk
    turn()
    try:
        sign_in(
            stack.url, walk, player.phone, lambda phone: [text for to, text in stack.texts() if to == phone]
        )
        with connect(stack.url, walk.token) as applicant:
            apply(
                applicant,
                walk,
                player.citizen,
                player.photographs,
                deadline_s=DECIDED_WITHIN_S,
                before_submitting=submits,
            )
            if walk.state is State.VERIFIED:
                join_wave(applicant, walk, wave_id)
    except (TookTooLongError, ApiProblemError, UploadRefusedError, httpx.HTTPError) as error:
        walk.fault = f"{walk.stage}: {error}"
    walk.stage = "done"


def _reading(url: str, player: Player, wave_id: str) -> Callable[[], None]:
    def read() -> None:
        try:
            with connect(url, player.walk.token) as applicant:
                read_result(applicant, player.walk, wave_id)
        except (ApiProblemError, httpx.HTTPError) as error:
            player.walk.fault = f"result: {error}"

    return read


def _in_parallel(tasks: Sequence[Callable[[], None]]) -> None:
    with _pool() as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def _wait_until_noticed(early: Sequence[Player], done: dict[str, Future[None]]) -> None:
    """Wait until each early person was told that a register is awaited, or their walk ended without it."""
    wait_for(
        "the outage to be noticed",
        lambda: all(
            Sight.REGISTER_AWAITED in player.walk.sights or done[player.part.name].done() for player in early
        ),
        DECIDED_WITHIN_S,
    )


def _tell_simulator(stage: Stage, route: str, body: dict[str, str]) -> None:
    url = f"{stage.registers_url}/_simulator/{route}"
    httpx.post(url, json=body, timeout=TIMEOUT_S).raise_for_status()


def _kill_worker(stack: Stack, players: Sequence[Player], display: Display) -> None:
    """Kill the worker with signal 9 while several people wait for it, and start it again."""
    wait_for(
        "two people waiting for a face check",
        lambda: sum(player.walk.state is State.CHECKING for player in players) > 1,
        DECIDED_WITHIN_S,
    )
    stack.kill_worker()
    display.keep("The face worker was killed (signal 9) while people waited for it.")
    time.sleep(WORKER_GONE_S)
    stack.start_worker()
    display.keep("The face worker was started again.")


def _note_reviews(players: Sequence[Player], desk: ReviewDesk) -> None:
    """Note who was reviewed, by how many, and who was shown beside them; the desk knows, however short it was."""
    for player in players:
        name, sights = player.part.name, player.walk.sights
        if desk.answers[name] >= AGREEING:
            sights.add(Sight.REVIEWED)
        if desk.answers[name] > AGREEING:
            sights.add(Sight.THIRD_DECIDED)
        if player.part.after in desk.beside.get(name, ()):
            sights.add(Sight.BOTH_SHOWN)
