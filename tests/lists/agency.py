"""An agency that signs lists of NIKs, and a programme's sources that know its key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gelombang.domain.checks import Layer
from gelombang.domain.signature import message_to_sign
from gelombang.domain.sources import Source
from gelombang.journey.sources import load_sources
from gelombang.lists.delivery import KIND, Delivery, describe

LAYER = Layer.EARLIER_RECIPIENT
TODAY = date(2026, 11, 23)


@dataclass
class Agency:
    """One agency with its key; what it delivers lies in `folder`."""

    folder: Path
    source: str = "prakerja"
    layer: Layer = LAYER
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def sources(self) -> dict[str, Source]:
        """Return the programme's sources, with this agency's key and its layer in a list."""
        key = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        sources = load_sources("prakerja")
        return sources | {self.source: replace(sources[self.source], listed=(self.layer,), list_key=key)}

    def deliver(
        self, version: str, rows: Iterable[str], listed_on: date = TODAY, header: str = "nik"
    ) -> tuple[Path, Delivery]:
        """Write a CSV and sign it."""
        csv = self.folder / f"{self.layer}-{version}.csv"
        csv.parent.mkdir(parents=True, exist_ok=True)
        csv.write_text("\n".join([header, *rows, ""]), "utf-8")
        return csv, self.signed(describe(csv, self.source, self.layer, version, listed_on))

    def signed(self, delivery: Delivery) -> Delivery:
        """Sign whatever is said."""
        signature = self.private.sign(message_to_sign(KIND, delivery.signed_content()))
        return delivery.model_copy(update={"signature": signature.hex()})
