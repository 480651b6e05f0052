"""The sources that layers of checks ask: what was agreed with each agency about asking it, online or by a list.

The figures are the programme's data (programmes/<name>/sources.json); `gelombang.journey.sources` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gelombang.domain.checks import Layer
from gelombang.domain.layers import CONTRACTS

# Processes that ask registers at once: what the queue of due checks starts at most (infra/template.py, `Receivers`).
# Each may ask its share of an agreed rate and no more, so that all of them keep to it without counting together.
MOST_PROCESSES = 50


@dataclass(frozen=True, slots=True)
class Source:
    """One source as agreed with its agency."""

    name: str  # e.g. "dukcapil"
    requests_per_s: float  # online, of all processes together
    batch_most: int  # people in one request; 1: it is asked about one at a time
    list_days_most: int  # an answer from a list older than that is no answer: some copy of it was left behind
    listed: tuple[
        Layer, ...
    ] = ()  # layers looked up in a signed list of its agency; the others are asked online
    list_key: str = (
        ""  # the agency's Ed25519 public key, 32 bytes as hex; "": it gave none, and no list is taken
    )

    @property
    def share_per_s(self) -> float:
        """Requests a second of one process."""
        return self.requests_per_s / MOST_PROCESSES


def listed_facts(layer: Layer, code: str | None) -> dict[str, Any]:
    """Return what a list says of somebody on it with `code`, or not on it (None), as their register would answer.

    Raises:
        ValueError: this layer cannot be told from being on a list.
    """
    name, kind = _fact_of(layer)
    return {name: code is not None if kind is bool else code or ""}


def can_be_listed(layer: Layer) -> bool:
    """Say whether being on a list of NIKs, perhaps with a code, answers for a layer."""
    try:
        _fact_of(layer)
    except ValueError:
        return False
    return True


def has_code(layer: Layer) -> bool:
    """Say whether a list of this layer gives everybody on it a code, as an occupation, beside being on it.

    Raises:
        ValueError: no list answers for this layer.
    """
    return _fact_of(layer)[1] is not bool


def _fact_of(layer: Layer) -> tuple[str, type]:
    contract = CONTRACTS.get(layer)
    if contract is None or contract.asked_with != ("nik",) or len(contract.facts) != 1:
        raise ValueError(f"no list answers for {layer}")
    ((name, kind),) = contract.facts.items()
    return name, kind
