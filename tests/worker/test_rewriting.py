"""A rewritten graph computes what the graph of the file computes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.packs.rewriting import free_scrfd, prelu_as_convolutions, rewritten
from workers.gpu_face.sessions import CPU, CPU_RUNS, as_values, open_session, run_model, run_sizes

SCRFD = ["scrfd_500m_bnkps.onnx", "scrfd_2.5g.onnx"]


def session_of(content: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(content, options, providers=[CPU])


def prelu_model(slope: np.ndarray) -> bytes:
    """Return a model of one PReLU over (N, 4, H, W)."""
    node = helper.make_node("PRelu", ["x", "slope"], ["y"])
    sizes = ["n", 4, "h", "w"]
    graph = helper.make_graph(
        [node],
        "prelu",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, sizes)],
        [numpy_helper.from_array(slope.astype(np.float32), "slope")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 4, 1, 1)])
def test_a_prelu_with_any_slopes_computes_the_same_as_convolutions(shape) -> None:
    content = prelu_model(np.array([-2.0, 0.0, 0.25, 19.8]).reshape(shape))
    x = np.random.default_rng(3).normal(0, 5, (2, 4, 6, 5)).astype(np.float32)

    changed = rewritten(content, prelu_as_convolutions)

    assert "PRelu" not in {node.op_type for node in onnx.load_model_from_string(changed).graph.node}
    (before,), (after,) = (session_of(each).run(None, {"x": x}) for each in (content, changed))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


def test_a_prelu_with_one_slope_for_all_is_left_as_it_is() -> None:
    content = prelu_model(np.full((1, 1, 1), 0.1))

    changed = onnx.load_model_from_string(rewritten(content, prelu_as_convolutions))

    assert [node.op_type for node in changed.graph.node] == ["PRelu"]


def test_without_rewritings_the_very_bytes_are_opened() -> None:
    assert rewritten(b"not even a model") == b"not even a model"


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_the_meshes_points_stay_within_a_thousandth_of_a_pixel(default_pack, selfies) -> None:
    content = (build_pack("default") / "facemesh468.onnx").read_bytes()
    chips = np.stack([np.resize(selfie.pixels, (192, 192, 3)) for selfie in selfies])
    values = as_values(chips, "RGB", scale=1 / 255)

    before = run_model(session_of(content), values)
    after = run_model(default_pack.mesh.session, values)

    np.testing.assert_allclose(after[0], before[0], atol=1e-3)


@pytest.mark.shared
@pytest.mark.parametrize("name", SCRFD)
def test_a_freed_scrfd_finds_in_a_batch_what_the_export_finds_one_by_one(shared_folder, name) -> None:
    path = shared_folder / "models" / "research_only" / name
    if not path.exists():
        pytest.skip(f"no {name} in shared/models/research_only beside the checkout")
    pictures = np.random.default_rng(5).uniform(-1, 1, (3, 3, 640, 640)).astype(np.float32)

    export, freed = session_of(path.read_bytes()), open_session(path, CPU, free_scrfd)
    input_name = export.get_inputs()[0].name
    together = freed.run(None, {input_name: pictures})

    for i in range(3):
        alone = export.run(None, {input_name: pictures[i : i + 1]})
        for batch, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(batch[i], one.reshape(batch[i].shape), atol=1e-5)


@pytest.mark.shared
def test_a_freed_scrfd_takes_other_sizes_than_its_export(shared_folder) -> None:
    path = shared_folder / "models" / "research_only" / SCRFD[0]
    if not path.exists():
        pytest.skip(f"no {SCRFD[0]} in shared/models/research_only beside the checkout")
    freed = open_session(path, CPU, free_scrfd)

    outputs = freed.run(None, {freed.get_inputs()[0].name: np.zeros((2, 3, 256, 320), np.float32)})

    assert [output.shape for output in outputs[:3]] == [(2, 2560, 1), (2, 640, 1), (2, 160, 1)]


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_items_are_run_in_the_sizes_of_their_provider_and_answered_in_order(
    default_pack, monkeypatch
) -> None:
    values = np.random.default_rng(9).uniform(0, 255, (6, 3, 150, 150)).astype(np.float32)
    session = default_pack.embedder.session
    assert run_sizes(session) == CPU_RUNS
    (one_by_one,) = run_model(session, values)

    monkeypatch.setattr(
        "workers.gpu_face.sessions.CPU_RUNS", (4, 1)
    )  # as a GPU would: 4, then 2 filled up to 4
    (in_fours,) = run_model(session, values)

    assert in_fours.shape == one_by_one.shape
    np.testing.assert_allclose(in_fours, one_by_one, atol=1e-4)
