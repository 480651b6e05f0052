"""A synthetic population: made-up people with made-up numbers, the same for the same seed and day; nobody real.

A NIK and a KK number begin with the place they were issued in. Ours are issued in district 99 of a real kabupaten
or kota, which none has, so that no number here can be a living person's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.nik import WOMANS_DAY_ADDED, Sex
from gelombang.memory.registers import Citizen

NO_DISTRICT = "99"
MOST_IN_A_HOUSEHOLD = 4
MOST_SERIALS = 9999
# Where the made-up people live: 65 of the 514 kabupaten/kota, in every province. In all 514 there would be too few in
# each to cast the demo, which needs somebody of every kind in each of two regions.
TOWNS = (
    "1171 1207 1271 1371 1471 1571 1671 1771 1871 1971 2171 2172 3101 3171 3172 3173 3174 3175 3201 3204 3205 3216 "
    "3271 3273 3275 3276 3302 3329 3372 3374 3404 3471 3507 3509 3573 3578 3603 3671 3674 5171 5271 5371 6171 6271 "
    "6371 6471 6472 6571 7104 7171 7271 7371 7471 7571 7602 8171 8271 9171 9202 9301 9304 9401 9501 9508 9671"
)
WOMEN = (
    "Sekar",
    "Melati",
    "Kenanga",
    "Wulan",
    "Intan",
    "Citra",
    "Dahlia",
    "Laras",
    "Puspita",
    "Nirmala",
    "Ratna",
    "Seruni",
    "Cempaka",
    "Anggrek",
    "Ayu",
    "Kartika",
    "Mutiara",
    "Kirana",
    "Lestari",
    "Mawar",
)
MEN = (
    "Bayu",
    "Guntur",
    "Surya",
    "Samudra",
    "Elang",
    "Bintang",
    "Rimba",
    "Jaka",
    "Banyu",
    "Langit",
    "Fajar",
    "Gilang",
    "Satria",
    "Panji",
    "Galih",
    "Wira",
    "Teguh",
    "Arga",
    "Damar",
    "Cakra",
)
FAMILIES = (
    "Contohan",
    "Rekaan",
    "Andaian",
    "Misalnya",
    "Umpama",
    "Karangan",
    "Percobaan",
    "Bayangan",
    "Tiruan",
    "Ibarat",
    "Samaran",
    "Latihan",
    "Gambaran",
    "Pura",
    "Seumpama",
    "Peragaan",
)

Change = Callable[[Citizen, date, random.Random], Citizen]


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody, and who is of which kind."""

    citizens: tuple[Citizen, ...]
    kinds: tuple[str, ...]  # of each citizen, in the same order

    @classmethod
    def seeded(cls, seed: int, count: int, today: date | None = None) -> Population:
        """Return `count` (1..9999) citizens: half of them ordinary, the others of each kind in turn.

        Ages count from `today`, by default the day it is in Jakarta. A smaller population of the same seed and
        day is the beginning of a larger one.

        Raises:
            ValueError: `count` is more than there are serial numbers.
        """
        if not 1 <= count <= MOST_SERIALS:
            raise ValueError(f"a population has 1 to {MOST_SERIALS} citizens")
        today = today or jakarta_day(datetime.now(UTC))
        chance = random.Random(seed)  # noqa: S311 - makes people up, keeps nothing secret
        kinds = tuple(KINDS[number % len(KINDS)] for number in range(count))
        families = _families(chance)
        citizens = tuple(
            CHANGES[kind](_adult(number, *next(families), today, chance), today, chance)
            for number, kind in enumerate(kinds)
        )
        return cls(citizens, kinds)

    def everybody(self, kind: str) -> tuple[Citizen, ...]:
        """Return all citizens of a kind (a key of `CHANGES`), in order."""
        return tuple(
            citizen for citizen, its_kind in zip(self.citizens, self.kinds, strict=True) if its_kind == kind
        )

    def somebody(self, kind: str, number: int = 0) -> Citizen:
        """Return one citizen of a kind, counted from 0.

        Raises:
            IndexError: the population has not so many of them.
        """
        return self.everybody(kind)[number]


