"""A wave over which somebody plants ghosts, and what an auditor is given of it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from gelombang.audit_verifier import verify_audit
from gelombang.audit_verifier.openings import verify_openings
from gelombang.domain.draw import entry_id_of
from gelombang.domain.draw_bundle import BUNDLE
from gelombang.drawing import steps
from gelombang.drawing.verify import verify_bundle
from gelombang.journey import selection
from gelombang.journey.audit_export import export
from gelombang.journey.openings import Asked, open_entries
from gelombang.journey.ports import Put
from gelombang.journey.selection import WavePage
from gelombang.journey.wave_rows import (
    StoredEntry,
    bundle_key,
    entry_row,
)
from tests.journey.audited import next_day
from tests.journey.walking import AUDITOR, Walk, begin, citizen
from tests.journey.waves import OPERATOR, WAVE, definition_of

JAVASCRIPT = Path(__file__).parents[2] / "verifier" / "verify-draw.js"
NODE = shutil.which("node")
REGIONS = ("3171", "3171", "3171", "3578", "3578")
ALL = Asked()
SALT = b"an insider's own"


@dataclass
class Wave:
    """A wave that five verified people joined, one more is verified and stays out, and one is not eligible."""

    walk: Walk
    names: list[str]
    unverified: str
    idle: str
    folder: Path

    @property
    def ports(self):
        return self.walk.ports

    def plant(self, application_id: str, region: str = "3171", salt: bytes = SALT) -> str:
        """Write an entry's row as somebody can who has the table; return its id."""
        now = self.ports.clock.now()
        entry_id = entry_id_of(WAVE, salt, application_id)
        kk_tag = self.ports.vault.tag("kk", application_id)
        entry = StoredEntry(entry_id, application_id, region, kk_tag, False, now, salt.hex())
        self.ports.rows.commit([Put(entry_row(WAVE, entry))])
        return entry_id

    def run(self, *each: str) -> None:
        for step in each:
            steps.run_step(self.ports, self.walk.programme, WAVE, step)

    def close(self) -> None:
        self.walk.world.clock.advance(minutes=1)
        selection.ask_step(self.ports, WAVE, "close", OPERATOR)

    def draw(self) -> None:
        """Freeze, commit and draw, let a night pass, and let both verifiers accept what was drawn."""
        self.close()
        self.run("freeze", "commit", "draw")
        next_day(self.walk)
        self.save_bundle()
        self.must_verify()

    def save_bundle(self, draw: int = 1) -> None:
        bundle = self.folder / "bundle"
        bundle.mkdir(exist_ok=True)
        for name in BUNDLE:
            (bundle / name).write_bytes(self.ports.documents.read(bundle_key(WAVE, name, draw)))

    def must_verify(self) -> None:
        assert verify_bundle(self.folder / "bundle", self.page().commitment_sha256) == []
        if NODE:
            words = [NODE, JAVASCRIPT, self.folder / "bundle", "--commitment", self.page().commitment_sha256]
            subprocess.run(words, check=True, capture_output=True)

    def page(self):
        return selection.find_wave(self.ports, WAVE)

    def page_file(self) -> Path:
        """Write the page as the API gives it."""
        path = self.folder / "page.json"
        path.write_bytes(TypeAdapter(WavePage).dump_json(self.page()))
        return path

    def open(self, asked: Asked = ALL) -> Path:
        path = self.folder / "openings.jsonl"
        path.write_bytes(b"".join(open_entries(self.ports, AUDITOR, WAVE, asked)))
        return path

    def evidence(self) -> Path:
        """Export everything anew, as the command does, and have it accepted."""
        folder = self.folder / "audit"
        shutil.rmtree(folder, ignore_errors=True)
        every = [*self.names, self.unverified, self.idle]
        for name, content in export(self.ports, self.walk.programme, every, has_everything=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        assert verify_audit(folder) == []
        return folder

    def check(self, asked: Asked = ALL, page: Path | None = None) -> list[str]:
        opened = self.open(asked)
        promised = self.page().commitment_sha256
        return verify_openings(self.folder / "bundle", opened, self.evidence(), promised, page)

    def edit(self, opened: Path, edit) -> list[str]:
        """Check openings after their lines were changed."""
        head, *lines = opened.read_bytes().splitlines()
        opened.write_bytes(b"\n".join([head, *edit(lines)]) + b"\n")
        return verify_openings(self.folder / "bundle", opened, self.evidence())


def joined_wave(folder: Path) -> Wave:
    """Return it, open, with its files below `folder`."""
    people = [citizen(number, region=region) for number, region in enumerate(REGIONS, start=1)]
    refused, stays_out = citizen(9, is_at_school=True), citizen(8)
    walk = begin(*people, refused, stays_out)
    names = [walk.submit(person, f"+628123400000{number}") for number, person in enumerate(people)]
    unverified = walk.submit(refused, "+6281234000099")
    idle = walk.submit(stays_out, "+6281234000098")
    walk.deliver()
    selection.open_wave(walk.ports, definition_of(walk.world), OPERATOR)
    for name in names:
        walk.world.clock.advance(seconds=1)
        selection.join(walk.ports, name, WAVE)
    return Wave(walk, names, unverified, idle, folder)


def entry_of(wave, name):
    return wave.walk.application(name).entry_id
