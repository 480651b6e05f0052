r"""The process in which one upload is cleaned: `python -m gelombang.pictures.child`.

    standard input  ─▶ the upload
    standard output ◀─ "OK <width> <height>\n" and a clean baseline JPEG, or "<REASON>\n"

It can open no file and no connection, and its memory and processor time have ends (`sandbox` says what each of its
ends means). A fresh process for each picture: nothing of one is there for the next.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from io import BytesIO

# Imported here because a process that may open no file cannot import on demand.
from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from gelombang.pictures.reading import Unreadable, learn_heif, read_picture

QUALITY = 92  # of 100: no step that the face worker or a reviewer could see; a 12 MP picture takes about 3 MB
PRIVATE_BYTES = 768 * 1024 * 1024  # RLIMIT_DATA; the dearest picture, a HEIC of 50 MP, needs about 500 MiB
CPU_S = 6.0  # of processor time; the dearest picture takes half of it
PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)


def main() -> int:
    """Clean what standard input holds."""
    learn_heif()
    content = sys.stdin.buffer.read()
    _give_up_rights()
    try:
        answer = _cleaned(content)
    except MemoryError:
        return os.EX_DATAERR
    while answer:
        answer = answer[os.write(1, answer) :]
    return 0


def _cleaned(content: bytes) -> bytes:
    picture = read_picture(content)
    if isinstance(picture, Unreadable):
        return f"{picture.reason}\n".encode()
    picture.info = {}  # Pillow would write comments and profiles of the original again
    encoded = BytesIO()
    picture.save(encoded, "JPEG", quality=QUALITY, progressive=False)
    return f"OK {picture.width} {picture.height}\n".encode() + encoded.getvalue()


def _give_up_rights() -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    Image.init()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # decoders write there what they think of a picture
    os.close(silence)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the photograph
    resource.setrlimit(resource.RLIMIT_DATA, (PRIVATE_BYTES, PRIVATE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    signal.setitimer(signal.ITIMER_PROF, CPU_S)  # SIGPROF ends a process that does not expect it


if __name__ == "__main__":
    sys.exit(main())
