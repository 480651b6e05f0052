"""The lists of a folder, perhaps filled from a bucket: which version of each is in use, and which people are judged by.

    <layer>-<listed on>-<version>.list   every version, as `gelombang.lists.files` writes it
    <layer>.json                         {"in_use": <name>, "refreshed": <name or "">}, changed in one step

A list is in use for whoever is checked from the moment it is imported. Whoever was checked before is looked at by the
refresh (`gelombang.journey.refresh`). Several imports may lie between `refreshed` and `in_use`, and people may have
been judged by any of them: each is kept, and compared with what is in use, until a refresh is done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cmp_to_key
from pathlib import Path

from gelombang.domain.checks import Layer
from gelombang.domain.sources import Source
from gelombang.domain.tags import generation_of
from gelombang.journey.parallel import in_parallel
from gelombang.journey.ports import Vault
from gelombang.journey.tags import is_same_tag
from gelombang.lists.delivery import ENDING, NOT_AS_SIGNED, Delivery, ListError, read_rows
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

    def source_of(self, layer: Layer) -> Source:
        """Return the source whose list answers for a layer.

        Raises:
            KeyError: it is asked online.
        """
        return self._source_of[layer]

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

    def before(self, layer: Layer) -> list[KeptList | None]:
        """Return the versions before the one in use that people may have been judged by, oldest first; they stay open.

        None: nobody was judged by a list then, which is compared as an empty one.

        Raises:
            ListError: some cannot be compared with what is in use; `faults` names each, with why.
        """
        place = self.place_of(layer)
        names = self._names_before(layer, place)
        lists, faults = dict[str, KeptList](), dict[str, str]()
        for name in (*names, place.in_use):
            try:
                lists[name] = self.opened(name)
            except ListError as error:
                faults[name] = str(error)
        newest = max((kept.header.generation for kept in lists.values()), default=1)
        for name, kept in lists.items():
            if kept.header.row_count and kept.header.generation < newest:
                faults[name] = "its tags were made before the HMAC keys changed"
        if faults:
            raise ListError(
                "people may have been judged by versions that cannot be compared: import them again from the "
                "agency's deliveries, then refresh",
                tuple(f"{name}: {why}" for name, why in faults.items()),
            )
        return [*([] if place.refreshed else [None]), *(lists[name] for name in names)]

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

        One from before that a refresh compares and cannot read any more is kept anew; what is in use stays.

        Raises:
            ListError: not signed by its agency; made after `today`, so that no genuine one could follow it before that
                day; not later than the version in use; with rows that are no NIK; or another file than was signed.
        """
        self._agreed(delivery)
        if delivery.listed_on > today:
            day = delivery.listed_on.isoformat()
            raise ListError(
                f"made on {day}, which is after today: let {delivery.source} sign it with the right day"
            )
        place, name = self.place_of(delivery.layer), delivery.file_name
        is_before = name in self._names_before(delivery.layer, place)
        kept = self._as_imported(name) if is_before or name == place.in_use else None
        if kept and kept.delivery != delivery:
            raise ListError(f"another list with version {delivery.version} is in use, or was")
        is_readable = kept is not None and kept.generation == self._generation()
        if kept and is_readable and not is_before:
            with csv.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != delivery.sha256:
                    raise ListError(NOT_AS_SIGNED)
            return kept
        is_needed = is_before and not is_readable
        if place.in_use and not is_needed and not delivery.is_from(place.in_use):
            raise ListError(f"{delivery.version} is not later than {place.in_use}, which is in use")
        tagged = in_parallel(self._tagged, read_rows(csv, delivery, today), threads)
        self._folder.mkdir(parents=True, exist_ok=True)
        header = write_list(self._folder / name, delivery, tagged, self._seal)
        if name in self._open:
            self._open.pop(name).close()
        if not is_before:
            self._keep(delivery.layer, Place(name, place.refreshed))
        return header

    def note_refreshed(self, layer: Layer, name: str) -> None:
        """Note that everybody has been judged by this version; those that are used no more are deleted."""
        place = Place(self.place_of(layer).in_use, name)
        self._keep(layer, place)
        used = {place.in_use, *self._names_before(layer, place)}  # perhaps some were imported meanwhile
        for path in self._folder.glob(f"{layer}-*{ENDING}"):
            if path.name not in used:
                path.unlink()

    def _names_before(self, layer: Layer, place: Place) -> list[str]:
        """Return the versions from `refreshed` up to what is in use, oldest first, without the latter.

        A name says the same as the header behind it: `_must_be_right` sees to that. One that is later than what is in
        use was never used: its import ended before it was noted.
        """
        names = {path.name for path in self._folder.glob(f"{layer}-*{ENDING}")} | {place.refreshed} - {""}
        versions = [version for name in names if (version := _named(layer, name))]
        before = [
            each for each in versions if each.is_from(place.refreshed) and not each.is_from(place.in_use)
        ]
        return [each.file_name for each in sorted(before, key=cmp_to_key(_compared))]

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
        if header.delivery.file_name != name:  # versions are put in order by their names
            raise ListError(f"{name} is {header.delivery.file_name}, under another name")

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


def _named(layer: Layer, file_name: str) -> Delivery | None:
    """Return the version that is kept under a name, as far as that says; None: no list has such a name."""
    named = file_name[len(layer) + 1 : -len(ENDING)]
    try:
        listed_on = date.fromisoformat(named[:10])
    except ValueError:
        return None
    return Delivery.model_construct(layer=layer, listed_on=listed_on, list_version=named[11:])


def _compared(one: Delivery, other: Delivery) -> int:
    return 1 if one.is_from(other.file_name) else -1
