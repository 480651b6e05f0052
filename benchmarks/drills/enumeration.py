"""Asks whether a stranger can tell, from the answers or the time they take, that a NIK is registered.

    python -m benchmarks.drills.enumeration --pairs 20000

Real: the register function with its routes, forms, codes of problems and journey, as API Gateway would call it. Two
people who have everything but a NIK type one, the first somebody else's and the second nobody's, and submit; which of
them comes first is drawn. The table is the one in memory, where nothing hides a difference, and for fewer pairs the
local engine's DynamoDB. Each answer is compared whole: status, headers and body, less the person's own application id
and the entity tag, a hash of what is sealed with a key of their own.

The classifier: a logistic regression over both times, their sum and logarithms, and the length of both answers, fitted
on one half of the pairs and judged on the other, and each feature by its ranks alone; the best of them counts. Being
the best of many, it is above 0.5 for two of a kind too: how often it gets as far when the two of each pair change
places by chance is printed beside it, and where 95 % of those stay below.

Where a clock cannot tell, the work might: every call to the table is noted, what kind, on what kind of row, how many
rows and how many bytes, and compared too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import typer
from chalice.test import Client
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.drills.codes import engine_table
from benchmarks.goals import Goal, finish, goal
from gelombang import wiring
from gelombang.domain.application import Photo, PhotoStatus, Slot
from gelombang.domain.consent import NEEDED
from gelombang.journey import applications, codes, consents, registration, sessions
from gelombang.journey.nik_claims import claim_nik
from gelombang.journey.ports import Change, Key, Ports, Put, Row, Rows
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters

REGISTER = Path(__file__).parents[2] / "functions" / "register"
PROGRAMME = load_programme("prakerja")
WORLD_PAIRS = 250  # then a new world: a table that grows would slow both kinds, but not at the same time
WARM_PAIRS = 50
MOST_DELTA_MS = 1.0
MOST_AUC = 0.53
DRAWS = 200
NEWTON_STEPS, RIDGE = 8, 1e-3
USUAL_SHARE = 0.95
_SEALED = re.compile(r"sealed-\d+")
_ETAG = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stranger sees of typing a NIK and submitting it."""

    patch_ms: float
    submit_ms: float
    calls: tuple[str, ...]  # to the table
    answers: tuple[tuple[int, str, str], ...]  # status, headers, body; the caller's own id taken out


@dataclass(frozen=True, slots=True)
class Pair:
    """The same with a NIK that is registered and with one that is not."""

    known: Seen
    unknown: Seen


@dataclass(frozen=True, slots=True)
class Chance:
    """How a classifier's area compares with those of chance: the share that gets as far, and what 95 % stay below."""

    p_value: float
    usual_auc: float


class NotedRows:
    """Passes every call on to a table, and notes what it asked for: sizes and kinds of rows, nothing of anybody's."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.calls = rows, list[str]()

    def read(self, key: Key) -> Row | None:
        """Pass it on; that nothing is there is what a stranger must not be able to tell."""
        self.calls.append(f"read {key.partition.partition('#')[0]}")
        return self._rows.read(key)

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Pass it on."""
        rows = self._rows.read_partition(partition, prefix)
        self.calls.append(f"read {len(rows)} of {partition.partition('#')[0]}")
        return rows

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Pass it on, told as so many reads."""
        return {key: row for key in keys if (row := self.read(key))}

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        """Pass it on, told as so many reads."""
        return ((partition, self.read_partition(partition)) for partition in partitions)

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Pass it on."""
        self.calls.append(f"read what is due of {worklist}")
        return self._rows.read_due(worklist, until, limit)

    def commit(self, changes: Sequence[Change]) -> None:
        """Pass it on."""
        self.calls.append(f"commit {', '.join(map(_told_of, changes))}")
        self._rows.commit(changes)


