"""What the face worker takes from its environment besides the settings of every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gelombang.domain.messages import QueueName
from gelombang.settings import read_settings
from workers.gpu_face.batching import BatchLimits

POLL_S = 3.0  # below the 5 s after which our SQS client gives up on an answer
# name: default, smallest, largest. At ten a batch the CPU needs some seconds, and SQS gives ten a call.
NUMBERS = {
    "GELOMBANG_FACE_THREADS": (2, 1, 256),
    "GELOMBANG_FACE_BATCH_COUNT": (10, 1, 256),
    "GELOMBANG_FACE_BATCH_MEGAPIXELS": (64, 1, 4096),
    "GELOMBANG_FACE_BATCH_AGE_S": (0, 0, 20),
    "GELOMBANG_FACE_VISIBILITY_S": (60, 3, 43_200),
}


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """How this worker runs; names in docs/architecture.md."""

    queue_url: str
    pack: str
    provider: str  # as onnxruntime names it; the worker refuses to start on another
    threads: int
    limits: BatchLimits
    group_pixels: int  # decoded, of photographs that a lane measures together
    visibility_s: int
    gallery: Path | None  # a folder for this worker's copy of the gallery; None keeps it in memory
    gallery_snapshot: str | None  # a folder or s3://bucket/prefix to begin from and to mend a damaged copy
    gallery_url: str | None = None  # of a Qdrant server with one gallery for all workers, in place of copies
    gallery_secret: str | None = None  # the name of that server's API key in Parameter Store


def read_face_settings(environment: Mapping[str, str]) -> FaceSettings:
    """Return the worker's settings.

    Raises:
        ValueError: settings are missing, outside their range or at odds; all numbers that are wrong are named.
    """
    shared = read_settings(environment)
    texts = {name: environment.get(name) or str(default) for name, (default, _, _) in NUMBERS.items()}
    wrong = [
        f"{name} ({least}..{most})"
        for name, (_, least, most) in NUMBERS.items()
        if not (texts[name].isascii() and texts[name].isdigit() and least <= int(texts[name]) <= most)
    ]
    if wrong:
        raise ValueError(f"not a whole number in its range: {', '.join(wrong)}")
    _check_gallery(environment)
    threads, batch_count, megapixels, batch_age_s, visibility_s = (int(text) for text in texts.values())
    return FaceSettings(
        queue_url=shared.queue_urls[QueueName.FACE_REQUESTS],
        pack=environment.get("GELOMBANG_PACK") or "default",
        provider=environment.get("GELOMBANG_FACE_PROVIDER") or "CPUExecutionProvider",
        threads=threads,
        limits=BatchLimits(batch_count, float(batch_age_s), POLL_S),
        group_pixels=megapixels * 1_000_000,
        visibility_s=visibility_s,
        gallery=Path(folder) if (folder := environment.get("GELOMBANG_GALLERY")) else None,
        gallery_snapshot=environment.get("GELOMBANG_GALLERY_SNAPSHOT") or None,
        gallery_url=environment.get("GELOMBANG_GALLERY_URL") or None,
        gallery_secret=environment.get("GELOMBANG_GALLERY_SECRET") or None,
    )


def _check_gallery(environment: Mapping[str, str]) -> None:
    """Raise a ValueError unless the gallery is either the worker's own copy or the one at a server's URL."""
    url, secret = environment.get("GELOMBANG_GALLERY_URL"), environment.get("GELOMBANG_GALLERY_SECRET")
    if secret and not (url and url.startswith("https://")):
        raise ValueError("GELOMBANG_GALLERY_SECRET is sent to a GELOMBANG_GALLERY_URL with https:// only")
    if not url:
        return
    if environment.get("GELOMBANG_GALLERY") or environment.get("GELOMBANG_GALLERY_SNAPSHOT"):
        raise ValueError(
            "GELOMBANG_GALLERY_URL takes the place of GELOMBANG_GALLERY and its snapshot: unset them"
        )
    try:
        parts = urlsplit(url)
        is_address = bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:  # its words repeat the address
        is_address = False
    if not is_address or "@" in url:
        raise ValueError(
            "GELOMBANG_GALLERY_URL is no http(s):// address of a Qdrant server, without a password"
        )
