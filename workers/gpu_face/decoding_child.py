"""The child process in which photographs are decoded: `python -m workers.gpu_face.decoding_child MEMORY`.

    standard input  ─▶ length of the content in the shared memory, least side to decode (REQUEST)
    standard output ◀─ what became of it; the pixels lie in the shared memory           (REPLY)

The parent and this child share a piece of memory: `CONTENT_ROOM` bytes for the content, after them the pixels. Before
the first picture the child gives up what it does not need: it can open no file and no connection (RLIMIT_NOFILE),
has no credentials in its environment, and its private memory and its processor time have ends. It ends with its
standard input, so with its parent.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import struct
import sys

import numpy as np

# Imported here because a process that may open no file cannot import on demand.
from PIL import JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from gelombang.domain.face_evidence import PhotoOutcome
from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.stages.decode import MAX_PIXELS, decode_picture

CONTENT_ROOM = 16 * 1024 * 1024  # an upload is at most 15 MiB
MEMORY_BYTES = CONTENT_ROOM + 3 * MAX_PIXELS
# Of private memory (RLIMIT_DATA). With 40 MiB of libraries and 88 MiB shared the child stays below 512 MiB; the
# dearest picture there is, a 25 MP PNG with transparency, needs 330 (2026-11-21).
PRIVATE_BYTES = 384 * 1024 * 1024
CPU_S = 1.5  # of processor time for one picture; the largest takes half of it

REQUEST = struct.Struct("<2I")  # bytes of content, shorter side in px that a JPEG keeps at least
REPLY = struct.Struct(
    "<6I"
)  # outcome, width and height of the file, height and width of the pixels, reduction
OUTCOMES = tuple(PhotoOutcome)
PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)


def main() -> int:
    """Decode until standard input ends."""
    memory = mmap.mmap(int(sys.argv[1]), MEMORY_BYTES)
    decode_picture(b"", Subject.SELFIE)  # what is learned at the first picture is learned now
    _give_up_rights()
    os.write(1, REPLY.pack(*[0] * 6))  # ready
    while len(request := os.read(0, REQUEST.size)) == REQUEST.size:
        length, least_side_px = REQUEST.unpack(request)
        signal.setitimer(signal.ITIMER_PROF, CPU_S)  # SIGPROF ends a process that does not expect it
        reply = _decode(memory, length, least_side_px)
        signal.setitimer(signal.ITIMER_PROF, 0)
        os.write(1, REPLY.pack(*reply))
    return 0


def _give_up_rights() -> None:
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # the worker finishes its batch after them, and needs us for it
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # decoders write there what they think of a picture
    os.close(silence)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the photograph
    resource.setrlimit(resource.RLIMIT_DATA, (PRIVATE_BYTES, PRIVATE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _decode(memory: mmap.mmap, length: int, least_side_px: int) -> tuple[int, ...]:
    try:
        found = decode_picture(memory[:length], Subject.SELFIE, least_side_px)  # the parent knows whose it is
    except MemoryError:
        os._exit(os.EX_OSERR)  # perhaps an earlier picture's doing: the parent tries once more in a new child
    if not isinstance(found, Picture):
        return OUTCOMES.index(found.outcome), found.width_px, found.height_px, 0, 0, 1
    height, width = found.pixels.shape[:2]
    room = np.frombuffer(memory, np.uint8, found.pixels.size, CONTENT_ROOM)
    room[:] = found.pixels.reshape(-1)
    return OUTCOMES.index(PhotoOutcome.ASSESSED), 0, 0, height, width, found.reduction


if __name__ == "__main__":
    sys.exit(main())
