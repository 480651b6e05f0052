"""The sandbox: what decoding gives outside is what it gives inside, and nothing a picture does reaches the worker."""

from __future__ import annotations

import io
import os
import re
import resource
import signal
import threading
import time
from collections.abc import Iterator
from math import isqrt
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from gelombang.domain.face_evidence import PhotoOutcome
from workers.gpu_face import sandbox as sandbox_module
from workers.gpu_face.decoding_child import CONTENT_ROOM
from workers.gpu_face.faces import Picture, Rejected, Subject
from workers.gpu_face.sandbox import DecodingChild, Sandbox
from workers.gpu_face.stages.decode import MAX_PIXELS_OF, decode_picture

UNREADABLE = Rejected(PhotoOutcome.UNREADABLE)
MOST_RSS_MIB = 512
SIDE_PX = 5000  # squared: the most pixels there may be


class Watched(Sandbox):
    """One child, and how those before it ended."""

    def __init__(self) -> None:
        self.endings: list[int | None] = []
        super().__init__(1, self.endings.append)

    def child(self) -> DecodingChild:
        """Return the child of the moment, which is idle."""
        child = self._idle.get()
        self._idle.put(child)
        return child


@pytest.fixture
def sandbox() -> Iterator[Watched]:
    with Watched() as sandbox:
        yield sandbox


def drawn(width: int, height: int) -> Image.Image:
    chance = np.random.default_rng(7)
    return Image.fromarray(chance.integers(0, 255, (30, 40, 3), np.uint8)).resize((width, height))


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def scan_bomb(scan_count: int) -> bytes:
    """Return a small progressive JPEG of 25 MP that asks for its pixels to be gone over again and again."""
    sound = encoded(Image.new("L", (SIDE_PX, SIDE_PX), 90), "JPEG", progressive=True)
    last_scan = sound[sound.rindex(b"\xff\xda") : -2]
    return sound[:-2] + last_scan * scan_count + sound[-2:]


@pytest.mark.parametrize("least_side_px", [480, 1280])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "GIF", "PDF"])
def test_a_child_decodes_as_this_process_does(sandbox: Watched, kind: str, least_side_px: int) -> None:
    content = encoded(drawn(1400, 1100), kind)

    for photograph in (content, content[:-100], content[:50], b""):
        inside = sandbox.decode_picture(photograph, Subject.KTP, least_side_px)
        outside = decode_picture(photograph, Subject.KTP, least_side_px)
        if isinstance(outside, Picture) and isinstance(inside, Picture):
            assert (inside.subject, inside.reduction) == (outside.subject, outside.reduction)
            assert (inside.pixels == outside.pixels).all()
        else:
            assert inside == outside
    assert sandbox.endings == []


def test_the_largest_pictures_of_each_kind_fit_into_a_child(sandbox: Watched) -> None:
    size = (SIDE_PX, SIDE_PX)
    webp_size = (isqrt(MAX_PIXELS_OF["WEBP"]),) * 2
    contents = {  # the dearest first: a fresh child has no freed memory to give it
        "WEBP": encoded(Image.new("RGBA", webp_size, (9, 9, 9, 128)), "WEBP", method=0),
        "JPEG": encoded(Image.new("RGB", size, "brown"), "JPEG"),
        "progressive": encoded(Image.new("RGB", size, "brown"), "JPEG", progressive=True),
        "CMYK": encoded(Image.new("CMYK", size), "JPEG"),
        "palette": encoded(Image.new("P", size), "PNG", compress_level=1),
        "RGBA": encoded(Image.new("RGBA", size, (9, 9, 9, 128)), "PNG", compress_level=1),
        "grey and transparent": encoded(Image.new("LA", size, (9, 128)), "PNG", compress_level=1),
        "16 bit": encoded(Image.new("I;16", size, 30_000), "PNG", compress_level=1),
        "HEIC": encoded(Image.new("RGB", size, "brown"), "HEIF", quality=10),
    }

    found = {name: sandbox.decode_picture(content, Subject.SELFIE) for name, content in contents.items()}

    assert [name for name, picture in found.items() if not isinstance(picture, Picture)] == []
    assert most_rss_mib(sandbox.child()) < MOST_RSS_MIB
    assert sandbox.endings == []


