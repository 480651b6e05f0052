"""The sources that layers of checks ask: what was agreed with each agency about asking it, online or by a list.

The figures are the programme's data (programmes/<name>/sources.json); `gelombang.journey.sources` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.domain.checks import Layer

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
