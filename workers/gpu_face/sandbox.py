"""The sandbox: photographs are decoded in child processes that may crash, hang or swell without harm to the worker.

    content ─▶ shared memory ─▶ child: `stages.decode` under limits ─▶ shared memory ─▶ pixels
                                  │ died: a new child, once more
                                  ▼
               UNREADABLE when it is the picture's doing, NOT_MEASURED when somebody else killed or starved the child

A child is its own program (`decoding_child`), started afresh, so it carries nothing of the worker's: no session, no
thread, no credentials. Cost a picture: docs/decisions/0010-decoding-in-a-child.md.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Self, cast

import numpy as np

from gelombang.domain.errors import DependencyError
from gelombang.domain.face_evidence import PhotoOutcome
from workers.gpu_face.decoding_child import CONTENT_ROOM, MEMORY_BYTES, OUTCOMES, REPLY, REQUEST
from workers.gpu_face.faces import Picture, Rejected, Subject
from workers.gpu_face.stages.decode import MAX_PIXELS, REDUCED_SIDE_PX

# Of waiting for one picture. What is the picture's doing ends after 1.5 s of processor time (`decoding_child.CPU_S`);
# only a machine with three times more work than processors lets a child be silent for longer.
LONGEST_S = 5.0
START_S = 20.0
END_S = 0.2  # from the last word of a child that ends to its end
MOST_REDUCTION = 8
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "OPENBLAS_NUM_THREADS": "1",
    # glibc would give each picture's memory back and fault it in again: 4,200 page faults and 15 ms for 1280 x 960
    # instead of none and 5.6 ms (2026-11-21).
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """Why a child did not answer, and whether another try may tell more; `ended` is its exit status, None: silent."""

    ended: int | None
    outcome: PhotoOutcome
    is_worth_a_try: bool


class Sandbox:
    """A few children that decode; safe to use from several threads at once."""

    def __init__(self, child_count: int, notice: Callable[[int | None], None]) -> None:
        """Start the children; `notice` is called with the exit status of each that fails, None for a silent one.

        Raises:
            DependencyError: one did not come up.
        """
        children = [DecodingChild() for _ in range(child_count)]
        self._idle: SimpleQueue[DecodingChild] = SimpleQueue()
        self._child_count = child_count
        self._notice = notice
        for child in children:
            child.wait_until_ready()
            self._idle.put(child)

    def __enter__(self) -> Self:
        """Return the sandbox; it is closed at the end of the block."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the children, each after the picture it has."""
        for _ in range(self._child_count):
            self._idle.get().stop()

    def decode_picture(
        self, content: bytes, subject: Subject, least_side_px: int = REDUCED_SIDE_PX
    ) -> Picture | Rejected:
        """Return what `stages.decode.decode_picture` does, whatever the content does to its decoder.

        Raises:
            DependencyError: a child that had died could not be replaced.
        """
        if len(content) > CONTENT_ROOM:
            return Rejected(PhotoOutcome.UNREADABLE)
        child = self._idle.get()
        try:
            found = child.decode(content, subject, least_side_px)
            if isinstance(found, Fate):
                child = self._replacement_of(child, found)
            if isinstance(found, Fate) and found.is_worth_a_try:
                found = child.decode(content, subject, least_side_px)
                if isinstance(found, Fate):
                    child = self._replacement_of(child, found)
            return Rejected(found.outcome) if isinstance(found, Fate) else found
        finally:
            self._idle.put(child)

    def _replacement_of(self, child: DecodingChild, fate: Fate) -> DecodingChild:
        """Return a new child in the place of one that is of no more use; without one, the old keeps its place."""
        self._notice(fate.ended)
        new = DecodingChild()
        try:
            new.wait_until_ready()
        except DependencyError:
            new.stop()
            raise
        child.stop()
        return new


class DecodingChild:
    """One child process and the memory shared with it; for one thread at a time."""

    def __init__(self) -> None:
        handle = os.memfd_create("photograph")  # never a file on a disk
        try:
            os.ftruncate(handle, MEMORY_BYTES)
            self._memory = mmap.mmap(handle, MEMORY_BYTES)
            self.process = subprocess.Popen(  # noqa: S603 - our own module, with a number of ours
                [sys.executable, "-m", "workers.gpu_face.decoding_child", str(handle)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(handle,),
                env=ENVIRONMENT,
            )
        finally:
            os.close(handle)

    def wait_until_ready(self) -> None:
        """Return once the child waits for pictures.

        Raises:
            DependencyError: it did not come up; its last words are on standard error.
        """
        if self._reply(START_S) is None:
            raise DependencyError("decoding child", "did not start")

    def decode(self, content: bytes, subject: Subject, least_side_px: int) -> Picture | Rejected | Fate:
        """Return what the child makes of the content, or why it answered nothing: then it is of no more use."""
        self._memory[: len(content)] = content
        try:
            cast("IO[bytes]", self.process.stdin).write(REQUEST.pack(len(content), least_side_px))
        except BrokenPipeError:
            return self._fate()
        reply = self._reply(LONGEST_S)
        if reply is None or not _is_possible(reply):
            return self._fate()
        outcome, width_px, height_px, height, width, reduction = reply
        if OUTCOMES[outcome] is not PhotoOutcome.ASSESSED:
            return Rejected(OUTCOMES[outcome], width_px, height_px)
        pixels = np.frombuffer(self._memory, np.uint8, height * width * 3, CONTENT_ROOM)
        return Picture(pixels.reshape(height, width, 3).copy(), subject, reduction)

    def stop(self) -> None:
        """End the child at once and free what was shared with it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            cast("IO[bytes]", pipe).close()
        self._memory.close()

    def _reply(self, within_s: float) -> tuple[int, ...] | None:
        """Return the child's next answer, or None when it ended, or was silent for so long."""
        pipe = cast("IO[bytes]", self.process.stdout)
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        answer = pipe.read(REPLY.size) if waiting.poll(within_s * 1000) else b""
        return REPLY.unpack(answer) if len(answer) == REPLY.size else None

    def _fate(self) -> Fate:
        """Say what the silence of the child means for its picture."""
        try:
            ended = self.process.wait(END_S)
        except (
            subprocess.TimeoutExpired
        ):  # its processor time was not used up: the machine gave it too little
            self.process.kill()
            return Fate(None, PhotoOutcome.NOT_MEASURED, is_worth_a_try=True)
        if ended == -signal.SIGPROF:  # its processor time was used up
            return Fate(ended, PhotoOutcome.UNREADABLE, is_worth_a_try=False)
        if ended == -signal.SIGKILL:  # from outside, or by the kernel when the whole machine lacks memory
            return Fate(ended, PhotoOutcome.NOT_MEASURED, is_worth_a_try=True)
        return Fate(ended, PhotoOutcome.UNREADABLE, is_worth_a_try=True)


def _is_possible(reply: tuple[int, ...]) -> bool:
    """Say whether an answer can be a child's own: one that was taken over could write anything."""
    outcome, _, _, height, width, reduction = reply
    return outcome < len(OUTCOMES) and height * width <= MAX_PIXELS and 1 <= reduction <= MOST_REDUCTION