def write_nik(place_code: str, birth_date: date, sex: Sex, serial: int) -> str:
    """Return the NIK that says so: six digits of place, the date with a woman's day raised by 40, the serial."""
    day = birth_date.day + (WOMANS_DAY_ADDED if sex is Sex.FEMALE else 0)
    return f"{place_code}{day:02}{birth_date:%m%y}{serial:04}"


def _families(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the KK and region of one citizen after the other: the same one to four times."""
    towns = TOWNS.split()
    number = 0
    while True:
        number += 1
        region = chance.choice(towns)
        issued = date(2012, 1, 1) + timedelta(days=chance.randrange(3650))
        kk = f"{region}{NO_DISTRICT}{issued:%d%m%y}{number:04}"
        for _ in range(chance.randint(1, MOST_IN_A_HOUSEHOLD)):
            yield kk, region


def _adult(number: int, kk: str, region: str, today: date, chance: random.Random) -> Citizen:
    sex = chance.choice(list(Sex))
    name = f"{chance.choice(WOMEN if sex is Sex.FEMALE else MEN)} {chance.choice(FAMILIES)}"
    born = _birthday(today, chance.randint(19, 63)) - timedelta(days=chance.randrange(360))
    nik = write_nik(region + NO_DISTRICT, born, sex, number + 1)
    return Citizen(nik, kk, name, born, sex, region)


def _birthday(today: date, age: int) -> date:
    """Return the birth date of somebody who is `age` years old since today (29 February: since 1 March)."""
    try:
        return today.replace(year=today.year - age)
    except ValueError:
        return date(today.year - age, 3, 1)


def _born(citizen: Citizen, birth_date: date) -> Citizen:
    nik = write_nik(citizen.nik[:6], birth_date, citizen.sex, int(citizen.nik[12:]))
    return replace(citizen, nik=nik, birth_date=birth_date)


def _under_18(citizen: Citizen, today: date, chance: random.Random) -> Citizen:
    return _born(citizen, _birthday(today, 18) + timedelta(days=chance.randint(1, 300)))


def _over_64(citizen: Citizen, today: date, chance: random.Random) -> Citizen:
    return _born(citizen, _birthday(today, 65) - timedelta(days=chance.randrange(1500)))


def _legal_mismatch(citizen: Citizen, _today: date, chance: random.Random) -> Citizen:
    return replace(citizen, birth_date=citizen.birth_date + timedelta(days=chance.randint(1, 40)))


# What each kind differs in from an ordinary adult.
CHANGES: MappingProxyType[str, Change] = MappingProxyType(
    {
        "ordinary": lambda citizen, _today, _chance: citizen,
        "under_18": _under_18,
        "exactly_18": lambda citizen, today, _chance: _born(citizen, _birthday(today, 18)),
        "over_64": _over_64,
        "student": lambda citizen, _today, _chance: replace(citizen, is_at_school=True),
        "madrasah": lambda citizen, _today, _chance: replace(citizen, is_at_madrasah=True),
        "aid": lambda citizen, _today, _chance: replace(citizen, receives_aid=True),
        "village_head": lambda citizen, _today, _chance: replace(citizen, occupation="VILLAGE_HEAD"),
        "earlier_recipient": lambda citizen, _today, _chance: replace(citizen, has_received=True),
        "legal_mismatch": _legal_mismatch,
        "foreigner": lambda citizen, _today, _chance: replace(citizen, citizenship="WNA"),
        "blacklisted": lambda citizen, _today, _chance: replace(citizen, is_blacklisted=True),
        "full_household": lambda citizen, _today, _chance: replace(citizen, household_recipients=2),
    }
)
# The kinds of citizens in order, again and again: one of each other kind after every ordinary one.
KINDS = tuple(kind for other in list(CHANGES)[1:] for kind in ("ordinary", other))
