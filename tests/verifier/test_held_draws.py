"""What the service itself publishes and gives out, judged by the stand-alone verifier: bundle, receipts, results."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gelombang.journey import selection
from tests.journey.waves import WAVE, close_and_run, wave_with_entries

VERIFIER = Path(__file__).parents[2] / "verifier" / "verify-draw.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node, which is not installed")


def verified(*words):
    done = subprocess.run([NODE, VERIFIER, *words, "--json"], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_bundle_receipt_and_result_of_the_service_are_accepted_by_the_other_language(tmp_path):
    world = wave_with_entries()
    receipts = {
        f"app-{number:03d}": selection.join(world.ports, f"app-{number:03d}", WAVE) for number in range(14)
    }
    close_and_run(world.ports)
    public = f"published/waves/{WAVE}/"
    for name, content in world.documents.files.items():
        if not name.startswith(public):
            continue
        path = tmp_path / name.removeprefix(public)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    promised = selection.find_wave(world.ports, WAVE).commitment_sha256

    for application_id in ("app-000", "app-013"):
        receipt = tmp_path / "receipt.json"
        receipt.write_text(receipts[application_id].kept)
        own = tmp_path / "results" / f"{receipts[application_id].entry_id}.json"
        code, report = verified(
            str(tmp_path), "--commitment", promised, "--receipt", str(receipt), "--result", str(own)
        )
        assert (code, report["differences"]) == (0, [])

    kept = json.loads(receipts["app-013"].kept) | {"application_id": "app-012"}  # who claims the entry
    receipt.write_text(json.dumps(kept, sort_keys=True, separators=(",", ":")))
    code, report = verified(str(tmp_path), "--commitment", promised, "--receipt", str(receipt))
    assert (code, {each["file"] for each in report["differences"]}) == (1, {"receipt.json"})
