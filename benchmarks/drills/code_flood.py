"""Plays an hour in which many addresses ask for, and guess, the codes of other people's phones.

Real: the codes, their limits and the sessions, over the table in memory and a clock moved by hand. Played: people who
read a message some seconds after it was sent and type the code whose mark their page shows, and attackers, who ask for
codes in their victims' names and guess at what they were given. Nothing looks at an address, so an attacker's ten
thousand and the one that a whole village shares are alike; requests are spread over the attackers' all the same.
"""

from __future__ import annotations

import heapq
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gelombang.domain.errors import CodeError, RefusedError, TooManyRequestsError
from gelombang.journey import codes, sessions
from gelombang.journey.codes import Asker
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters

HOUR_S = 3600
ARRIVES_S = (2.0, 8.0)  # a message takes so long
TYPES_S = (8.0, 25.0)  # and typing its code so long after it has come
MISTYPED_SHARE = 0.08
GIVES_UP_S = 900.0
CLEANED_EVERY_S = 60.0
_TEXT = re.compile(r"Kode Anda (\d{6}) \(tanda ([A-Z]{2})\)")
Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Siege:
    """How large the attack is, and how many honest people there are beside its victims."""

    requests: int
    addresses: int
    victims: int
    honest: int
    seed: int = 1
    guessed_share: float = 0.1  # of the hostile requests; the others ask for codes
    have_signed_in: bool = False  # the victims, from the device they use now, a day before


@dataclass(slots=True)
class Outcome:
    """What came of it; seconds are from a person's first request to their session."""

    victims_s: list[float] = field(default_factory=list)
    honest_s: list[float] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)  # messages by phone
    hostile: Counter[str] = field(default_factory=Counter)  # what the attackers were answered
    by_address: Counter[int] = field(default_factory=Counter)
    broken_into: int = 0


class Town:
    """Everybody, on one clock."""

    def __init__(self, siege: Siege) -> None:
        self.siege = siege
        self.random = random.Random(siege.seed)  # noqa: S311 - a simulation that can be repeated
        self.world: MemoryWorld = memory_world(MemoryRegisters(()))
        self.outcome = Outcome()
        self.now_s = 0.0
        self._due: list[tuple[float, int, Step]] = []
        self._number = 0
        self._inbox: defaultdict[str, list[tuple[float, str, str]]] = defaultdict(
            list
        )  # phone → (at, code, mark)

    def at(self, when_s: float, step: Step) -> None:
        """Let `step` happen `when_s` seconds after the beginning."""
        self._number += 1
        heapq.heappush(self._due, (when_s, self._number, step))

    def play(self) -> Iterator[int]:
        """Let everything happen in its order; yield after each step how many have happened."""
        done, cleaned_s = 0, 0.0
        while self._due:
            when_s, _, step = heapq.heappop(self._due)
            self.world.clock.advance(seconds=when_s - self.now_s)
            self.now_s = when_s
            step()
            self._deliver()
            if self.now_s - cleaned_s > CLEANED_EVERY_S:
                self.world.rows.expire(self.world.clock.now())
                cleaned_s = self.now_s
            done += 1
            yield done

    def code_with(self, phone: str, mark: str) -> str:
        """Return the code with this mark that has come to a phone, the latest first; "" while there is none."""
        come = (
            code for at, code, shown in reversed(self._inbox[phone]) if at <= self.now_s and shown == mark
        )
        return next(come, "")

    def _deliver(self) -> None:
        for phone, text in self.world.texts.sent:
            code, mark = _TEXT.findall(text)[0]
            self.outcome.sent[phone] += 1
            self._inbox[phone].append((self.now_s + self.random.uniform(*ARRIVES_S), code, mark))
        self.world.texts.sent.clear()


