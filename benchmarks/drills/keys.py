"""Changes the HMAC keys of tags while people register: is anybody lost, doubled or not found?

    python -m benchmarks.drills.keys --people 2000

Real: codes, sessions, forms, submissions, reviews' question whose a NIK is, and the moving of rows, each as its process
does it, in threads at once. The table and the vault are the ones in memory; tests/engine has the same on the local
engine's DynamoDB and KMS. There are four kinds of process, told apart by their keys alone, and the service goes from
one to the next as a deployment does, with both kinds answering for a while:

    one key ─▶ a coming key is known ─▶ what is new is put under it, all else is moved ─▶ two keys, names are moved

In each of the seven stages a share of the people register, everybody who did so before signs in again with the phone,
one person in ten finds that somebody else has typed their NIK at the same moment, and one in twenty changes the phone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from threading import Event
from typing import Annotated

import typer

from benchmarks.goals import Goal, finish, goal
from gelombang.domain.application import Photo, PhotoStatus, Slot
from gelombang.domain.consent import NEEDED
from gelombang.domain.errors import ConflictError
from gelombang.domain.tags import TagKeys, generation_of
from gelombang.journey import applications, codes, consents, contacts, registration, sessions
from gelombang.journey.nik_claims import claim_nik
from gelombang.journey.ports import Ports, Row, Vault
from gelombang.journey.programme import load_programme
from gelombang.journey.rotation import EveryRow, move_tags
from gelombang.journey.tags import find, nik_key
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.memory.vault import FIRST_KEY, MemoryVault

PROGRAMME = load_programme("prakerja")
THREADS = 8
BETWEEN_ROUNDS_S = 0.02
RIVALS = 50_000  # their numbers begin here
STEADY = timedelta(hours=3)  # between two stages: schedules of codes are over
Phases = tuple[TagKeys, TagKeys, TagKeys, TagKeys]


@dataclass(slots=True)
class Applicant:
    """Somebody who registers; `rival` has typed the same NIK."""

    number: int
    nik: str
    phone: str
    application_id: str = ""
    found: list[str] = field(default_factory=list)  # the application of each later sign-in


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of everybody."""

    people_count: int
    sign_in_count: int
    moved_count: int
    lost_count: int  # submitted, and not in the table as submitted
    doubled_count: int  # NIKs that two applications hold, or that lie in two places
    free_count: int  # NIKs that were submitted and nobody holds
    not_found_count: int  # sign-ins that came to another application
    behind_count: int  # rows and names still of the first generation at the end


class Service:
    """The service over one table, as processes with one set of keys or another see it."""

    def __init__(self, world: MemoryWorld, table: EveryRow, vault_of: Callable[[TagKeys], Vault]) -> None:
        self._world, self._table, self._vault_of = world, table, vault_of
        self.moved_count = 0

    def process(self, keys: TagKeys) -> Ports:
        """Return the ports of a process with these keys."""
        return replace(self._world.ports, vault=self._vault_of(keys))

    def wait(self) -> None:
        """Let time pass."""
        self._world.clock.advance(seconds=STEADY.total_seconds())

    def code_of(self, phone: str) -> str:
        """Return the code that a phone was sent last."""
        text = next(text for to, text in reversed(self._world.texts.sent) if to == phone)
        return text.split("Kode Anda ")[1][:6]

    def move(self, keys: TagKeys, is_over: Event) -> None:
        """Move tags, round after round, until the stage is over."""
        while not is_over.wait(BETWEEN_ROUNDS_S):
            self.moved_count += self.move_once(keys)

    def move_once(self, keys: TagKeys) -> int:
        """Go over the table once; return how many rows moved."""
        moved = 0
        for so_far in move_tags(self.process(keys), self._table):
            moved = so_far.moved_count
        return moved

    def rows(self) -> Iterator[Row]:
        """Give every row."""
        return self._table.read_all()


def phases(first: str, second: str) -> Phases:
    """Return the keys of the four kinds of process, in the order of their deployment."""
    return (
        TagKeys((first,)),
        TagKeys((first,), second),
        TagKeys((first,), second, is_written=True),
        TagKeys((first, second)),
    )


