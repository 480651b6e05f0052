"""Lets one worker work for a while and watches its memory: does it stay flat?

    python -m benchmarks.drills.soak_worker --seconds 3600

Real: the consumer, the pipeline with the default pack, the sandbox and its children. Not real: table and queues are a
SQLite file, and one person's photographs stand in for everybody's, in many sizes and formats and now and then damaged.
Memory is that of the worker and its children; the gallery rightly grows by half a KB an applicant.
"""

from __future__ import annotations

import io
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated

import pillow_heif
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.drills.damaged_pictures import damaged_picture, sound_pictures
from benchmarks.drills.durable_store import DurableStore, LabellingVault
from benchmarks.goals import finish, goal
from gelombang.aws.clock import SystemClock
from gelombang.domain.messages import FaceCheckAsked, message_to_json
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.observability import event_logger
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Worker, work_once
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import load_pack
from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.pipeline import check_faces
from workers.gpu_face.poison import unmeasured_evidence
from workers.gpu_face.sandbox import Sandbox

BATCH = 5
DAMAGED = 12  # of the pictures
SIDES_PX = (240, 400, 640, 900, 1400, 2200)
KINDS = ("JPEG", "PNG", "WEBP", "HEIF")
MOST_GROWTH = 0.03  # of the memory, from the middle third of the time to the last
VISIBILITY_S = 300.0


def soak(folder: Path, seconds: float) -> Iterator[float]:
    """Yield the memory of the worker and its children, MiB, after each batch."""
    store = DurableStore(folder / "store.sqlite", VISIBILITY_S)
    store.create()
    world = memory_world(MemoryRegisters([]))
    pictures = _pictures()
    for i, content in enumerate(pictures):
        world.photos.keep(f"picture-{i}", content)
    ports = replace(world.ports, rows=store, queues=store, clock=SystemClock())
    build_pack("default")
    pack = load_pack("default", threads=2)
    gallery = Gallery(store, pack.release, vault=LabellingVault())
    log = event_logger("soak-worker")
    log.setLevel("CRITICAL")
    with Sandbox(pack.lanes, lambda _ended: None) as sandbox:
        worker = Worker(
            ports=ports,
            source=store,
            check=partial(check_faces, pack, gallery, decode=sandbox.decode_picture),
            unmeasured=partial(unmeasured_evidence, pack.release, pack.runtime),
            limits=BatchLimits(BATCH, 0, 0),
            visibility_s=VISIBILITY_S,
            log=log,
        )
        end, asked = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for name in range(asked, asked + BATCH):
                selfie, ktp = f"picture-{name % len(pictures)}", f"picture-{7 * name % len(pictures)}"
                store.put([message_to_json(FaceCheckAsked(f"{name}-1", f"{name}", selfie, ktp))])
            asked += BATCH
            work_once(worker, store.receive(BATCH, 0))
            yield _memory_mib()


def main(
    seconds: Annotated[int, typer.Option(help="How long; an hour shows what a minute cannot.")] = 60,
) -> None:
    """Let a worker work and say whether its memory stayed flat."""
    folder = Path(tempfile.mkdtemp(prefix="soak-worker-"))
    memory_mib = list(track(soak(folder, seconds), "Soaking", total=None, console=Console(stderr=True)))
    shutil.rmtree(folder)
    third = len(memory_mib) // 3
    middle, last = (statistics.median(part) for part in (memory_mib[third : 2 * third], memory_mib[-third:]))
    growth = last / middle - 1
    print(f"{len(memory_mib) * BATCH} face checks in {seconds} s; worker and children: {last:.0f} MiB")
    wanted = f"at most {MOST_GROWTH:.0%} from the middle third to the last"
    finish("soak-worker", [goal("memory-growth", f"{growth:+.1%}", wanted, growth <= MOST_GROWTH)])


def _pictures() -> list[bytes]:
    """Return one person's photographs in many sizes and formats, and pictures that are none any more."""
    pillow_heif.register_heif_opener()
    data = (resources.files("skimage") / "data/astronaut.png").read_bytes()
    portrait = Image.open(io.BytesIO(data)).convert("RGB")
    found = []
    for side_px in SIDES_PX:
        for kind in KINDS:
            content = io.BytesIO()
            portrait.resize((side_px, side_px)).save(content, kind)
            found.append(content.getvalue())
    sound = sound_pictures()
    return found + [damaged_picture(sound, 1, number) for number in range(DAMAGED)]


def _memory_mib() -> float:
    """Return the resident memory of this process and its children."""
    own = Path("/proc/self")
    children = " ".join(each.read_text("utf-8") for each in own.glob("task/*/children")).split()
    statuses = [own / "status", *(Path(f"/proc/{child}/status") for child in children)]
    lines = (line for status in statuses for line in status.read_text("utf-8").splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


if __name__ == "__main__":
    typer.run(main)
