"""Attacks phone codes: guessers, replay, another session, another action, too late, many at once; and a siege.

    python -m benchmarks.drills.codes --requests 1000000

Real: the codes, sessions and limits as the register function uses them. The table is the one in memory, and for the
submits at once the local engine's DynamoDB too, whose transactions decide who wins. The siege is `code_flood`.
"""

from __future__ import annotations

import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.progress import track

from benchmarks.drills.code_flood import Outcome, Siege, besieged
from benchmarks.goals import Goal, finish, goal
from gelombang.aws.rows import DynamoRows
from gelombang.domain.errors import CodeError
from gelombang.journey import codes, contacts, sessions
from gelombang.journey.codes import CODE_MINUTES, CODE_TRIES, CodeSent
from gelombang.journey.limits import LIMITS
from gelombang.journey.ports import Rows
from gelombang.journey.sessions import Session
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters
from local.engine import REGION, credentials, running_engine

SERVED_WITHIN_S = 60.0
HONEST_SHARE = 0.99
AT_ONCE = 50
CHUNK = 10_000
TABLE = "codes"
Attack = Callable[["Desk", int], bool]  # try once, with this number; return whether it got in


class Desk:
    """Codes over a table, a clock moved by hand and an outbox that can be read."""

    def __init__(self, rows: Rows | None = None) -> None:
        self.world: MemoryWorld = memory_world(MemoryRegisters(()))
        self.ports = replace(self.world.ports, rows=rows or self.world.rows)

    def ask(self, phone: str) -> tuple[CodeSent, str]:
        """Return a challenge and the code that came to the phone."""
        sent = codes.send_code(self.ports, phone)
        return sent, self.last_code()

    def last_code(self) -> str:
        """Return the code in the message that was sent last."""
        return re.findall(r"\d{6}", self.world.texts.sent[-1][1])[0]

    def sign_in(self, phone: str) -> Session:
        """Return a new session of a phone."""
        sent, code = self.ask(phone)
        return sessions.session_of(
            self.ports, sessions.confirm_code(self.ports, sent.challenge_id, code).token
        )

    def gets_in(self, challenge_id: str, code: str) -> bool:
        """Say whether a code opens a session."""
        try:
            sessions.confirm_code(self.ports, challenge_id, code)
        except CodeError:
            return False
        return True


def guess(desk: Desk, number: int) -> bool:
    """Ask for a stranger's code and guess as often as is allowed, and once more."""
    sent = codes.send_code(desk.ports, _phone(number))
    guesses = random.Random(number).sample(range(1_000_000), CODE_TRIES + 1)  # noqa: S311 - can be repeated
    got_in = [desk.gets_in(sent.challenge_id, f"{tried:06d}") for tried in guesses]
    return any(got_in)


def replay(desk: Desk, number: int) -> bool:
    """Use a code that was used."""
    sent, code = desk.ask(_phone(number))
    if not desk.gets_in(sent.challenge_id, code):
        raise ValueError("the right code must work once")
    return desk.gets_in(sent.challenge_id, code)


def other_session(desk: Desk, number: int) -> bool:
    """Use a code to change the phone, asked for in one session, in another."""
    mine, theirs = desk.sign_in(_phone(2 * number)), desk.sign_in(_phone(2 * number + 1))
    asked = contacts.ask_to_change_phone(desk.ports, mine, _phone(10_000_000 + number))
    try:
        contacts.change_phone(desk.ports, theirs, asked.challenge_id, desk.last_code())
    except CodeError:
        return False
    return True


def other_challenge(desk: Desk, number: int) -> bool:
    """Use a code of one phone with a challenge of another."""
    _, code = desk.ask(_phone(2 * number))
    theirs, right = desk.ask(_phone(2 * number + 1))
    return code != right and desk.gets_in(theirs.challenge_id, code)


def other_action(desk: Desk, number: int) -> bool:
    """Sign in with a code that was sent to change the phone."""
    session = desk.sign_in(_phone(2 * number))
    asked = contacts.ask_to_change_phone(desk.ports, session, _phone(2 * number + 1))
    return desk.gets_in(asked.challenge_id, desk.last_code())


def expired(desk: Desk, number: int) -> bool:
    """Use a code ten minutes after it was sent."""
    sent, code = desk.ask(_phone(number))
    desk.world.clock.advance(minutes=CODE_MINUTES)
    return desk.gets_in(sent.challenge_id, code)


def winners(desk: Desk, number: int) -> int:
    """Return how many of 50 submits of one right code at once get in."""
    sent, code = desk.ask(_phone(number))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return sum(threads.map(lambda _: desk.gets_in(sent.challenge_id, code), range(AT_ONCE)))


@contextmanager
def engine_table() -> Iterator[DynamoRows]:
    """Lend a table of the local engine's DynamoDB."""
    with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder)) as engine:
        named = credentials(engine.url)
        client = boto3.client(
            "dynamodb",
            endpoint_url=engine.url,
            region_name=REGION,
            aws_access_key_id=named["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=named["AWS_SECRET_ACCESS_KEY"],
        )
        kinds = (("pk", "HASH"), ("sk", "RANGE"))
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in kinds],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in kinds],
            BillingMode="PAY_PER_REQUEST",
        )
        yield DynamoRows(TABLE, client)


