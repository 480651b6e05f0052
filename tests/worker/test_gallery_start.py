"""The worker's start: its gallery is opened where the settings say, mended where it is damaged, and compacted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto import mock_aws

from gelombang.domain.errors import DependencyError
from gelombang.observability import event_logger
from tests.worker.qdrant_over_http import qdrant_over_http
from tests.worker.search_faces import strangers
from workers.gpu_face.__main__ import NotInstalledError, _open_store
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.search.snapshot import FolderSnapshots, take_snapshot
from workers.gpu_face.search.store import Store
from workers.gpu_face.settings import FaceSettings

AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    "AWS_REGION": "ap-southeast-3",
}
SETTINGS = FaceSettings(
    queue_url="",
    pack="default",
    provider="CPUExecutionProvider",
    threads=1,
    limits=BatchLimits(1, 0, 0),
    visibility_s=60,
    group_pixels=1_000_000,
    gallery=None,
    gallery_snapshot=None,
)
FACES = strangers(1, 20, 32)


@pytest.fixture
def settings(tmp_path: Path) -> FaceSettings:
    """A gallery of twenty with a snapshot of it."""
    with Store(tmp_path / "gallery" / "test-1", "test-1") as store:
        for i, face in enumerate(FACES):
            store.append(f"person-{i}", i, face)
        store.note_read(1)
        take_snapshot(store, FolderSnapshots(tmp_path / "snapshot"))
    return replace(SETTINGS, gallery=tmp_path / "gallery", gallery_snapshot=str(tmp_path / "snapshot"))


def test_without_a_folder_the_gallery_is_kept_in_memory() -> None:
    assert isinstance(_open_store(SETTINGS, "test-1", event_logger("test")), MemoryStore)


def test_a_gallery_at_a_url_whose_server_does_not_answer_stops_the_start() -> None:
    settings = replace(SETTINGS, gallery_url="http://127.0.0.1:9")

    with pytest.raises(DependencyError, match="qdrant"):
        _open_store(settings, "test-1", event_logger("test"))


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_a_gallery_at_a_url_is_opened_with_the_key_that_parameter_store_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(), qdrant_over_http("1.20.0", "the key") as (url, _):
        boto3.client("ssm").put_parameter(Name="/gallery", Value="the key", Type="SecureString")
        settings = replace(SETTINGS, gallery_url=url, gallery_secret="/gallery")

        store = _open_store(settings, "test-1", event_logger("test"))
        store.append("person-1", 1, FACES[1])

        assert len(store) == 1


def test_a_gallery_at_a_url_without_its_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "workers.gpu_face.search.qdrant", raising=False)
    monkeypatch.setitem(sys.modules, "qdrant_client", None)

    with pytest.raises(NotInstalledError, match=r"qdrant_client: pip install 'gelombang\[distributed\]'"):
        _open_store(replace(SETTINGS, gallery_url="http://127.0.0.1:9"), "test-1", event_logger("test"))


def test_a_worker_without_a_shared_gallery_never_imports_its_client() -> None:
    loaded = "import sys, workers.gpu_face.__main__; sys.exit('qdrant_client' in sys.modules or 'grpc' in sys.modules)"

    subprocess.run([sys.executable, "-c", loaded], check=True)


def test_a_flipped_byte_is_logged_with_its_segment_and_mended_from_the_snapshot(
    settings: FaceSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.gallery is not None
    damaged = next((settings.gallery / "test-1").glob("segment-*")) / "codes.array"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)

    with _open_store(settings, "test-1", event_logger("gallery-start")) as store:
        found = store.find("person-7")

    assert np.allclose(found[1], FACES[7], atol=1e-4)
    assert f'"segment":"{damaged.parent.name}"' in capsys.readouterr().out


def test_whoever_was_erased_before_the_last_stop_leaves_the_disk_at_the_next_start(
    settings: FaceSettings,
) -> None:
    assert settings.gallery is not None
    with Store(settings.gallery / "test-1", "test-1") as store:
        store.erase("person-7")
        assert not store.is_compact()

    with _open_store(settings, "test-1", event_logger("test")) as store:
        assert store.is_compact()
        assert store.find("person-7") is None
        assert len(store) == 19