def test_a_picture_that_takes_too_long_is_unreadable_within_two_seconds_of_processor_time(
    sandbox: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sandbox_module, "LONGEST_S", 60.0
    )  # on a loaded machine too, the picture's own clock ends it
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    found = sandbox.decode_picture(scan_bomb(3000), Subject.SELFIE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert found == UNREADABLE
    assert sandbox.endings == [-signal.SIGPROF]
    assert 1 < after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.5  # start-up included
    assert isinstance(sandbox.decode_picture(encoded(drawn(64, 64), "PNG"), Subject.SELFIE), Picture)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_child_that_dies_is_replaced_and_the_picture_tried_again(
    sandbox: Watched, number: signal.Signals
) -> None:
    os.kill(sandbox.child().process.pid, number)

    found = sandbox.decode_picture(encoded(drawn(64, 64), "PNG"), Subject.SELFIE)

    assert isinstance(found, Picture)
    assert sandbox.endings == [-number]


@pytest.mark.parametrize(
    ("number", "outcome"),
    [(signal.SIGSEGV, PhotoOutcome.UNREADABLE), (signal.SIGKILL, PhotoOutcome.NOT_MEASURED)],
)
def test_a_picture_at_which_two_children_died_is_at_fault_unless_somebody_killed_them(
    sandbox: Watched, number: signal.Signals, outcome: PhotoOutcome
) -> None:
    slow = scan_bomb(3000)
    killer = threading.Thread(target=kill_twice, args=(sandbox.child(), number))
    killer.start()

    found = sandbox.decode_picture(slow, Subject.SELFIE)
    killer.join()

    assert found == Rejected(outcome)
    assert sandbox.endings == [-number, -number]


def test_a_child_that_gets_nothing_of_the_machine_says_nothing_about_the_picture(
    sandbox: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, "LONGEST_S", 0.3)
    os.kill(sandbox.child().process.pid, signal.SIGSTOP)

    found = sandbox.decode_picture(encoded(drawn(64, 64), "PNG"), Subject.SELFIE)

    assert isinstance(found, Picture)
    assert sandbox.endings == [None]


def test_a_child_can_open_nothing_and_knows_nothing(
    sandbox: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a marker")
    with Sandbox(1, sandbox.endings.append) as another:
        child = another._idle.get()
        another._idle.put(child)
        of = Path(f"/proc/{child.process.pid}")

        limits = (of / "limits").read_text()

        assert re.search(r"Max open files +0 +0", limits)
        assert re.search(r"Max core file size +0 +0", limits)
        assert re.search(rf"Max data size +{384 << 20} +{384 << 20}", limits)
        assert b"a marker" not in (of / "environ").read_bytes()


def test_what_is_larger_than_an_upload_may_be_is_not_even_handed_over(sandbox: Watched) -> None:
    assert sandbox.decode_picture(bytes(CONTENT_ROOM + 1), Subject.SELFIE) == UNREADABLE


def test_children_end_with_the_sandbox() -> None:
    with Watched() as sandbox:
        process = sandbox.child().process

    assert process.poll() is not None


def test_many_threads_share_few_children() -> None:
    contents = [encoded(Image.new("RGB", (64, 64), (shade, 0, 0)), "PNG") for shade in range(40)]
    found: dict[int, Picture | Rejected] = {}
    endings: list[int | None] = []
    with Sandbox(2, endings.append) as sandbox:
        threads = [
            threading.Thread(
                target=lambda i=i: found.update({i: sandbox.decode_picture(contents[i], Subject.KTP)})
            )
            for i in range(len(contents))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [found[i].pixels[0, 0, 2] for i in range(40)] == list(range(40))
    assert endings == []


def most_rss_mib(child: DecodingChild) -> float:
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kib) / 1024


def kill_twice(first: DecodingChild, number: signal.Signals) -> None:
    """Kill the child that has the picture, then the one that has it after it."""
    own = os.getpid()
    before = children_of(own)  # this one's, and those of other tests in the same process
    wait_until_at_work(first.process.pid)
    os.kill(first.process.pid, number)
    while not (others := children_of(own) - before):
        time.sleep(0.01)
    (second,) = others
    wait_until_at_work(second)
    os.kill(second, number)


def wait_until_at_work(pid: int) -> None:
    """Return when the child's clock for a picture runs: it can open nothing, and has used time since."""
    while "Max open files            0 " not in Path(f"/proc/{pid}/limits").read_text():
        time.sleep(0.01)
    begun = cpu_ticks(pid)
    while cpu_ticks(pid) < begun + 10:
        time.sleep(0.01)


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def children_of(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
