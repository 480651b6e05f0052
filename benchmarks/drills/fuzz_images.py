"""Decodes many damaged pictures in the sandbox: each must come to a typed outcome, in time and in little memory.

    python -m benchmarks.drills.fuzz_images --count 50000

Real: the sandbox with its children and limits, as the worker runs it. A picture that ends a child is named with its
seed and number, with which `damaged_pictures.damaged_picture` makes it again.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.drills.damaged_pictures import damaged_picture, sound_pictures
from benchmarks.goals import Goal, finish, goal
from gelombang.domain.face_evidence import PhotoOutcome
from workers.gpu_face.faces import Rejected, Subject
from workers.gpu_face.sandbox import Sandbox

MOST_RSS_MIB = 512
LONGEST_S = 2.0
FAULT_OF_OURS = 1  # what Python exits with after an exception that nobody expected
AT_ONCE = 500  # pictures between two steps of the progress
SELFIE_SIDE_PX = 480  # as the pipeline decodes a selfie first


@dataclass(slots=True)
class Findings:
    """What came of the pictures."""

    outcomes: Counter[PhotoOutcome] = field(default_factory=Counter)
    ended: dict[int, int | None] = field(
        default_factory=dict
    )  # by picture: exit status of the child it ended
    slowest: tuple[float, int] = (0.0, 0)  # seconds, and the picture's number
    child_rss_mib: float = 0.0  # of the largest child

    def __add__(self, other: Findings) -> Findings:
        """Return both together."""
        return Findings(
            self.outcomes + other.outcomes,
            self.ended | other.ended,
            max(self.slowest, other.slowest),
            max(self.child_rss_mib, other.child_rss_mib),
        )


def fuzz(count: int, seed: int, children: int) -> Iterator[Findings]:
    """Yield what is found in one portion of the pictures after another, at last the children's memory."""
    sound = sound_pictures()
    with ThreadPoolExecutor(children) as threads, ExitStack() as lanes:
        each = [lanes.enter_context(closing(Lane(sound, seed))) for _ in range(children)]
        for start in range(0, count, AT_ONCE):
            end = min(start + AT_ONCE, count)
            shares = [range(start + i, end, children) for i in range(children)]
            yield sum(threads.map(Lane.decode, each, shares), Findings())
    yield Findings(child_rss_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


class Lane:
    """One child with the pictures it has had."""

    def __init__(self, sound: Sequence[bytes], seed: int) -> None:
        self._sound, self._seed = sound, seed
        self._ended: list[int | None] = []
        self._sandbox = Sandbox(1, self._ended.append)

    def close(self) -> None:
        """End the child."""
        self._sandbox.close()

    def decode(self, numbers: Sequence[int]) -> Findings:
        """Return what came of the pictures with these numbers."""
        return sum(map(self._decode, numbers), Findings())

    def _decode(self, number: int) -> Findings:
        content = damaged_picture(self._sound, self._seed, number)
        began = time.monotonic()
        picture = self._sandbox.decode_picture(content, Subject.SELFIE, SELFIE_SIDE_PX)
        took_s = time.monotonic() - began
        outcome = picture.outcome if isinstance(picture, Rejected) else PhotoOutcome.ASSESSED
        ended = {number: self._ended[-1]} if self._ended else {}
        self._ended.clear()
        return Findings(Counter({outcome: 1}), ended, (took_s, number))


def main(
    count: Annotated[int, typer.Option(help="How many pictures.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same pictures.")] = 1,
    children: Annotated[int, typer.Option(help="Decoding children.")] = 2,
) -> None:
    """Decode damaged pictures and say whether each came to a typed outcome."""
    portions = track(
        fuzz(count, seed, children), "Decoding", -(-count // AT_ONCE) + 1, console=Console(stderr=True)
    )
    began = time.monotonic()
    found = sum(portions, Findings())
    took_s = time.monotonic() - began
    print(
        f"{found.outcomes.total()} pictures in {took_s:.0f} s, seed {seed}; ASSESSED is said of what was decoded"
    )
    print("  " + ", ".join(f"{outcome} {n}" for outcome, n in found.outcomes.most_common()))
    for number, ended in found.ended.items():
        print(f"  picture {number} ended a child: {'silent' if ended is None else ended}")
    finish("fuzz-images", goals_of(found, count))


def fuzzed(count: int, seed: int, children: int) -> Findings:
    """Return what came of `count` damaged pictures; the largest child is that of this whole process."""
    return sum(fuzz(count, seed=seed, children=children), Findings())


def goals_of(found: Findings, count: int) -> list[Goal]:
    """Return what was wanted of `count` pictures and what came of them."""
    typed = found.outcomes.total() - found.outcomes[PhotoOutcome.NOT_MEASURED]
    ours = [number for number, ended in found.ended.items() if ended == FAULT_OF_OURS]
    longest_s, number = found.slowest
    return [
        goal("typed-outcomes", f"{typed}", f"all of {count}", typed == count),
        goal("faults-of-ours", f"{len(ours)}", "0", not ours),
        goal("child-rss", f"{found.child_rss_mib:.0f} MiB", "≤ 512 MiB", found.child_rss_mib <= MOST_RSS_MIB),
        goal("longest", f"{longest_s:.2f} s, picture {number}", "≤ 2 s", longest_s <= LONGEST_S),
    ]


if __name__ == "__main__":
    typer.run(main)
