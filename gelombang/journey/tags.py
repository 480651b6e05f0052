"""Tags: keyed HMACs by which a NIK, a family card or a phone is found without being read, under keys that change.

    generation 1   HMAC(first key, purpose and what is tagged)          "9f2c…"
    generation 2   HMAC(second key, the tag of generation 1)            "2-51ab…"      and so on

So a tag can be brought to the next generation by whoever holds nothing but the tag and the next key: no person's data
is opened to do it, and the NIK of somebody erased goes along. What a tag names lies under one generation at any time;
while the keys are being changed a process looks under two (docs/decisions/0021; docs/runbooks/key-rotation.md).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gelombang.domain.tags import TagKeys, generation_of, tag_of
from gelombang.journey.ports import Change, Key, Ports, Require, Row, Vault


class ChainedTags:
    """Makes tags; `mac` gives the HMAC-SHA-256 (hex) of a message under the key of that name."""

    def __init__(self, keys: TagKeys, mac: Callable[[str, bytes], str]) -> None:
        self._keys, self._mac = keys, mac
        self._chain = (*keys.done, keys.coming) if keys.coming else keys.done

    def tag(self, purpose: str, plain: str) -> str:
        """Return the tag of `plain`, of the generation that is stored in forms and entries."""
        return self.raised(self._mac(self._chain[0], f"{purpose}\x1f{plain}".encode()))

    def raised(self, tag: str, generation: int = 0) -> str:
        """Return the same tag in a later generation, 0: the one that `tag` makes; one that is later stays as it is."""
        for number in range(generation_of(tag) + 1, (generation or len(self._keys.done)) + 1):
            earlier = f"tag\x1f{tag}".encode()
            tag = tag_of(number, self._mac(self._chain[number - 1], earlier))
        return tag

    def places(self, tag: str) -> tuple[str, ...]:
        """Return the tags under which what is named may lie; what is new is put under the first."""
        settled = self.raised(tag)
        coming = self.raised(settled, len(self._chain))
        if settled == coming:
            return (settled,)
        return (coming, settled) if self._keys.is_written else (settled, coming)


def is_same(ports: Ports, tag: str, other: str) -> bool:
    """Say whether two tags, perhaps of different generations, name the same; in constant time."""
    return is_same_tag(ports.vault, tag, other)


def is_same_tag(vault: Vault, tag: str, other: str) -> bool:
    """Say the same by a vault alone."""
    latest = max(generation_of(tag), generation_of(other))
    return hmac.compare_digest(vault.raised(tag, latest), vault.raised(other, latest))


def find(ports: Ports, key_of: Callable[[str], Key], tag: str) -> Row | None:
    """Return the row that lies under a tag, whichever generation it is kept under."""
    row, _ = find_or_new(ports, key_of, tag, {})
    return row if row.version else None


def find_many(ports: Ports, key_of: Callable[[str], Key], tags: Iterable[str]) -> dict[str, Row]:
    """Return the rows that lie under tags, by tag; what nobody has put there is left out."""
    places = {tag: sorted(map(key_of, ports.vault.places(tag)), key=_generation) for tag in tags}
    found: dict[str, Row] = {}
    while places:  # the earlier place of each, and then, in a later call, the one after it: see `find_or_new`
        rows = ports.rows.read_many(keys[0] for keys in places.values())
        found |= {tag: rows[keys[0]] for tag, keys in places.items() if keys[0] in rows}
        places = {tag: keys[1:] for tag, keys in places.items() if keys[1:] and tag not in found}
    return found


def find_or_new(
    ports: Ports, key_of: Callable[[str], Key], tag: str, fields: Mapping[str, Any]
) -> tuple[Row, list[Change]]:
    """Return the row under a tag, or a new one; and what must be committed with it, so that there is no second one.

    Every place is read and named in the commit, whether or not there is a row: as much work, whoever has it.
    """
    keys = [key_of(place) for place in ports.vault.places(tag)]
    # Rows move to later generations and never back, so whoever reads the earlier one first misses none on its way.
    read = {key: ports.rows.read(key) for key in sorted(keys, key=_generation)}
    row = next((row for row in read.values() if row), None) or Row(keys[0], dict(fields))
    return row, [Require(key, 0) for key in keys if key != row.key]


def nik_key(nik_tag: str) -> Key:
    """Return where it lies whose a NIK is."""
    return Key(f"NIK#{nik_tag}")


def _generation(key: Key) -> int:
    return generation_of(key.partition.rpartition("#")[2])
