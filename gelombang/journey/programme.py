"""Reads a programme's folder into values, and refuses one that is not right by naming file, field and line.

    programmes/<name>/rules.json                        rule sets by date
                      texts.json                        every code in Indonesian and English
                      regions.json                      provinces, and kabupaten/kota of registered domicile
                      consent.json                      the consent asked for, purpose by purpose, in every version
                      retention.json                    how long each class of data is kept, and why
                      appeals.json                      how long an appeal takes
                      seats.json                        how long a seat waits to be accepted
                      brown_outs.json                   which brown-outs extend a wave
                      holidays.json                     the days on which no working day is counted
                      operating_points/<release>.json   the thresholds of one model release

Read as package resources, so that the same lines work in a checkout and in a Lambda's zip.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, Field, RootModel, model_validator

from gelombang.domain.application import TIMED_STATES, State
from gelombang.domain.challenge import ChallengeLimits
from gelombang.domain.consent import Consent, Purpose, PurposeText
from gelombang.domain.face_evidence import MEASURES
from gelombang.domain.programme import Programme, Text
from gelombang.domain.reasons import Reason
from gelombang.domain.retention import Removal, RetentionClass
from gelombang.domain.seat import SeatRules
from gelombang.domain.verdict import Limit, OperatingPoint
from gelombang.domain.wave import BrownOutRules
from gelombang.journey.appeal_files import AppealsFile, HolidaysFile
from gelombang.journey.data_files import DataFile, Filled, read_data
from gelombang.journey.rule_files import read_rules

ProvinceCode = Annotated[str, Field(pattern=r"^[0-9]{2}$")]
RegionCode = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
Cosine = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
_Shape = TypeVar("_Shape", bound=BaseModel)


@lru_cache(maxsize=8)
def load_programme(name: str) -> Programme:
    """Return the programme of the folder programmes/<name>; read once a process.

    Raises:
        ValueError: a file is missing or wrong; the message names file, field and line.
    """
    folder = files("programmes").joinpath(name)
    if not name.isidentifier() or not folder.is_dir():
        raise ValueError(f"there is no programme named {name!r}")
    return read_programme(name, folder)


def read_programme(name: str, folder: Traversable) -> Programme:
    """Return the programme in a folder.

    Raises:
        ValueError: as `load_programme`.
    """
    texts = _read(folder, "texts.json", _TextsFile).root
    points = sorted(folder.joinpath("operating_points").iterdir(), key=lambda path: path.name)
    read = [
        _read(folder, f"operating_points/{path.name}", _PointFile)
        for path in points
        if path.name.endswith(".json")
    ]
    places = _read(folder, "regions.json", _RegionsFile)
    return Programme(
        name=name,
        rule_sets=read_rules(folder.joinpath("rules.json"), f"programmes/{folder.name}/rules.json"),
        texts={code: entry.value() for code, entry in texts.items()},
        provinces=places.provinces,
        regions={code: region.name for code, region in places.regions.items()},
        population={code: region.population for code, region in places.regions.items()},
        consents=tuple(entry.value() for entry in _read(folder, "consent.json", _ConsentFile).versions),
        operating_points={entry.release: entry.value() for entry in read},
        retention=tuple(entry.value() for entry in _read(folder, "retention.json", _RetentionFile).classes),
        appeals=_read(folder, "appeals.json", AppealsFile).value(),
        seats=_read(folder, "seats.json", _SeatsFile).value(),
        brown_outs=_read(folder, "brown_outs.json", _BrownOutsFile).value(),
        calendar=_read(folder, "holidays.json", HolidaysFile).value(),
    )


class _TextEntry(DataFile):
    id: Filled
    next_id: Filled
    en: Filled
    next_en: Filled

    def value(self) -> dict[str, Text]:
        return {"id": Text(self.id, self.next_id), "en": Text(self.en, self.next_en)}


class _TextsFile(RootModel[dict[str, _TextEntry]]):
    """Every code with its text."""


class _RegionEntry(DataFile):
    name: Filled
    population: Annotated[int, Field(gt=0)]


class _RegionsFile(DataFile):
    note: str
    source: Filled
    read_from: Filled
    checked_against: Filled
    provinces: dict[ProvinceCode, Filled]
    regions: Annotated[dict[RegionCode, _RegionEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _lie_in_provinces(self) -> Self:
        if {code[:2] for code in self.regions} != set(self.provinces):
            raise ValueError("every region lies in a province named here, and every province has a region")
        return self


class _Bilingual(DataFile):
    id: Filled
    en: Filled


class _PurposeEntry(DataFile):
    asks: _Bilingual
    when_withdrawn: _Bilingual

    def value(self) -> PurposeText:
        return PurposeText(self.asks.model_dump(), self.when_withdrawn.model_dump())


class _ConsentEntry(DataFile):
    version: Filled
    purposes: dict[Purpose, _PurposeEntry]

    @model_validator(mode="after")
    def _names_every_purpose(self) -> Self:
        if set(self.purposes) != set(Purpose):
            raise ValueError(f"texts are needed for exactly {', '.join(Purpose)}")
        return self

    def value(self) -> Consent:
        return Consent(self.version, {purpose: entry.value() for purpose, entry in self.purposes.items()})


class _ConsentFile(DataFile):
    versions: Annotated[tuple[_ConsentEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _follow_each_other(self) -> Self:
        names = [entry.version for entry in self.versions]
        if names != sorted(set(names)):
            raise ValueError("versions are named once each and in order")
        return self


class _RetentionEntry(DataFile):
    name: Filled
    states: Annotated[tuple[State, ...], Field(min_length=1)]
    days: Annotated[int, Field(gt=0)]
    removes: Annotated[tuple[Removal, ...], Field(min_length=1)]
    why: Filled

    @model_validator(mode="after")
    def _has_timed_states(self) -> Self:
        if not TIMED_STATES.issuperset(self.states):
            raise ValueError(f"only these states are timed: {', '.join(sorted(TIMED_STATES))}")
        return self

    def value(self) -> RetentionClass:
        return RetentionClass(self.name, self.states, timedelta(days=self.days), self.removes, self.why)


class _RowKind(DataFile):
    rows: Filled
    why: Filled


class _RetentionFile(DataFile):
    note: str
    classes: Annotated[tuple[_RetentionEntry, ...], Field(min_length=1)]
    expiring: tuple[_RowKind, ...]
    kept: tuple[_RowKind, ...]

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        if len({entry.name for entry in self.classes}) != len(self.classes):
            raise ValueError("a class is named twice")
        for state in TIMED_STATES:
            days = [entry.days for entry in self.classes if state in entry.states]
            if days != sorted(days):
                raise ValueError(f"the classes of {state} are not in the order of their ends")
        return self


class _SeatsFile(DataFile):
    accepted_within_days: Annotated[int, Field(ge=1, le=365)]
    source: Filled

    def value(self) -> SeatRules:
        return SeatRules(self.accepted_within_days, self.source)


class _BrownOutsFile(DataFile):
    counts_from_minutes: Annotated[int, Field(ge=1, le=1440)]
    before_close_hours: Annotated[int, Field(ge=1, le=168)]
    source: Filled

    def value(self) -> BrownOutRules:
        counts_from = timedelta(minutes=self.counts_from_minutes)
        return BrownOutRules(counts_from, timedelta(hours=self.before_close_hours), self.source)


class _LimitEntry(DataFile):
    measure: Filled
    below: float | None = None
    above: float | None = None
    outside: float | None = None
    set_by: str = ""

    @model_validator(mode="after")
    def _has_one_bound_of_a_known_measure(self) -> Self:
        if self.measure not in MEASURES:
            raise ValueError(f"no worker reports a measure named {self.measure}")
        if sum(bound is not None for bound in (self.below, self.above, self.outside)) != 1:
            raise ValueError("exactly one of below, above and outside is needed")
        return self


class _ChallengeEntry(DataFile):
    turn_min_deg: Annotated[float, Field(gt=0, lt=90)]
    nod_min_deg: Annotated[float, Field(gt=0, lt=90)]
    parallax_min: Annotated[float, Field(gt=0)]
    similarity_min: Cosine
    sameness_max: Cosine
    set_by: Filled

    def value(self) -> ChallengeLimits:
        return ChallengeLimits(**self.model_dump())


class _PointFile(DataFile):
    release: Filled
    match_min: Cosine
    duplicate_min: Cosine
    tie_width: Share
    live_min: Share | None
    faults: dict[Reason, _LimitEntry]
    ktp_faults: dict[Reason, _LimitEntry] = Field(default_factory=dict)
    challenge: _ChallengeEntry | None = None
    set_by: Filled

    def value(self) -> OperatingPoint:
        return OperatingPoint(
            release=self.release,
            match_min=self.match_min,
            duplicate_min=self.duplicate_min,
            tie_width=self.tie_width,
            live_min=self.live_min,
            faults=_limits(self.faults),
            set_by=self.set_by,
            ktp_faults=_limits(self.ktp_faults),
            challenge=self.challenge.value() if self.challenge else None,
        )


def _limits(entries: dict[Reason, _LimitEntry]) -> dict[str, Limit]:
    return {code: Limit(**entry.model_dump()) for code, entry in entries.items()}


def _read(folder: Traversable, path: str, shape: type[_Shape]) -> _Shape:
    return read_data(folder.joinpath(*path.split("/")), f"programmes/{folder.name}/{path}", shape)