class Counter:
    """A desk at which people sign in, fill in what is not the NIK, and then type one and submit."""

    def __init__(self, seed: int, rows: Rows | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - can be repeated
        self._world: MemoryWorld = memory_world(MemoryRegisters(()))
        self._rows = NotedRows(rows or self._world.rows)
        self.ports: Ports = replace(self._world.ports, rows=self._rows)
        self._people = 0
        self._prefix = self._random.randrange(10_000)
        self._owned = [self._nik() for _ in range(20)]
        with wiring.wired_to(self.ports, PROGRAMME):
            for nik in self._owned:
                name, _ = self._show(nik)
                claim_nik(self.ports, applications.load(self.ports, name))  # as its checks do

    def pair(self) -> Pair:
        """Return what is seen of one pair."""
        kinds = [True, False]
        self._random.shuffle(kinds)
        with wiring.wired_to(self.ports, PROGRAMME):
            seen = {
                known: self._show(self._random.choice(self._owned) if known else self._nik())[1]
                for known in kinds
            }
        return Pair(seen[True], seen[False])

    def _show(self, nik: str) -> tuple[str, Seen]:
        """Return the application that names this NIK now, and what is seen of it."""
        name, token = self._prepared()
        self._rows.calls.clear()
        began = time.perf_counter()
        typed = _send(token, "PATCH", "/v1/application/form", {"nik": nik})
        between = time.perf_counter()
        submitted = _send(token, "POST", "/v1/application/submit", {})
        ended = time.perf_counter()
        if (typed[0], submitted[0]) != (200, 202):
            raise ValueError("typing and submitting must succeed")
        answers = tuple(
            (status, _impersonal(headers, name), _impersonal(body, name))
            for status, headers, body in (typed, submitted)
        )
        calls = tuple(self._rows.calls)
        return name, Seen((between - began) * 1000, (ended - between) * 1000, calls, answers)

    def _prepared(self) -> tuple[str, str]:
        """Return the application and token of somebody who has everything but a NIK."""
        self._people += 1
        sent = codes.send_code(self.ports, f"+62812{self._people:08d}")
        code = self._world.texts.sent.pop()[1].split("Kode Anda ")[1][:6]
        started = sessions.confirm_code(self.ports, sent.challenge_id, code)
        form = {
            "kk": f"31719901{self._people:08d}",
            "name": "Orang Biasa",
            "birth_date": "1990-01-05",
            "region": "3171",
        }
        registration.save_form(self.ports, PROGRAMME, started.application_id, form)
        for purpose in NEEDED:
            version = PROGRAMME.consent.version
            consents.give_consent(self.ports, PROGRAMME, started.application_id, purpose, version)
        there = applications.load(self.ports, started.application_id)
        photos = {slot: Photo(PhotoStatus.ARRIVED, f"{started.application_id}/{slot}/drill") for slot in Slot}
        applications.save(self.ports, replace(there, photos=photos), "photographs_arrived")
        return started.application_id, started.token

    def _nik(self) -> str:
        self._prefix += 1
        return f"3171{self._prefix // 9999 % 9 + 10}050190{self._prefix % 9999 + 1:04d}"


def pairs_of(count: int, seed: int, rows: Rows | None = None) -> Iterator[Pair]:
    """Yield what is seen of pairs, the first ones left out."""
    done, portion = 0, count if rows else WORLD_PAIRS  # a table that is lent stays, and its people with it
    while done < count:
        desk = Counter(seed + done, rows)
        for number in range(min(portion, count - done) + (WARM_PAIRS if not done else 0)):
            seen = desk.pair()
            if done or number >= WARM_PAIRS:
                yield seen
        done += portion


def differences(pairs: list[Pair]) -> int:
    """Return in how many pairs anything but the time differs."""
    return sum(pair.known.answers != pair.unknown.answers for pair in pairs)


def differing_calls(pairs: list[Pair]) -> int:
    """Return in how many pairs the table was asked for something else, or for more."""
    return sum(pair.known.calls != pair.unknown.calls for pair in pairs)


def delta_median_ms(pairs: list[Pair]) -> tuple[float, float]:
    """Return by how much typing and submitting a known NIK takes longer in the median, milliseconds."""
    known, unknown = [pair.known for pair in pairs], [pair.unknown for pair in pairs]
    return (
        statistics.median(s.patch_ms for s in known) - statistics.median(s.patch_ms for s in unknown),
        statistics.median(s.submit_ms for s in known) - statistics.median(s.submit_ms for s in unknown),
    )


def best_auc(pairs: list[Pair]) -> float:
    """Return the area under the ROC curve of the best classifier, 0.5..1: 0.5 is a coin."""
    return _best(_features([pair.known for pair in pairs]), _features([pair.unknown for pair in pairs]))


def chance_of(pairs: list[Pair], seed: int, draws: int = DRAWS) -> Chance:
    """Return how far the best classifier gets where known and unknown of each pair change places by a coin.

    Source: Phipson and Smyth 2010, "Permutation P-values should never be zero": the one that was seen counts too.
    """
    known, unknown = _features([pair.known for pair in pairs]), _features([pair.unknown for pair in pairs])
    seen, coins = _best(known, unknown), np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        swaps = coins.integers(0, 2, (len(pairs), 1)).astype(bool)
        drawn.append(_best(np.where(swaps, unknown, known), np.where(swaps, known, unknown)))
    return Chance(
        (1 + sum(each >= seen for each in drawn)) / (1 + draws), float(np.quantile(drawn, USUAL_SHARE))
    )


def goals_of(pairs: list[Pair], engine_pairs: list[Pair]) -> list[Goal]:
    """Return what was wanted and what came of it."""
    differing = differences(pairs) + differences(engine_pairs)
    asked = differing_calls(pairs) + differing_calls(engine_pairs)
    typing_ms, submit_ms = delta_median_ms(pairs)
    auc = best_auc(pairs)
    count = len(pairs) + len(engine_pairs)
    goals = [
        goal("same-answers", f"{differing} of {count} pairs differ", "0", differing == 0),
        goal("same-calls", f"{asked} of {count} pairs differ", "0", asked == 0),
        *_time_goals("memory", typing_ms, submit_ms),
        goal("classifier-auc", f"{auc:.4f} over {len(pairs)} pairs", f"< {MOST_AUC}", auc < MOST_AUC),
    ]
    if engine_pairs:
        goals += _time_goals("dynamodb", *delta_median_ms(engine_pairs))
    return goals


def main(
    pairs: Annotated[int, typer.Option(help="Pairs on the table in memory.")] = 20_000,
    engine_pairs: Annotated[int, typer.Option(help="Pairs on the local engine's DynamoDB.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed draws the same order.")] = 1,
) -> None:
    """Compare a known NIK with an unknown one, and say what a stranger could tell."""
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"  # forty thousand lines of requests are of no use here
    console = Console(stderr=True)
    seen = list(track(pairs_of(pairs, seed), "In memory", pairs, console=console))
    with engine_table() if engine_pairs else nullcontext() as rows:
        on_engine = list(
            track(pairs_of(engine_pairs, seed, rows), "On DynamoDB", engine_pairs, console=console)
        )
    for where, them in (("memory", seen), ("DynamoDB", on_engine)):
        for kind in ("known", "unknown") if them else ():
            both = [getattr(pair, kind) for pair in them]
            typing_ms, submit_ms = (
                statistics.median(getattr(s, n) for s in both) for n in ("patch_ms", "submit_ms")
            )
            print(
                f"  {where}, {kind} NIK: typed in {typing_ms:.3f} ms, submitted in {submit_ms:.3f} ms (medians)"
            )
        if them:
            chance = chance_of(them, seed)
            print(
                f"  {where}: the classifier reaches {best_auc(them):.4f} over {len(them)} pairs; "
                f"95 % of {DRAWS} draws of chance stay below {chance.usual_auc:.4f} (p = {chance.p_value:.3f})"
            )
    finish("drill-enumeration", goals_of(seen, on_engine))


def _time_goals(where: str, typing_ms: float, submit_ms: float) -> list[Goal]:
    named = {"typing": typing_ms, "submit": submit_ms}
    return [
        goal(f"{name}-{where}", f"Δ median {delta:+.4f} ms", "|Δ| < 1 ms", abs(delta) < MOST_DELTA_MS)
        for name, delta in named.items()
    ]


def _told_of(change: Change) -> str:
    """Say of what kind a change is, and how long what it writes."""
    key = change.row.key if isinstance(change, Put) else change.key
    kind = f"{type(change).__name__} {key.partition.partition('#')[0]}"
    if not isinstance(change, Put):
        return kind
    # What the vault in memory hands out for a ciphertext is a number, which gets a digit longer now and then.
    return f"{kind} {len(_SEALED.sub('sealed', json.dumps(change.row.fields)))} B"


def _impersonal(text: str, name: str) -> str:
    return _ETAG.sub("etag", text.replace(name, "application"))


def _features(seen: list[Seen]) -> NDArray[np.float64]:
    """Return `(N, 7) float64`: what the classifier looks at."""
    rows = [
        (s.patch_ms, s.submit_ms, s.patch_ms + s.submit_ms, *(len("".join(map(str, a))) for a in s.answers))
        for s in seen
    ]
    plain = np.array(rows, dtype=np.float64)
    return np.hstack([plain, np.log(plain[:, :2])])


def _best(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> float:
    half = len(known) // 2
    weights = _fitted(known[:half], unknown[:half])
    scores = [(known[half:] @ weights, unknown[half:] @ weights)]
    scores += [(known[:, column], unknown[:, column]) for column in range(known.shape[1])]
    return max(abs(_auc(theirs, others) - 0.5) for theirs, others in scores) + 0.5


def _fitted(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of a logistic regression over standardised features: Newton's method, a slight ridge."""
    both = np.vstack([known, unknown])
    spread = both.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    x = (both - both.mean(axis=0)) / scale
    y = np.repeat([1.0, 0.0], [len(known), len(unknown)])
    weights = np.zeros(x.shape[1])
    ridge = RIDGE * len(y) * np.eye(len(weights))
    for _ in range(NEWTON_STEPS):
        share = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (y - share) - ridge @ weights
        weights += np.linalg.solve(x.T @ (x * (share * (1 - share))[:, None]) + ridge, slope)
    return weights / scale


def _auc(theirs: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return how often a value of `theirs` is above one of `others`, ties counted half (Mann-Whitney)."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, theirs, "left") + np.searchsorted(ordered, theirs, "right")
    return float(below.mean() / 2 / len(others))


@cache
def _register() -> ModuleType:
    spec = importlib.util.spec_from_file_location("drilled_register", REGISTER / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(REGISTER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _client() -> Client:
    return Client(_register().app, project_dir=str(REGISTER))


def _send(token: str, method: str, path: str, body: dict[str, Any]) -> tuple[int, str, str]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    answer = _client().http.request(method, path, headers=headers, body=json.dumps(body).encode())
    return answer.status_code, json.dumps(sorted(answer.headers.items())), answer.body.decode()


if __name__ == "__main__":
    typer.run(main)
