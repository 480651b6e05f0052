"""The applicant's page sends in chunks too: pages/upload.js, run by Node where there is one, against the service."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.drills.network import photograph, sign_in
from benchmarks.drills.upload_service import upload_service

ROOT = Path(__file__).resolve().parents[2]
# A browser as far as the script needs one; every seventh request is cut, and nothing goes in one piece.
BROWSER = """
const vm = require("vm"), fs = require("fs"), [base, token, file] = process.argv.slice(2);
let asked = 0, cut = 0;
const lineThatIsCut = async (path, options) => {
  if (options.method === "PATCH" && ++asked % 7 === 0) { cut++; throw new TypeError("cut"); }
  return fetch(base + path, options);
};
const call = async (method) => { if (method === "POST") throw { status: 0 }; return {}; };
const page = {
  AbortController, btoa, clearTimeout, crypto, call, fetch: lineThatIsCut, setTimeout: (done) => setTimeout(done, 1),
  memory: { read: () => "", write: () => {} }, t: (key) => key, window: { crypto, addEventListener: () => {} },
};
vm.createContext(page);
vm.runInContext(fs.readFileSync("pages/upload.js", "utf8"), page);
const shares = [];
const photo = new Blob([fs.readFileSync(file)], { type: "image/jpeg" });
page.sendPhotograph("selfie", photo, token, (share) => shares.push(share))
  .then(() => console.log(JSON.stringify({ cut, isRising: shares.every((share, i) => !i || share >= shares[i - 1]) })));
"""

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        shutil.which("node") is None, reason="no Node on this machine to run the page's script"
    ),
]


def test_a_page_on_a_line_that_is_cut_sends_the_whole_photograph_once(tmp_path):
    (tmp_path / "browser.cjs").write_text(BROWSER)
    content = photograph(7)
    (tmp_path / "photo.jpg").write_bytes(content)

    with upload_service() as service:
        applicant = sign_in(service, 1, content)
        told = subprocess.run(
            [
                "node",
                tmp_path / "browser.cjs",
                f"http://127.0.0.1:{service.port}",
                applicant.token,
                tmp_path / "photo.jpg",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert told.returncode == 0, told.stderr
    assert '"isRising":true' in told.stdout
    assert '"cut":0' not in told.stdout
    assert list(service.world.photos.quarantine.values()) == [content]
    assert list(service.stored.values()) == [1]
