"""An operator's terminal for `gelombang lists`, beside that of an agency that signs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from gelombang import wiring
from gelombang.aws.lists import SETTLED_AFTER, Published
from local.command import app
from tests.journey.walking import Walk, begin, citizen
from tests.lists.agency import LAYER, TODAY, Agency


class Desk:
    """An operator's terminal beside an agency's, with the bucket that the service looks into."""

    def __init__(self, folder: Path, agency: Agency, walk: Walk) -> None:
        self.folder, self.agency, self.walk = folder, agency, walk
        self.bucket: dict[str, Published] = {}

    def published(self, name: str) -> Published | None:
        return self.bucket.get(name)

    def publish(self, path: Path, since: timedelta = SETTLED_AFTER) -> None:
        self.bucket[path.name] = Published(path.read_bytes(), since)

    def take_in(self, version: str, numbers: list[int]) -> Result:
        """Import a version and publish it, long enough ago."""
        taken = self.lists("import", str(self.csv(version, numbers)))
        assert self.lists("publish", LAYER).exit_code == 0
        return taken

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["lists", *words, "--json"])

    def lists(self, *words: str) -> Result:
        return self.run(*words, "--folder", str(self.folder / "lists"))

    def csv(self, version: str, numbers: list[int], codes: list[str] | None = None, *words: str) -> Path:
        """Sign as the agency's command does, with everybody's code where codes are given."""
        path, key = self.folder / f"{version}.csv", self.folder / "key.pem"
        key.write_bytes(self.agency.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        rows = [citizen(number).nik for number in numbers]
        lines = ["nik", *rows]
        if codes:
            lines = ["nik,code", *(f"{nik},{code}" for nik, code in zip(rows, codes, strict=True))]
        path.write_text("\n".join([*lines, ""]), "utf-8")
        signed = self.sign(path, "--list-version", version, *words)
        assert signed.exit_code == 0, signed.output
        return path

    def sign(self, path: Path, *words: str) -> Result:
        """Sign a CSV as version 1 of today, unless words say otherwise."""
        described = ["--source", self.agency.source, "--layer", self.agency.layer, "--list-version", "1"]
        dated = ["--listed-on", TODAY.isoformat(), "--key", str(self.folder / "key.pem")]
        return self.run("sign", str(path), *described, *dated, *words)


@contextmanager
def at_a_desk(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a desk beside the agency's, whose service people 1 to 4 may come to."""
    walk = begin(*(citizen(number) for number in range(1, 5)))
    monkeypatch.setenv("GELOMBANG_TABLE", "a table that nobody asks")
    monkeypatch.setattr("gelombang.journey.sources.load_sources", lambda _programme: agency.sources())
    monkeypatch.setattr("local.lists.time.sleep", lambda s: None if s < 1 else pytest.fail(f"waits {s} s"))
    with wiring.wired_to(walk.ports, walk.programme):
        made = Desk(agency.folder, agency, walk)
        monkeypatch.setattr("local.lists._bucket", lambda: made)
        yield made
