"""The worker's settings: checked whole, before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gelombang.domain.messages import QueueName
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.settings import POLL_S, read_face_settings

SHARED = {
    name: name.lower()
    for name in (
        "GELOMBANG_TABLE",
        "GELOMBANG_KEY_TABLE",
        "GELOMBANG_FACE_KEY_TABLE",
        "GELOMBANG_QUARANTINE_BUCKET",
        "GELOMBANG_PHOTO_BUCKET",
        "GELOMBANG_DOCUMENT_BUCKET",
        "GELOMBANG_ANCHOR_BUCKET",
        "GELOMBANG_SEAL_KEY_ID",
        "GELOMBANG_FACE_SEAL_KEY_ID",
        "GELOMBANG_SIGNING_KEY_ID",
        "GELOMBANG_TAG_KEY_ID",
        "GELOMBANG_REGISTERS_URL",
        "GELOMBANG_PUBLIC_URL",
    )
} | {f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}": f"https://queue/{name}" for name in QueueName}


def test_without_settings_of_its_own_the_worker_runs_the_default_pack_on_the_cpu() -> None:
    settings = read_face_settings(SHARED)

    assert (settings.pack, settings.provider) == ("default", "CPUExecutionProvider")
    assert settings.queue_url == "https://queue/face-requests"
    assert settings.limits == BatchLimits(count=10, age_s=0, poll_s=POLL_S)


def test_every_setting_is_taken_from_the_environment() -> None:
    settings = read_face_settings(
        SHARED
        | {
            "GELOMBANG_PACK": "open",
            "GELOMBANG_FACE_PROVIDER": "CUDAExecutionProvider",
            "GELOMBANG_FACE_THREADS": "1",
            "GELOMBANG_FACE_BATCH_COUNT": "32",
            "GELOMBANG_FACE_BATCH_MEGAPIXELS": "200",
            "GELOMBANG_FACE_BATCH_AGE_S": "1",
            "GELOMBANG_FACE_VISIBILITY_S": "120",
            "GELOMBANG_GALLERY": "/var/gallery",
            "GELOMBANG_GALLERY_SNAPSHOT": "s3://private/gallery",
        }
    )

    assert (settings.pack, settings.provider, settings.threads) == ("open", "CUDAExecutionProvider", 1)
    assert (settings.limits.count, settings.limits.age_s, settings.visibility_s) == (32, 1, 120)
    assert settings.group_pixels == 200_000_000
    assert (settings.gallery, settings.gallery_snapshot) == (Path("/var/gallery"), "s3://private/gallery")


def test_a_gallery_shared_by_all_workers_is_taken_from_the_environment() -> None:
    shared = {"GELOMBANG_GALLERY_URL": "https://gallery", "GELOMBANG_GALLERY_SECRET": "/gelombang/gallery"}

    settings = read_face_settings(SHARED | shared)

    assert (settings.gallery_url, settings.gallery_secret) == ("https://gallery", "/gelombang/gallery")
    assert (settings.gallery, settings.gallery_snapshot) == (None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"GELOMBANG_GALLERY_URL": "gallery:6333"},
        {"GELOMBANG_GALLERY_URL": "https://somebody:word@gallery"},
        {"GELOMBANG_GALLERY_URL": "http://gallery:many"},
        {"GELOMBANG_GALLERY_URL": "http://gallery:6333", "GELOMBANG_GALLERY_SECRET": "/gelombang/gallery"},
        {"GELOMBANG_GALLERY_SECRET": "/gelombang/gallery"},
        {"GELOMBANG_GALLERY_URL": "http://gallery:6333", "GELOMBANG_GALLERY": "/var/gallery"},
        {
            "GELOMBANG_GALLERY_URL": "http://gallery:6333",
            "GELOMBANG_GALLERY_SNAPSHOT": "s3://private/gallery",
        },
    ],
)
def test_a_gallery_in_two_places_or_at_no_address_is_refused_without_saying_the_address(
    wrong: dict[str, str],
) -> None:
    with pytest.raises(ValueError, match="GELOMBANG_GALLERY_") as caught:
        read_face_settings(SHARED | wrong)

    assert "gallery:" not in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")


def test_all_wrong_numbers_are_named_at_once() -> None:
    wrong = {
        "GELOMBANG_FACE_THREADS": "0",
        "GELOMBANG_FACE_BATCH_COUNT": "ten",
        "GELOMBANG_FACE_BATCH_MEGAPIXELS": "0",
        "GELOMBANG_FACE_BATCH_AGE_S": "-1",
        "GELOMBANG_FACE_VISIBILITY_S": "²",
    }

    with pytest.raises(ValueError, match="range") as caught:
        read_face_settings(SHARED | wrong)

    assert all(name in str(caught.value) for name in wrong)


def test_a_missing_setting_of_every_process_is_named() -> None:
    with pytest.raises(ValueError, match="GELOMBANG_TABLE"):
        read_face_settings({name: value for name, value in SHARED.items() if name != "GELOMBANG_TABLE"})


def test_a_worker_with_wrong_settings_names_them_and_ends() -> None:
    wrong = SHARED | {"GELOMBANG_FACE_THREADS": "many"}
    command = [sys.executable, "-m", "workers.gpu_face"]

    done = subprocess.run(command, env=os.environ | wrong, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "GELOMBANG_FACE_THREADS (1..256)" in done.stdout
