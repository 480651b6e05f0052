"""A pack is loaded only whole, unchanged and on the provider that was asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnxruntime as ort
import pytest

from workers.gpu_face.models import load_pack
from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.packs.manifest import PackError
from workers.gpu_face.sessions import ProviderError, open_session


def test_a_pack_that_is_not_built_says_how_to_build_it(tmp_path):
    with pytest.raises(PackError, match=r"python -m workers.gpu_face.packs default"):
        load_pack("default", environ={"GELOMBANG_PACKS": str(tmp_path)})


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_a_pack_says_what_it_is_and_what_it_cannot_see(default_pack):
    assert default_pack.release == "default-3"
    assert default_pack.runtime == f"onnxruntime {ort.__version__} CPUExecutionProvider"
    assert default_pack.liveness == ()
    assert not default_pack.sees("HAT")
    assert not default_pack.sees("EYES_CLOSED")
    assert default_pack.sees("BLURRED")


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.usefixtures("default_pack")
def test_a_changed_model_is_refused_by_name(tmp_path):
    built = build_pack("default")
    copy = tmp_path / built.name
    shutil.copytree(built, copy)
    with (copy / "facemesh468.onnx").open("ab") as model:
        model.write(b"\x00")

    with pytest.raises(PackError, match=r"facemesh468\.onnx is not the file the manifest names"):
        load_pack("default", environ={"GELOMBANG_PACKS": str(tmp_path)})


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.skipif(
    "CUDAExecutionProvider" in ort.get_available_providers(), reason="needs a machine without CUDA"
)
@pytest.mark.usefixtures("default_pack")
def test_a_worker_told_to_use_the_gpu_does_not_start_on_the_cpu():
    with pytest.raises(ProviderError, match="CUDAExecutionProvider is not offered"):
        load_pack("default", provider="CUDAExecutionProvider")


def test_an_unknown_provider_is_refused():
    with pytest.raises(ProviderError, match="CPUExecutionProvider"):
        open_session(Path("no-model.onnx"), "NoExecutionProvider", 1)


@pytest.mark.shared
def test_the_open_pack_carries_two_liveness_models(open_pack):
    assert [model.spec.crop_scale for model in open_pack.liveness] == [2.7, 4.0]
