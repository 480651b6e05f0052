"""Cleans uploads: each in a process of its own that may crash, hang or swell without harm to ours.

What the process answers is checked again here, byte by byte of its headers: one that an upload has taken over must
not get anything but a plain JPEG into the place of clean copies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from gelombang.domain.errors import DependencyError
from gelombang.domain.reasons import Reason
from gelombang.journey.ports import CleanPicture, RefusedPicture

LONGEST_S = 12.0  # what is the picture's doing ends after 6 s of processor time (`child.CPU_S`)
MOST_CLEAN_BYTES = 24 * 1024 * 1024
SERVICE = "picture cleaner"
REASONS = {
    *(Reason.NOT_AN_IMAGE, Reason.PHOTO_TYPE_NOT_ACCEPTED, Reason.TRUNCATED, Reason.UNREADABLE),
    *(Reason.ANIMATED, Reason.TOO_MANY_PIXELS, Reason.TOO_FEW_PIXELS, Reason.TOO_NARROW),
}
OURS = str(Path(__file__).parents[2])
PICTURES_DOING = {signal.SIGPROF, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}

START, END = b"\xff\xd8", b"\xff\xd9"
JFIF, TABLES, FRAME, HUFFMAN, SCAN = 0xE0, 0xDB, 0xC0, 0xC4, 0xDA
PLAIN = {TABLES, FRAME, HUFFMAN}
JFIF_BYTES = 16  # of its segment, without a thumbnail


class SandboxedPictures:
    """`gelombang.journey.ports.Pictures` by Pillow, in a child process for each picture."""

    def clean(self, content: bytes) -> CleanPicture | RefusedPicture:
        """Return a clean copy of an upload, or why there is none.

        Raises:
            DependencyError: the process could not do its work, for no fault of the upload: try again.
        """
        try:
            done = subprocess.run(
                [sys.executable, "-m", "gelombang.pictures.child"],
                input=content,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=LONGEST_S,
                env={"PYTHONPATH": os.pathsep.join([OURS, *filter(None, sys.path)])},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DependencyError(SERVICE, type(error).__name__) from error
        if -done.returncode in PICTURES_DOING or done.returncode == os.EX_DATAERR:
            return RefusedPicture(Reason.UNREADABLE)
        if done.returncode:
            raise DependencyError(SERVICE, f"ended with {done.returncode}")
        return _answer(done.stdout)


def is_plain_jpeg(content: bytes) -> bool:
    """Say whether a file is one baseline JPEG and nothing else: no metadata, no comment, nothing after its end.

    Source: ITU-T T.81, annex B; JFIF 1.02.
    """
    if content[:2] != START or not content.endswith(END):
        return False
    at = 2
    while at + 4 <= len(content):
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at] != 0xFF or length < 2:  # noqa: PLR2004 - the length counts its own two bytes
            return False
        if kind == SCAN:
            return _is_one_scan(content[at + 2 + length : -2])
        if kind != JFIF and kind not in PLAIN:
            return False
        if kind == JFIF and (length != JFIF_BYTES or content[at + 4 : at + 9] != b"JFIF\0"):
            return False
        at += 2 + length
    return False


def _is_one_scan(data: bytes) -> bool:
    """Say whether entropy-coded data holds no marker: in it each 0xFF is followed by a zero."""
    return data.count(b"\xff") == data.count(b"\xff\x00")


def _answer(said: bytes) -> CleanPicture | RefusedPicture:
    line, _, picture = said.partition(b"\n")
    if line.decode("ascii", "replace") in REASONS:
        return RefusedPicture(line.decode())
    if line.startswith(b"OK ") and len(picture) <= MOST_CLEAN_BYTES and is_plain_jpeg(picture):
        width, height = line.split()[1:]
        return CleanPicture(picture, int(width), int(height))
    return RefusedPicture(Reason.UNREADABLE)  # only a process that was taken over would say something else