def stages(of: Phases) -> list[tuple[TagKeys, ...]]:
    """Return which kinds of process answer in each stage: one kind, then it and the next, then that."""
    mixed = list(pairwise(of))
    return [(of[0],), *(stage for old, new in mixed for stage in ((old, new), (new,)))]


def rotate(service: Service, of: Phases, people_count: int, seed: int, threads: int = THREADS) -> Outcome:
    """Let people register through all stages of a change of keys; return what became of them."""
    draw = random.Random(seed)  # noqa: S311 - can be repeated
    all_stages = stages(of)
    here: list[Applicant] = []
    for number, kinds in enumerate(all_stages):
        share = range(
            number * people_count // len(all_stages), (number + 1) * people_count // len(all_stages)
        )
        fresh = _new_people(share)
        jobs = [(_register, one) for one in fresh] + [(_come_back, one) for one in here]
        draw.shuffle(jobs)
        seeds = [draw.random() for _ in jobs]
        _run_stage(service, kinds, jobs, seeds, threads)
        here += fresh
        while moved := service.move_once(kinds[-1]):  # an operator goes on until a round finds nothing
            service.moved_count += moved
        service.wait()
    return _outcome(service, of, here)


def goals_of(outcome: Outcome) -> list[Goal]:
    """Return what was wanted and what came of it."""
    of = f"of {outcome.people_count} people"
    asked = f"of {outcome.sign_in_count} sign-ins"
    counted = (
        ("lost", outcome.lost_count, of),
        ("doubled", outcome.doubled_count + outcome.free_count, of),
        ("not-found", outcome.not_found_count, asked),
        ("left-behind", outcome.behind_count, f"rows, {outcome.moved_count} were moved"),
    )
    return [goal(name, f"{count} {what}", "0", count == 0) for name, count, what in counted]


def memory_service() -> tuple[Service, Phases]:
    """Return a service in memory and the kinds of its processes."""
    world = memory_world(MemoryRegisters(()))
    vault, rows = MemoryVault(), world.rows
    of = phases(FIRST_KEY, "memory vault, the second key")
    vaults = {keys: vault.with_tag_keys(keys) for keys in of}
    return Service(world, rows, vaults.__getitem__), of


def main(
    people: Annotated[int, typer.Option(help="People who register while the keys change.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed draws the same order of requests.")] = 1,
) -> None:
    """Change the keys under traffic and count who was lost, doubled or not found."""
    service, of = memory_service()
    finish("drill-keys", goals_of(rotate(service, of, people, seed)))


def _run_stage(
    service: Service,
    kinds: Sequence[TagKeys],
    jobs: Sequence[tuple[Callable[[Service, Sequence[TagKeys], Applicant, random.Random], None], Applicant]],
    seeds: Sequence[float],
    threads: int,
) -> None:
    is_over = Event()
    with ThreadPoolExecutor(threads + 1) as pool:
        mover = pool.submit(service.move, kinds[-1], is_over)
        try:
            asked = [
                pool.submit(job, service, kinds, one, random.Random(each))  # noqa: S311 - can be repeated
                for (job, one), each in zip(jobs, seeds, strict=True)
            ]
            for each in asked:
                each.result()
        finally:
            is_over.set()
        mover.result()


def _register(service: Service, kinds: Sequence[TagKeys], one: Applicant, draw: random.Random) -> None:
    """Sign in, type and submit, each at whichever process answers."""
    one.application_id = _sign_in(service, kinds, one.phone, draw)[0]
    typed = {
        "nik": one.nik,
        "kk": f"31719901{one.number:08d}",
        "name": "Orang Biasa",
        "birth_date": "1990-01-05",
        "region": "3171",
    }
    _again(registration.save_form, service.process(draw.choice(kinds)), PROGRAMME, one.application_id, typed)
    ports, version = service.process(draw.choice(kinds)), PROGRAMME.consent.version
    for purpose in NEEDED:
        _again(consents.give_consent, ports, PROGRAMME, one.application_id, purpose, version)
    _again(_send_photos, ports, one.application_id)
    _again(registration.submit, service.process(draw.choice(kinds)), one.application_id)
    _again(_claim, service.process(draw.choice(kinds)), one.application_id)


