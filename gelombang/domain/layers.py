"""The contract of each register layer: whose data it is, what is asked with and told, its reasons, who puts it right.

What follows from the facts is no matter of a layer: the rule set in force says it (`gelombang.domain.conditions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gelombang.domain.checks import Layer
from gelombang.domain.reasons import Reason


class Agency(StrEnum):
    """Who keeps a source and corrects it; each has a text that says where to go."""

    DUKCAPIL = "AGENCY_DUKCAPIL"
    KEMDIKBUD = "AGENCY_KEMDIKBUD"
    KEMENAG = "AGENCY_KEMENAG"
    KEMENSOS = "AGENCY_KEMENSOS"
    EMPLOYER = "AGENCY_EMPLOYER"
    PRAKERJA = "AGENCY_PRAKERJA"


@dataclass(frozen=True, slots=True)
class Contract:
    """What one layer asks of whom, and which facts its conditions may name."""

    source: str
    agency: Agency
    asked_with: tuple[str, ...]  # fields of the person, and no more than these
    facts: Mapping[str, type]  # as answered, and what follows from the answer and the applicant's own words
    answered_by: Layer  # the layer whose one answer this one is judged from
    # Must have passed before this one is asked: a number that was mistyped may be somebody else's, whose facts
    # would refuse the applicant for good and are none of their business.
    needs: tuple[Layer, ...]


WHO = (Layer.POPULATION,)
WHO_AND_WHOSE = (Layer.POPULATION, Layer.KK)


def _population(needs: tuple[Layer, ...], **facts: type) -> Contract:
    """Return the contract of one of the three layers for which the population register is asked once."""
    told = MappingProxyType({"found": bool, **facts})
    return Contract("dukcapil", Agency.DUKCAPIL, ("nik", "kk"), told, Layer.POPULATION, needs)


def _list(layer: Layer, source: str, agency: Agency, **facts: type) -> Contract:
    return Contract(source, agency, ("nik",), MappingProxyType(facts), layer, WHO_AND_WHOSE)


# The face is no register's: `gelombang.domain.verdict` judges it, and only people refuse it.
CONTRACTS: Mapping[Layer, Contract] = MappingProxyType(
    {
        Layer.POPULATION: _population(
            (),
            citizenship=str,
            birth_date_matches=bool,
            region_matches=bool,
            nik_date_matches=bool,
            name_likeness=float,
        ),
        Layer.AGE: _population(WHO, age=int),
        Layer.KK: _population((), kk_matches=bool),
        Layer.EDUCATION: _list(Layer.EDUCATION, "kemdikbud", Agency.KEMDIKBUD, enrolled=bool),
        Layer.RELIGIOUS_EDUCATION: _list(Layer.RELIGIOUS_EDUCATION, "kemenag", Agency.KEMENAG, enrolled=bool),
        Layer.AID: _list(Layer.AID, "kemensos", Agency.KEMENSOS, receives_aid=bool),
        Layer.EXCLUDED_OCCUPATION: _list(
            Layer.EXCLUDED_OCCUPATION, "exclusions", Agency.EMPLOYER, occupation=str
        ),
        Layer.EARLIER_RECIPIENT: _list(Layer.EARLIER_RECIPIENT, "prakerja", Agency.PRAKERJA, received=bool),
        Layer.BLACKLIST: _list(Layer.BLACKLIST, "prakerja_blacklist", Agency.PRAKERJA, blacklisted=bool),
        Layer.HOUSEHOLD_CAP: Contract(
            "prakerja_households",
            Agency.PRAKERJA,
            ("nik", "kk"),
            MappingProxyType({"recipients": int}),
            Layer.HOUSEHOLD_CAP,
            WHO_AND_WHOSE,
        ),
    }
)
# What a layer may fail with. A reason of another layer would send the person to the wrong agency, with a wrong text.
REASONS: Mapping[Layer, tuple[Reason, ...]] = MappingProxyType(
    {
        Layer.POPULATION: (
            Reason.NIK_NOT_FOUND,
            Reason.BIRTH_DATE_DIFFERS,
            Reason.REGION_DIFFERS,
            Reason.NOT_A_CITIZEN,
        ),
        Layer.AGE: (Reason.TOO_YOUNG, Reason.TOO_OLD),
        Layer.KK: (Reason.KK_DIFFERS,),
        Layer.EDUCATION: (Reason.STILL_AT_SCHOOL,),
        Layer.RELIGIOUS_EDUCATION: (Reason.STILL_AT_MADRASAH,),
        Layer.AID: (Reason.RECEIVES_AID,),
        Layer.EXCLUDED_OCCUPATION: (Reason.EXCLUDED_OCCUPATION,),
        Layer.EARLIER_RECIPIENT: (Reason.EARLIER_RECIPIENT,),
        Layer.BLACKLIST: (Reason.BLACKLISTED,),
        Layer.HOUSEHOLD_CAP: (Reason.KK_AT_LIMIT,),
    }
)
# What it may remark besides; these never block, so they are no reasons to fail.
REMARKS: Mapping[Layer, tuple[Reason, ...]] = MappingProxyType(
    {Layer.POPULATION: (Reason.NIK_DATE_DIFFERS, Reason.NAME_DIFFERS)}
)
