"""Packages hold what they must, compiled, and the same bytes for the same sources."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile

import pytest
from cfnlint import api as cfnlint
from cfnlint.config import ManualArgs

from gelombang.drawing.release import code_sha256
from infra.archive import zip_folder
from infra.package import package


@pytest.fixture(scope="module")
def unpacked(packaged, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lambda")
    for key, path in packaged.archives.items():
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder / key.split("-")[0])
    return folder


@pytest.mark.parametrize("stack", ["template", "fleet"])
def test_cfn_lint_has_nothing_to_say(packaged, stack):
    text = getattr(packaged, stack).read_text()

    assert cfnlint.lint(text, config=ManualArgs(regions=["ap-southeast-3"])) == []


def test_the_service_names_everything_that_the_fleet_imports(service, fleet):
    exported = {
        output["Export"]["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}")
        for output in service["Outputs"].values()
        if "Export" in output
    }

    imported = set(_imports(fleet))
    assert imported
    assert imported <= exported


def _imports(part):
    if isinstance(part, dict):
        if "Fn::ImportValue" in part:
            yield part["Fn::ImportValue"]["Fn::Sub"].removeprefix("${ServiceStack}")
        for value in part.values():
            yield from _imports(value)
    elif isinstance(part, list):
        for value in part:
            yield from _imports(value)


@pytest.mark.parametrize("application", ["register", "verify", "select"])
def test_an_application_starts_from_its_zip_and_the_layer_alone(unpacked, application):
    code = "import app, gelombang, pydantic; print(app.app.app_name, gelombang.__file__, pydantic.__file__)"
    paths = [str(unpacked / application), str(unpacked / "layer/python")]
    # boto3 is the Lambda runtime's; here it is taken from where this test finds it, after everything else.
    script = f"import sys; sys.path[:0] = {paths!r}; {code}"

    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    name, ours, theirs = done.stdout.split()
    assert name == f"gelombang-{application}"
    assert ours.startswith(paths[0])
    assert theirs.startswith(paths[1])


def test_photographs_are_cleaned_from_the_zip_and_both_layers_alone(unpacked):
    paths = [str(unpacked / name) for name in ("verify", "layer/python", "pictures/python")]
    code = (
        f"import sys; sys.path[:0] = {paths!r};"
        "import io, PIL, pi_heif; from PIL import Image; from gelombang.pictures.sandbox import SandboxedPictures;"
        "file = io.BytesIO(); Image.new('RGB', (64, 64)).save(file, 'PNG');"
        "print(PIL.__file__, pi_heif.__file__, SandboxedPictures().clean(file.getvalue()).content[:2].hex())"
    )

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    pillow, heif, start = done.stdout.split()
    assert pillow.startswith(paths[2])
    assert heif.startswith(paths[2])
    assert start == "ffd8"


def test_a_draw_is_held_from_the_zip_and_both_layers_alone(unpacked):
    paths = [str(unpacked / name) for name in ("select", "layer/python", "arrays/python")]
    code = (
        f"import sys; sys.path[:0] = {paths!r};"
        "import numpy; from gelombang.drawing import steps, release;"
        "print(numpy.__file__, steps.__file__, release.code_sha256())"
    )

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    arrays, ours, code_hash = done.stdout.split()
    assert arrays.startswith(paths[2])
    assert ours.startswith(paths[0])
    assert code_hash == code_sha256()  # what is deployed promises the code that lies here


@pytest.mark.parametrize(
    ("layer", "carries"), [("PicturesLayer", {"VerifyPhotoArrived"}), ("ArraysLayer", {"SelectWaveSteps"})]
)
def test_only_who_needs_it_carries_a_heavy_layer(service, of_type, layer, carries):
    functions = of_type(service["Resources"], "AWS::Serverless::Function")

    carrying = {name for name, each in functions.items() if {"Ref": layer} in each["Layers"]}

    assert carrying == carries
    assert all({"Ref": "DependencyLayer"} in each["Layers"] for each in functions.values())


def test_every_module_is_compiled_and_is_never_compared_with_its_source(packaged):
    for key, path in packaged.archives.items():
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            compiled = {_source_of(name): archive.read(name)[4:8] for name in names if name.endswith(".pyc")}
        sources = {name for name in names if name.endswith(".py")}
        assert sources == (set() if key.startswith(("layer-", "pictures-", "arrays-")) else set(compiled))
        assert set(compiled.values()) == {b"\x01\x00\x00\x00"}  # PEP 552: hash-based, not checked


def _source_of(name):
    return importlib.util.source_from_cache(name) if "__pycache__" in name else name.removesuffix("c")


def test_no_model_and_no_command_line_is_packaged(packaged):
    for key, path in packaged.archives.items():
        with zipfile.ZipFile(path) as archive:
            tops = {name.removeprefix("python/").split("/")[0] for name in archive.namelist()}
        assert ("numpy" in tops) is key.startswith("arrays-")
        assert not tops & {"cv2", "onnxruntime", "click", "inquirer", "pip", "workers", "local"}


def test_what_is_unchanged_is_not_built_again(packaged):
    before = packaged.template.stat().st_mtime_ns

    again = package("desk")

    assert again == packaged
    assert again.template.stat().st_mtime_ns == before


def test_a_zip_depends_on_contents_and_not_on_times(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text("x = 1\n")

    zip_folder(tmp_path / "one", tmp_path / "one.zip")
    zip_folder(tmp_path / "two", tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