def _come_back(service: Service, kinds: Sequence[TagKeys], one: Applicant, draw: random.Random) -> None:
    """Sign in again, and sometimes change the phone."""
    name, token = _sign_in(service, kinds, one.phone, draw)
    one.found.append(name)
    if one.number % 20 or len(one.found) % 2:
        return
    new, ports = f"+62813{one.number:05d}{len(one.found):03d}", service.process(draw.choice(kinds))
    session = sessions.session_of(ports, token)
    asked = contacts.ask_to_change_phone(ports, session, new)
    answered = service.process(draw.choice(kinds))
    _again(contacts.change_phone, answered, session, asked.challenge_id, service.code_of(new))
    one.phone = new


def _sign_in(service: Service, kinds: Sequence[TagKeys], phone: str, draw: random.Random) -> tuple[str, str]:
    sent = codes.send_code(service.process(draw.choice(kinds)), phone)
    started = _again(
        sessions.confirm_code, service.process(draw.choice(kinds)), sent.challenge_id, service.code_of(phone)
    )
    return started.application_id, started.token


def _again(step: Callable[..., sessions.SessionStarted], *given: object) -> sessions.SessionStarted:
    """Do a step, and once more each time the answer is that it was changed meanwhile, as the page does."""
    while True:
        try:
            return step(*given)
        except ConflictError:
            continue


def _claim(ports: Ports, application_id: str) -> None:
    """Do what the checks do once the population register has answered."""
    claim_nik(ports, applications.load(ports, application_id))


def _send_photos(ports: Ports, application_id: str) -> None:
    there = applications.load(ports, application_id)
    photos = {slot: Photo(PhotoStatus.ARRIVED, f"{application_id}/{slot}/drill") for slot in Slot}
    applications.save(ports, replace(there, photos=photos), "photographs_arrived")


def _new_people(numbers: range) -> list[Applicant]:
    """Return people, every tenth of whom has a rival with the same NIK and another phone."""
    people = []
    for number in numbers:
        nik = f"3171{number // 9999 % 9 + 10}050190{number % 9999 + 1:04d}"
        people.append(Applicant(number, nik, f"+62812{number:08d}"))
        if number % 10 == 0:
            people.append(Applicant(number + RIVALS, nik, f"+62811{number:08d}"))
    return people


def _outcome(service: Service, of: Phases, people: Sequence[Applicant]) -> Outcome:
    ports = service.process(of[-1])
    stored = [applications.load(ports, one.application_id) for one in people]
    holders = Counter[str]()
    lost = 0
    for one, application in zip(people, stored, strict=True):
        if application.form is None or application.submission != 1:
            lost += 1
            continue
        row = find(ports, nik_key, application.form.nik_tag)
        holders[one.nik] += row is not None and row.fields["application_id"] == one.application_id
    niks = {one.nik for one in people}
    claims = sum(row.key.partition.startswith("NIK#") for row in service.rows())
    return Outcome(
        people_count=len(people),
        sign_in_count=sum(len(one.found) for one in people),
        moved_count=service.moved_count,
        lost_count=lost,
        doubled_count=sum(holders[nik] > 1 for nik in niks) + max(0, claims - len(niks)),
        free_count=sum(holders[nik] == 0 for nik in niks),
        not_found_count=sum(name != one.application_id for one in people for name in one.found),
        behind_count=sum(_is_behind(row) for row in service.rows()),
    )


def _is_behind(row: Row) -> bool:
    kind, _, tag = row.key.partition.rpartition("#")
    if kind in ("NIK", "PHONE"):
        return generation_of(tag) == 1
    form = row.fields.get("form") or {}
    named = [row.fields.get("phone_tag"), form.get("nik_tag"), form.get("kk_tag")]
    return any(tag and generation_of(tag) == 1 for tag in named)


if __name__ == "__main__":
    typer.run(main)