@dataclass(slots=True)
class Person:
    """Somebody who wants to sign in and does what the page says."""

    town: Town
    phone: str
    device: str
    took_s: list[float]  # where to write how long it took
    began_s: float
    mistypes: bool

    def ask(self) -> None:
        """Ask for a code; where there is none yet, come back when told to."""
        if self.town.now_s - self.began_s > GIVES_UP_S:
            return
        try:
            asker = Asker(device=self.device)
            sent = codes.send_code(self.town.world.ports, self.phone, asker=asker)
        except TooManyRequestsError as error:
            self.town.at(self.town.now_s + error.retry_after_s, self.ask)
            return
        wait_s = self.town.random.uniform(*TYPES_S)
        self.town.at(self.town.now_s + wait_s, lambda: self.type_code(sent.challenge_id, sent.mark))

    def type_code(self, challenge_id: str, mark: str) -> None:
        """Type the code from the message with this mark; ask again when it is of no use."""
        town = self.town
        code = town.code_with(self.phone, mark)
        if not code:
            town.at(town.now_s + 1.0, lambda: self.type_code(challenge_id, mark))
            return
        if self.mistypes:
            self.mistypes = False
            code = f"{(int(code) + 1) % 1_000_000:06d}"
        try:
            sessions.confirm_code(town.world.ports, challenge_id, code)
        except CodeError as error:
            if error.tries_left:
                town.at(town.now_s + 5.0, lambda: self.type_code(challenge_id, mark))
            else:
                town.at(town.now_s + error.resend_after_s, self.ask)
            return
        self.took_s.append(town.now_s - self.began_s)


class Attackers:
    """Everybody who asks for and guesses other people's codes."""

    def __init__(self, town: Town, phones: list[str]) -> None:
        self._town, self._phones = town, phones
        self._given: dict[str, str] = {}  # the last challenge of a phone

    def act(self) -> None:
        """Send one request from one of the addresses."""
        town = self._town
        town.outcome.by_address[town.random.randrange(town.siege.addresses)] += 1
        phone = town.random.choice(self._phones)
        guesses = town.random.random() < town.siege.guessed_share
        try:
            answer = self._guess(phone) if guesses and phone in self._given else self._ask(phone)
        except RefusedError as error:
            answer = str(error) if isinstance(error, CodeError) else type(error).__name__
        town.outcome.hostile[answer] += 1

    def _ask(self, phone: str) -> str:
        device = f"bot-{self._town.random.getrandbits(64)}" if self._town.random.random() < 0.5 else ""  # noqa: PLR2004 - every other one
        sent = codes.send_code(self._town.world.ports, phone, asker=Asker(device=device))
        self._given[phone] = sent.challenge_id
        return "new message" if sent.is_new else "joined"

    def _guess(self, phone: str) -> str:
        guess = f"{self._town.random.randrange(1_000_000):06d}"
        sessions.confirm_code(self._town.world.ports, self._given[phone], guess)
        self._town.outcome.broken_into += 1
        return "broken into"


def besieged(siege: Siege) -> Iterator[Outcome]:
    """Yield the outcome so far after each step of an hour's siege."""
    town = Town(siege)
    victims = [f"+62812{number:08d}" for number in range(siege.victims)]
    honest = [f"+62813{number:08d}" for number in range(siege.honest)]
    for phones, took_s in ((victims, town.outcome.victims_s), (honest, town.outcome.honest_s)):
        for phone in phones:
            _send_in(town, phone, took_s)
    if siege.have_signed_in:
        town.world.clock.advance(days=1)
    attackers = Attackers(town, victims)
    for _ in range(siege.requests):
        town.at(town.random.uniform(0, HOUR_S), attackers.act)
    for _ in town.play():
        yield town.outcome


def _send_in(town: Town, phone: str, took_s: list[float]) -> None:
    began_s = town.random.uniform(0, HOUR_S)
    device = f"phone-{town.random.getrandbits(64)}" if town.random.random() < 0.7 else ""  # noqa: PLR2004 - some browsers keep nothing
    mistypes = town.random.random() < MISTYPED_SHARE
    if town.siege.have_signed_in:
        device = device or "a-device"
        sent = codes.send_code(town.world.ports, phone, asker=Asker(device=device))
        code = _TEXT.findall(town.world.texts.sent.pop()[1])[0][0]
        sessions.confirm_code(town.world.ports, sent.challenge_id, code)
    town.at(began_s, Person(town, phone, device, took_s, began_s, mistypes).ask)
