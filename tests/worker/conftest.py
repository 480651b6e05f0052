"""What the worker's tests run on: built packs, photographs that installed packages carry, and drawn faces' places."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.models import load_pack
from workers.gpu_face.packs.build import build_pack

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.fixture(scope="session")
def shared_folder():
    """The folder of weights and faces beside the checkout; tests that need it are marked `shared`."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder {SHARED.name} beside the checkout: its weights and faces are needed here")
    return SHARED


@pytest.fixture(scope="session")
def default_pack():
    """The pack from pip alone, built once on this machine; tests that need it are marked `pack`."""
    build_pack("default")
    return load_pack("default")


@pytest.fixture(scope="session")
def open_pack(shared_folder, tmp_path_factory):
    """The open pack, from the folder of weights; tests that need it are marked `shared`."""
    weights = shared_folder / "models" / "permissive"
    if not weights.is_dir():
        pytest.skip("no folder shared/models/permissive beside the checkout: the open pack needs its weights")
    settings = {"GELOMBANG_PACKS": str(tmp_path_factory.mktemp("packs"))}
    build_pack("open", weights, environ=settings)
    return load_pack("open", environ=settings)


@pytest.fixture(scope="session")
def insightface_folder(shared_folder, tmp_path_factory):
    """Make a folder as InsightFace would unpack it: a detector, a recognition model, and one nobody asked for."""

    def make(detector: str = "scrfd_500m_bnkps.onnx") -> Path:
        names = [
            f"research_only/{detector}",
            "permissive/mobilefacenet_foamliu_ifcompat.onnx",
            "permissive/lightqnet_dm100.onnx",
        ]
        models = shared_folder / "models"
        if not all((models / name).exists() for name in names):
            pytest.skip(
                "no weights in shared/models beside the checkout: an InsightFace folder is made of them"
            )
        made = tmp_path_factory.mktemp("insightface") / "our_s"
        made.mkdir()
        for name in names:
            shutil.copyfile(models / name, made / name.split("/")[1])
        return made

    return make


@pytest.fixture(scope="session")
def six_people():
    """The group photograph inside insightface: (886, 1280, 3) BGR, six faces of about 100 px."""
    return _photograph("insightface", "data/images/t1.jpg")


@pytest.fixture(scope="session")
def one_man():
    """The tight portrait inside insightface: (112, 112, 3) BGR."""
    return _photograph("insightface", "data/images/Tom_Hanks_54745.png")


@pytest.fixture(scope="session")
def one_woman():
    """The portrait inside scikit-image: (512, 512, 3) BGR."""
    return _photograph("skimage", "data/astronaut.png")


@pytest.fixture(scope="session")
def selfies(six_people, one_man, one_woman):
    """Eight people, a picture each; the six are cut out of their group so that each fills a selfie."""
    centres = ((520, 340), (115, 325), (955, 130), (322, 210), (795, 415), (1180, 335))
    cuts = [six_people[max(y - 120, 0) : y + 120, max(x - 110, 0) : x + 110] for x, y in centres]
    return tuple(
        Picture(np.ascontiguousarray(pixels), Subject.SELFIE) for pixels in (*cuts, one_man, one_woman)
    )


def _photograph(package: str, name: str):
    content = (resources.files(package) / name).read_bytes()
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
