"""Who takes part in the demo's small wave, what they send, and what must come of it.

Faces are numbers into the demo's people: nobody's photograph is named here. `kind` is a kind of
person in `local.population`; what the registers say of them follows from it. Where a register refuses
somebody before any face check, their photographs may be anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gelombang.domain.application import State
from gelombang.domain.reasons import Reason

AFTER_DRAW = frozenset({State.SELECTED, State.RESERVE, State.NOT_DRAWN})
REFUSED = frozenset({State.NOT_ELIGIBLE})


class Selfie(StrEnum):
    """The first selfie somebody sends."""

    GOOD = "good"
    SPOILED = "spoiled"  # blurred, dark and tilted at once


class Card(StrEnum):
    """The first picture of the card somebody sends."""

    PHOTOGRAPH = "photograph"
    PDF = "pdf"  # a PDF called .jpg


class Sight(StrEnum):
    """Something that must be seen on somebody's way."""

    REGISTER_AWAITED = "a register was off and was waited for"
    ONLY_SELFIE_AGAIN = "asked for the selfie alone"
    ONLY_CARD_AGAIN = "asked for the card alone"
    REVIEWED = "reviewers decided"
    THIRD_DECIDED = "two reviewers differed, a third decided"
    BOTH_SHOWN = "the review showed both applications"


@dataclass(frozen=True, slots=True)
class Part:
    """One person of the demo and what must come of their application."""

    name: str
    kind: str
    face: int  # whose face the selfie shows
    card_face: int  # whose face the card shows
    ends: frozenset[State] = AFTER_DRAW
    reasons: frozenset[Reason] = frozenset()  # must all be given at once, for a retake or the refusal
    sights: frozenset[Sight] = frozenset()
    first_selfie: Selfie = Selfie.GOOD
    first_card: Card = Card.PHOTOGRAPH
    after: str = ""  # waits until this person is verified
    is_early: bool = False  # applies while the education register is off
    is_on_priority_list: bool = False
    is_genuine: bool = True  # the truth, by which the demo plays the reviewers
    divides_reviewers: bool = False  # whoever answers first errs


def parts_for(parts: Sequence[Part], face_count: int) -> tuple[Part, ...]:
    """Return the parts that so many different faces can play; who is refused before any face check needs none."""
    return tuple(
        part
        for part in parts
        if max(part.face, part.card_face) < face_count
        or (part.ends == REFUSED and Reason.REVIEWER_REFUSED not in part.reasons)
    )


# The third face is the most frontal of those in the packages: it is found even when spoiled.
SPOILED = frozenset({Reason.BLURRED, Reason.TOO_DARK, Reason.TILTED})
DOUBTED = frozenset({Sight.REVIEWED})

PARTS = (
    Part("early one", "ordinary", 0, 0, is_early=True, sights=frozenset({Sight.REGISTER_AWAITED})),
    Part("early two", "ordinary", 1, 1, is_early=True, sights=frozenset({Sight.REGISTER_AWAITED})),
    Part("on the priority list", "ordinary", 3, 3, frozenset({State.SELECTED}), is_on_priority_list=True),
    Part(
        "spoiled selfie first",
        "ordinary",
        2,
        2,
        reasons=SPOILED,
        sights=frozenset({Sight.ONLY_SELFIE_AGAIN}),
        first_selfie=Selfie.SPOILED,
    ),
    Part(
        "PDF called .jpg first",
        "ordinary",
        4,
        4,
        reasons=frozenset({Reason.NOT_AN_IMAGE}),
        sights=frozenset({Sight.ONLY_CARD_AGAIN}),
        first_card=Card.PDF,
    ),
    Part("NIK with another date", "legal_mismatch", 5, 5),
    Part("receives aid, as the rules in force allow", "aid", 6, 6),
    Part(
        "selfie of somebody else",
        "ordinary",
        0,
        1,
        REFUSED,
        frozenset({Reason.REVIEWER_REFUSED}),
        DOUBTED | {Sight.THIRD_DECIDED},
        after="early two",
        is_genuine=False,
        divides_reviewers=True,
    ),
    Part(
        "same face, second NIK",
        "ordinary",
        3,
        3,
        REFUSED,
        frozenset({Reason.REVIEWER_REFUSED}),
        frozenset({Sight.REVIEWED, Sight.BOTH_SHOWN}),
        after="on the priority list",
        is_genuine=False,
    ),
    Part("seventeen", "under_18", 3, 3, REFUSED, frozenset({Reason.TOO_YOUNG})),
    Part("student", "student", 4, 4, REFUSED, frozenset({Reason.STILL_AT_SCHOOL})),
    Part("madrasah pupil", "madrasah", 5, 5, REFUSED, frozenset({Reason.STILL_AT_MADRASAH})),
    Part("village head", "village_head", 6, 6, REFUSED, frozenset({Reason.EXCLUDED_OCCUPATION})),
    Part("earlier recipient", "earlier_recipient", 5, 5, REFUSED, frozenset({Reason.EARLIER_RECIPIENT})),
)
FACES_NEEDED = 1 + max(max(part.face, part.card_face) for part in PARTS)
