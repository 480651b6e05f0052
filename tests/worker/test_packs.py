"""A pack is built once, whole or not at all, and every file in it is the one its manifest names."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workers.gpu_face.packs import build, manifest
from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.packs.manifest import PackError, pack_folder, pack_names, read_manifest


def test_there_are_a_default_and_an_open_pack():
    assert pack_names() == ("default", "open")


@pytest.mark.parametrize("name", pack_names())
def test_every_model_a_manifest_uses_is_among_its_files_with_hash_source_and_licence(name):
    pack = read_manifest(name)

    used = {"detector", "mesh", "embedder", *(spec.file for spec in pack.liveness)}
    assert used <= set(pack.files) <= used | {"blendshapes"}
    for file in pack.files.values():
        assert len(file.sha256) == 64
        assert file.bytes > 0
        assert file.source
        assert file.licence


def test_an_unknown_pack_is_refused_with_the_names_there_are():
    with pytest.raises(PackError, match="default, open"):
        read_manifest("best")


def test_the_folder_follows_the_setting_and_carries_the_release(tmp_path):
    folder = pack_folder(read_manifest("default"), {"GELOMBANG_PACKS": str(tmp_path)})

    assert folder == tmp_path / "default-1"  # whose files are the same


def test_the_open_pack_without_a_folder_says_which_setting_names_one(tmp_path):
    with pytest.raises(PackError, match="GELOMBANG_PACK_FILES"):
        build_pack("open", environ={"GELOMBANG_PACKS": str(tmp_path)})


def test_a_wrong_file_is_refused_by_name_and_nothing_is_left_behind(tmp_path):
    source, packs = tmp_path / "source", tmp_path / "packs"
    source.mkdir()
    for file in read_manifest("open").files.values():
        (source / file.name).write_bytes(b"not a model")

    with pytest.raises(PackError, match=r"yunet_n_dynamic\.onnx"):
        build_pack("open", str(source), environ={"GELOMBANG_PACKS": str(packs)})

    assert [path.name for path in packs.iterdir() if path.is_dir()] == []


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(PackError, match=r"yunet_n_dynamic\.onnx is missing"):
        build_pack("open", str(tmp_path), environ={"GELOMBANG_PACKS": str(tmp_path / "packs")})


def test_a_download_that_cannot_be_had_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(PackError, match=r"mediapipe==0\.10\.21"):
        build_pack("default", environ={"GELOMBANG_PACKS": str(tmp_path / "packs")})

    assert [path.name for path in (tmp_path / "packs").iterdir() if path.is_dir()] == []


@pytest.mark.shared
def test_a_ready_made_pack_is_copied_checked_and_not_touched_again(shared_folder, tmp_path):
    settings = {"GELOMBANG_PACKS": str(tmp_path)}
    steps = []
    folder = build_pack(
        "open", str(shared_folder / "models" / "permissive"), lambda *step: steps.append(step), settings
    )
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}

    again = build_pack("open", environ=settings)

    file_count = len(read_manifest("open").files)
    assert steps[-1] == ("copy models", file_count, file_count)
    assert again == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps


@pytest.fixture
def address_of():
    """Serve a folder on this machine; returns its address."""
    servers = []

    def serve(folder):
        handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.shared
def test_a_pack_is_fetched_from_an_address_and_checked(shared_folder, tmp_path, address_of):
    settings = {"GELOMBANG_PACKS": str(tmp_path)}

    folder = build_pack("open", address_of(shared_folder / "models" / "permissive"), environ=settings)

    manifest.check_files(read_manifest("open"), folder)


def test_an_address_that_gives_another_file_or_none_is_refused_by_name(tmp_path, address_of):
    files = read_manifest("open").files.values()
    for folder, content in (("empty", None), ("wrong", b"\x00")):
        (tmp_path / folder).mkdir()
        for file in files if content else ():
            (tmp_path / folder / file.name).write_bytes(content * file.bytes)

        with pytest.raises(PackError, match=r"yunet_n_dynamic\.onnx"):
            build_pack(
                "open", address_of(tmp_path / folder), environ={"GELOMBANG_PACKS": str(tmp_path / "p")}
            )

    assert [path for path in (tmp_path / "p").iterdir() if path.is_dir()] == []


@pytest.mark.shared
def test_a_pack_with_one_changed_byte_is_built_anew(shared_folder, tmp_path):
    settings = {
        "GELOMBANG_PACKS": str(tmp_path),
        "GELOMBANG_PACK_FILES": str(shared_folder / "models" / "permissive"),
    }
    folder = build_pack("open", environ=settings)
    victim = folder / "yunet_n_dynamic.onnx"
    victim.write_bytes(victim.read_bytes()[:-1] + b"\x00")

    build_pack("open", environ=settings)

    manifest.check_files(read_manifest("open"), folder)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_a_build_killed_half_way_leaves_no_pack_and_the_next_one_succeeds(tmp_path):
    environ = {**os.environ, "GELOMBANG_PACKS": str(tmp_path)}
    command = [
        sys.executable,
        "-c",
        "from workers.gpu_face.packs.build import build_pack; build_pack('default')",
    ]
    victim = subprocess.Popen(command, env=environ, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / ".default-1.building" / "made").is_dir() and time.monotonic() < deadline:
        pass
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "default-1").exists()

    steps = []
    folder = build_pack("default", on_progress=lambda *step: steps.append(step), environ=environ)

    manifest.check_files(read_manifest("default"), folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".default-1.lock", "default-1"]
    assert steps[-1] == ("convert models", 3, 3)
    assert {step for step, _, _ in steps} == {
        "download mediapipe",
        "download face_recognition_models",
        "convert models",
    }
    assert all(0 <= done <= total for _, done, total in steps)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_the_command_says_which_pack_is_active_under_which_licence_and_with_which_limits(default_pack):
    result = subprocess.run(
        [sys.executable, "-m", "workers.gpu_face.packs", "default"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert default_pack.release in result.stdout
    assert default_pack.licence in result.stdout
    assert "1:N" in result.stdout


def test_the_command_refuses_an_unknown_pack_in_one_sentence():
    result = subprocess.run(
        [sys.executable, "-m", "workers.gpu_face.packs", "best"], capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert "no pack is called 'best'" in result.stdout
    assert "Traceback" not in result.stderr


def test_a_manifest_with_a_misspelt_field_is_refused(monkeypatch, tmp_path):
    (tmp_path / "odd.json").write_text(json.dumps({"release": "odd-1", "license": "none"}), "utf-8")
    monkeypatch.setattr(manifest.resources, "files", lambda _package: tmp_path)

    with pytest.raises(PackError, match="manifest of pack odd is malformed"):
        read_manifest("odd")


def test_only_converters_that_exist_are_named():
    origins = [file.made_from for file in read_manifest("default").files.values()]

    assert {origin.converter for origin in origins} == set(build.CONVERTERS)