def attack_goals(guessers: int, each: int, rounds: int) -> list[Goal]:
    """Return what came of each attack on the table in memory."""
    tried: list[tuple[str, Attack, int]] = [
        ("guessers", guess, guessers),
        ("replay", replay, each),
        ("other-session", other_session, each),
        ("other-challenge", other_challenge, each),
        ("other-action", other_action, each),
        ("expired", expired, each),
    ]
    goals = []
    for name, attack, count in tried:
        desk = Desk()
        got_in = sum(attack(desk, number) for number in range(count))
        goals.append(goal(name, f"{got_in} of {count} got in", "0", got_in == 0))
    return [*goals, at_once_goal("at-once-memory", Desk(), rounds)]


def at_once_goal(name: str, desk: Desk, rounds: int) -> Goal:
    """Return how often exactly one of 50 submits at once won."""
    won = [winners(desk, number) for number in range(rounds)]
    figure = f"{min(won)} to {max(won)} of {AT_ONCE} in {rounds} rounds"
    return goal(name, figure, "1 each", set(won) == {1})


def siege_goals(siege: Siege, found: Outcome) -> list[Goal]:
    """Return what came of the siege."""
    slowest_s = max(found.victims_s, default=float("inf"))
    all_served = len(found.victims_s) == siege.victims and slowest_s <= SERVED_WITHIN_S
    done = len(found.honest_s) / siege.honest
    sent, most = found.sent.total(), max(found.sent.values())
    return [
        goal(
            "victims-served",
            f"{len(found.victims_s)} of {siege.victims}, slowest {slowest_s:.0f} s",
            "all within 60 s",
            all_served,
        ),
        goal("honest-done", f"{done:.2%} of {siege.honest}", "≥ 99 %", done >= HONEST_SHARE),
        goal("sends", f"{sent} in the hour", f"≤ {LIMITS.sends}", sent <= LIMITS.sends),
        goal(
            "sends-to-one-phone",
            f"{most} in the hour",
            f"≤ {LIMITS.sends_per_phone}",
            most <= LIMITS.sends_per_phone,
        ),
        goal("broken-into", f"{found.broken_into} of {siege.victims}", "0", found.broken_into == 0),
    ]


def targeted_goals(siege: Siege, found: Outcome) -> list[Goal]:
    """Return what came of few victims guessed at without pause who had signed in before."""
    return [
        replace(each, name=f"targeted-{each.name}")
        for each in siege_goals(siege, found)
        if each.name in {"victims-served", "broken-into"}
    ]


def main(
    *,
    requests: Annotated[int, typer.Option(help="Hostile requests of the siege.")] = 1_000_000,
    addresses: Annotated[int, typer.Option(help="Addresses they come from.")] = 10_000,
    victims: Annotated[int, typer.Option(help="Phones they are about.")] = 1_000,
    honest: Annotated[int, typer.Option(help="Other people, all behind one address.")] = 5_000,
    guessers: Annotated[int, typer.Option(help="Guessers of one code each.")] = 10_000,
    each: Annotated[int, typer.Option(help="Tries of each other attack.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed plays the same siege.")] = 1,
    engine: Annotated[bool, typer.Option(help="Try submits at once on the local engine too.")] = True,
) -> None:
    """Attack phone codes and say what came of it."""
    goals = attack_goals(guessers, each, rounds=20)
    if engine:
        with engine_table() as rows:
            goals.append(at_once_goal("at-once-dynamodb", Desk(rows), rounds=5))
    siege = Siege(requests, addresses, victims, honest, seed)
    began, found = time.monotonic(), Outcome()
    for step, found in enumerate(track(besieged(siege), "Besieging", requests, console=Console(stderr=True))):  # noqa: B007 - the last one is what came of it
        pass
    targeted = Siege(72_000, addresses, 20, 1, seed, guessed_share=0.5, have_signed_in=True)
    for aimed in besieged(targeted):  # noqa: B007 - likewise
        pass
    print(f"{step + 1} steps of an hour played in {time.monotonic() - began:.0f} s, seed {seed}")
    print(f"  attackers were answered: {', '.join(f'{what} {n}' for what, n in found.hostile.most_common())}")
    print(f"  requests came from {len(found.by_address)} addresses")
    for who, took_s in (("victims", found.victims_s), ("honest people", found.honest_s)):
        print(
            f"  {who} signed in after {statistics.median(took_s):.0f} s (median), {max(took_s):.0f} s (slowest)"
        )
    finish("drill-codes", [*goals, *siege_goals(siege, found), *targeted_goals(targeted, aimed)])


def _phone(number: int) -> str:
    return f"+62812{number:08d}"


if __name__ == "__main__":
    typer.run(main)
