"""What decoding in a child costs: the same pictures in this process and in the sandbox, in turns, processor time.

    python -m benchmarks.drills.sandbox_cost

Processor time of both sides together, because waiting depends on what else the machine does. Before it, what the
codec alone takes of bench-face's photographs at each scale a JPEG can be decoded at: an eighth in grey is hardly more
than reading its entropy code, which no scale makes cheaper.
"""

from __future__ import annotations

import io
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pillow_heif
import typer
from PIL import Image

from benchmarks.goals import finish, goal
from benchmarks.speed.pictures import made_pictures
from workers.gpu_face.faces import Subject
from workers.gpu_face.sandbox import DecodingChild
from workers.gpu_face.stages.decode import AT_ONCE_BYTES, REDUCED_SIDE_PX, decode_picture

MOST_EXTRA_MS = 5.0
PICTURES = {
    "1280 x 960 JPEG": ((1280, 960), "JPEG"),
    "12 MP JPEG": ((4000, 3000), "JPEG"),
    "1280 x 960 HEIC": ((1280, 960), "HEIF"),
}
SCALES = ((1, "RGB"), (2, "RGB"), (4, "RGB"), (8, "RGB"), (8, "L"))
PHOTOGRAPHS = 8
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def main(
    rounds: Annotated[int, typer.Option(help="Turns of each side.")] = 5,
    times: Annotated[int, typer.Option(help="Pictures a turn; a child's clock counts in hundredths.")] = 30,
) -> None:
    """Compare decoding here with decoding in a child."""
    pillow_heif.register_heif_opener()
    _print_scales(rounds)
    child = DecodingChild()
    child.wait_until_ready()
    extra_ms: dict[str, float] = {}
    for name, (size, kind) in PICTURES.items():
        content = _drawn(size, kind)
        sides: list[tuple[Callable[[], object], list[float]]] = [
            (partial(decode_picture, content, Subject.KTP), []),
            (partial(child.decode, content, Subject.KTP, REDUCED_SIDE_PX), []),
        ]
        for _ in range(rounds):
            for decode, found_ms in sides:
                began = _spent_s(child)
                for _ in range(times):
                    decode()
                found_ms.append((_spent_s(child) - began) * 1000 / times)
        here_ms, there_ms = (statistics.median(found_ms) for _, found_ms in sides)
        extra_ms[name] = there_ms - here_ms
        print(
            f"{name:16} here {here_ms:6.1f} ms, in a child {there_ms:6.1f} ms, ratio {there_ms / here_ms:.2f}"
        )
    child.stop()
    worst = max(extra_ms, key=extra_ms.__getitem__)
    finish(
        "sandbox-cost",
        [
            goal(
                "extra-a-picture",
                f"{extra_ms[worst]:.1f} ms at {worst}",
                f"≤ {MOST_EXTRA_MS:.0f} ms",
                extra_ms[worst] <= MOST_EXTRA_MS,
            )
        ],
    )


def _print_scales(rounds: int) -> None:
    contents = [sample.content for sample in made_pictures(PHOTOGRAPHS)]
    kib = sum(map(len, contents)) / len(contents) / 1024
    for scale, mode in SCALES:
        found_ms = []
        for _ in range(rounds):
            began = time.process_time()
            for content in contents:
                with Image.open(io.BytesIO(content)) as image:
                    image.draft(mode, (image.width // scale, image.height // scale))
                    image.decodermaxblock = AT_ONCE_BYTES
                    image.load()
            found_ms.append((time.process_time() - began) * 1000 / len(contents))
        print(
            f"the codec alone, JPEG of {kib:.0f} KiB at 1/{scale} {mode:3}: {statistics.median(found_ms):.2f} ms"
        )


def _drawn(size: tuple[int, int], kind: str) -> bytes:
    coarse = np.random.default_rng(1).integers(0, 255, (40, 52, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(content, kind, quality=85)
    return content.getvalue()


def _spent_s(child: DecodingChild) -> float:
    """Return the processor time this process and the child have used."""
    fields = Path(f"/proc/{child.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) * TICK_S


if __name__ == "__main__":
    typer.run(main)
