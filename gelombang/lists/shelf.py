"""The lists of a folder, perhaps filled from a bucket: which version of each is in use, and which people are judged by.

    <layer>-<listed on>-<version>.list   every version, as `gelombang.lists.files` writes it
    <layer>.json                         {"in_use": <name>, "refreshed": <name or "">}, changed in one step

A list is in use for whoever is checked from the moment it is imported. Whoever was checked before is looked at by the
refresh (`gelombang.journey.refresh`), from `refreshed` to `in_use`: several imports may lie between.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from gelombang.domain.checks import Layer
from gelombang.domain.sources import Source
from gelombang.domain.tags import generation_of
from gelombang.journey.parallel import in_parallel
from gelombang.journey.ports import Vault
from gelombang.journey.tags import is_same_tag
from gelombang.lists.delivery import ENDING, Delivery, ListError, read_rows
from gelombang.lists.files import SEALED_AS, KeptList, ListHeader, write_list


@dataclass(frozen=True, slots=True)
class Place:
    """Which files of a layer are used, by name."""

    in_use: str = ""  # "": no list was imported yet
    refreshed: str = ""  # "": nobody was judged by a list yet


class Shelf:
    """The lists of one folder, opened when they are first looked into and verified then."""

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Source],
        vault: Vault,
        fetch: Callable[[str, Path], None] | None = None,
    ) -> None:
        self._folder, self._vault, self._fetch = folder, vault, fetch
        self._source_of = {layer: source for source in sources.values() for layer in source.listed}
        self._open: dict[str, KeptList] = {}

    def place_of(self, layer: Layer) -> Place:
        """Return which files of a layer are used.

        Raises:
            DependencyError: it had to be fetched and could not be.
        """
        if self._fetch:
            self._fetch(f"{layer}.json", self._folder)
        try:
            return Place(**json.loads((self._folder / f"{layer}.json").read_text("utf-8")))
        except FileNotFoundError:
            return Place()

    def in_use(self, layer: Layer) -> KeptList:
        """Return the list that is in use; it stays open.

        Raises:
            ListError: none is, or it is not as it was written.
        """
        name = self.place_of(layer).in_use
        if not name:
            raise ListError(f"no list of {layer} was imported yet")
        return self.opened(name)

    def opened(self, name: str) -> KeptList:
        """Return a list that was verified, once a process; it stays open.

        Raises:
            ListError: it is not as its agency signed it and as it was written here.
        """
        if name not in self._open:
            self._open[name] = self._verified(name)
        return self._open[name]

    def drop(self, kept: KeptList) -> None:
        """Let go of a list that is of no use any more: where there is a bucket, it is fetched anew."""
        name = kept.header.delivery.file_name
        if self._fetch and self._open.get(name) is kept:
            self._open.pop(name).close()
            (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close every list."""
        while self._open:
            self._open.popitem()[1].close()

    def take_in(self, csv: Path, delivery: Delivery, today: date, threads: int = 1) -> ListHeader:
        """Import a delivery, and let it be in use; the version that is in use changes nothing.

        Raises:
            ListError: not signed by its agency, not a later version than the one in use, or with rows that are no NIK.
        """
        self._agreed(delivery)
        place, name = self.place_of(delivery.layer), delivery.file_name
        if place.in_use == name and (used := self._as_imported(name)):
            if used.delivery == delivery and used.generation == self._generation():
                return used
            if used.delivery != delivery:
                raise ListError(f"another list with version {delivery.version} is in use")
        if place.in_use and not delivery.is_from(place.in_use):
            raise ListError(f"{delivery.version} is not later than {place.in_use}, which is in use")
        tagged = in_parallel(self._tagged, read_rows(csv, delivery, today), threads)
        self._folder.mkdir(parents=True, exist_ok=True)
        header = write_list(self._folder / name, delivery, tagged, self._seal)
        if name in self._open:
            self._open.pop(name).close()
        self._keep(delivery.layer, Place(name, place.refreshed))
        return header

    def note_refreshed(self, layer: Layer, name: str) -> None:
        """Note that everybody has been judged by this version; those that are used no more are deleted."""
        place = Place(self.place_of(layer).in_use, name)
        self._keep(layer, place)
        for path in self._folder.glob(f"{layer}-*{ENDING}"):
            if path.name not in (place.in_use, place.refreshed):
                path.unlink()

    def _as_imported(self, name: str) -> ListHeader | None:
        """Return the header of a list, or None where it was damaged since: then it may be imported again."""
        try:
            return self.opened(name).header
        except ListError:
            return None

    def _generation(self) -> int:
        """Return the generation of the tags made now: a list of an earlier one is imported again."""
        return generation_of(self._vault.tag("nik", ""))

    def _tagged(self, row: tuple[str, str]) -> tuple[str, str]:
        return self._vault.tag("nik", row[0]), row[1]

    def _seal(self, content: str) -> str:
        return self._vault.tag(SEALED_AS, hashlib.sha256(content.encode()).hexdigest())

    def _verified(self, name: str) -> KeptList:
        if self._fetch and not (self._folder / name).is_file():
            self._fetch(name, self._folder)
        if not (self._folder / name).is_file():
            raise ListError(f"{name} is not there")
        try:
            return self._looked_at(name)
        except ListError:
            if self._fetch:  # perhaps it was damaged on its way: it is fetched anew
                (self._folder / name).unlink()
            raise

    def _looked_at(self, name: str) -> KeptList:
        kept = KeptList(self._folder / name)
        try:
            self._must_be_right(name, kept.header)
            kept.must_be_whole()
        except ListError:
            kept.close()
            raise
        return kept

    def _must_be_right(self, name: str, header: ListHeader) -> None:
        self._agreed(header.delivery)
        if not is_same_tag(self._vault, self._seal(header.sealed_content()), header.seal):
            raise ListError(f"{name} was not written here")

    def _agreed(self, delivery: Delivery) -> None:
        source = self._source_of.get(delivery.layer)
        if source is None or source.name != delivery.source:
            raise ListError(
                f"{delivery.layer} is looked up in no list of {delivery.source}: in the programme's sources.json "
                "add it to `listed` of that source and the agency's public key as `list_key`, then start anew"
            )
        delivery.must_be_signed(source.list_key)

    def _keep(self, layer: Layer, place: Place) -> None:
        path = self._folder / f"{layer}.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(place)), "utf-8")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
