"""A folder in InsightFace's own layout is a pack: told apart by its graphs, and as good in a batch as one by one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest

from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.models import load_pack
from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.packs.manifest import PackError, read_manifest
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.embed import embed_faces

DETECTORS = ["scrfd_500m_bnkps.onnx", "scrfd_2.5g.onnx"]


@pytest.fixture(scope="session", params=DETECTORS)
def folder(request, insightface_folder):
    return insightface_folder(request.param)


@pytest.fixture(scope="session")
def pack(folder):
    return load_pack("insightface", environ={"GELOMBANG_PACK_FILES": str(folder)})


def scenes(selfies) -> list[Picture]:
    """Return lying, standing and square pictures with a person in the middle of each, 960 px and less."""
    scenes = []
    for i, selfie in enumerate(selfies):
        width, height = ((960, 720), (540, 720), (640, 640))[i % 3]
        scene = np.full((height, width, 3), 128, np.uint8)
        person = cv2.resize(selfie.pixels, (360, 400))
        scene[120:520, width // 2 - 180 : width // 2 + 180] = person
        scenes.append(Picture(scene, Subject.SELFIE))
    return scenes


@pytest.mark.shared
def test_the_models_are_told_by_their_graphs_and_the_licence_is_flagged(folder) -> None:
    manifest = read_manifest("insightface", {"GELOMBANG_PACK_FILES": str(folder)})

    assert manifest.files["detector"].name.startswith("scrfd")
    assert manifest.files["embedder"].name == "mobilefacenet_foamliu_ifcompat.onnx"
    assert set(manifest.files) == {"detector", "embedder"}
    assert (manifest.embedder.mean, manifest.embedder.size) == (127.5, 112)
    assert manifest.research_only
    assert "NON-COMMERCIAL" in manifest.licence


@pytest.mark.shared
def test_other_weights_are_another_release(folder, tmp_path) -> None:
    copy = tmp_path / "our_s"
    shutil.copytree(folder, copy)
    other = next(copy.glob("scrfd*"))
    model = onnx.load_model(str(other))
    model.producer_name = "the same graph in another file"
    onnx.save_model(model, str(other))

    releases = {
        read_manifest("insightface", {"GELOMBANG_PACK_FILES": str(each)}).release for each in (folder, copy)
    }

    assert len(releases) == 2
    assert all(release.startswith("insightface-our_s-") for release in releases)


@pytest.mark.shared
def test_the_pack_is_used_where_it_lies(folder) -> None:
    assert build_pack("insightface", folder) == folder.resolve()


@pytest.mark.shared
def test_a_folder_in_insightfaces_cache_is_found_by_its_name(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(folder, tmp_path / ".insightface" / "models" / "buffalo_s")

    assert load_pack("buffalo_s").release.startswith("insightface-buffalo_s-")


@pytest.mark.shared
def test_it_tells_eight_people_apart_in_a_batch_as_one_by_one(pack, selfies) -> None:
    pictures = scenes(selfies)

    def embedded(some: list[Picture]) -> np.ndarray:
        faces = [found[0] for found in detect_faces(pack, some)]
        return embed_faces(pack, align_faces(pack, some, trace_meshes(pack, some, faces)))

    together = embedded(pictures)
    alone = np.concatenate([embedded([picture]) for picture in pictures])

    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert (together @ together.T)[~np.eye(len(selfies), dtype=bool)].max() < 0.5


@pytest.mark.shared
def test_it_embeds_as_insightfaces_own_analysis_does(pack, folder, selfies) -> None:
    face_analysis = pytest.importorskip("insightface.app").FaceAnalysis
    theirs = face_analysis(
        str(folder), allowed_modules=["detection", "recognition"], providers=["CPUExecutionProvider"]
    )
    theirs.prepare(ctx_id=-1, det_size=(640, 640))
    fine = replace(
        pack,
        detector=replace(pack.detector, spec=pack.detector.spec.model_copy(update={"selfie_size": None})),
    )

    for picture in scenes(selfies):
        (found,) = detect_faces(fine, [picture])
        (vector,) = embed_faces(fine, align_faces(fine, [picture], found[:1]))
        with pytest.warns(FutureWarning, match="estimate"):  # insightface calls scikit-image's old name
            peer = max(theirs.get(picture.pixels), key=lambda face: face.bbox[2] - face.bbox[0])

        assert float(vector @ peer.normed_embedding) > 0.98


@pytest.mark.shared
def test_a_selfie_whose_face_is_small_is_looked_at_again_finely(pack, one_woman) -> None:
    scene = np.full((1200, 1600, 3), 128, np.uint8)
    scene[400:720, 600:920] = cv2.resize(one_woman[:400, :400], (320, 320), interpolation=cv2.INTER_AREA)
    coarse_only = pack.detector.spec.model_copy(update={"size": 96, "selfie_size": 64})
    fine_too = pack.detector.spec.model_copy(update={"size": 640, "selfie_size": 64})

    found = [
        detect_faces(
            replace(pack, detector=replace(pack.detector, spec=spec)), [Picture(scene, Subject.SELFIE)]
        )
        for spec in (coarse_only, fine_too)
    ]

    assert [len(faces) for (faces,) in found] == [0, 1]


def test_without_a_folder_it_says_which_setting_names_one() -> None:
    with pytest.raises(PackError, match="GELOMBANG_PACK_FILES"):
        read_manifest("insightface", {})


def test_a_folder_without_the_models_is_refused_by_what_is_missing(tmp_path) -> None:
    with pytest.raises(PackError, match="SCRFD detector"):
        read_manifest("insightface", {"GELOMBANG_PACK_FILES": str(tmp_path)})


def test_a_file_that_is_no_model_is_refused(tmp_path) -> None:
    (tmp_path / "det_10g.onnx").write_bytes(b"\xff\xfenot a graph")

    with pytest.raises(PackError, match="insightface cannot be used"):
        read_manifest("insightface", {"GELOMBANG_PACK_FILES": str(tmp_path)})


@pytest.mark.shared
def test_the_command_flags_the_licence(folder) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "workers.gpu_face.packs", "insightface", "--from", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "NON-COMMERCIAL RESEARCH ONLY" in " ".join(result.stdout.split())
