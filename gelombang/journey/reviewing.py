"""What a reviewer does: is given a case, sees its pictures, answers, and is given the next.

    next_review ─▶ held for half an hour ─▶ view_review, on record ─▶ answer, for each person who is to be decided
                        └─ over: it goes to somebody else

Nobody searches: a reviewer has no list, opens only what was given to them, and never gets a case that concerns their
own district. They see people as A, B, C: no id, NIK, name or score, and copies of photographs under other names, which
are gone when their half hour is. Open cases about one face are given together (docs/decisions/0027).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from gelombang.domain.application import Application, Slot, State
from gelombang.domain.consent import NEEDED
from gelombang.domain.errors import ConflictError, MoveNotAllowedError, NotAllowedError, NotFoundError
from gelombang.domain.review import (
    GIVEN_FOR,
    Case,
    ReviewAnswer,
    ReviewDecision,
    may_be_given,
    outcome_of,
)
from gelombang.journey import applications, review_quality
from gelombang.journey.applications import rereading
from gelombang.journey.challenge import ChallengeShown, ask_for_challenge, challenges_shown
from gelombang.journey.ports import Due, Key, Ports, Put, Row
from gelombang.journey.review import (
    CLOSED,
    application_of,
    naming,
    refused_by_accepting,
    regions_of,
    take_answer,
)
from gelombang.journey.review_cases import case_row, cluster_of, load_case, waiting
from gelombang.journey.staff import Scope, Staff

HELD = "review_held"  # worklist of copies to remove
LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Place:
    """One person in what a reviewer was given; with a case where it is this reviewer's to decide."""

    label: str
    application_id: str = ""
    case_id: str = ""
    pictures: tuple[str, str] | None = None  # keys of selfie and card, of planted cases


@dataclass(frozen=True, slots=True)
class Held:
    """What a reviewer was given: one at a time."""

    review_id: str
    until: datetime
    since: datetime  # when they began with what they are now at
    places: tuple[Place, ...]
    version: int = 0  # of the stored row


@dataclass(frozen=True, slots=True)
class ReviewGiven:
    """A review to do, and until when it is held for this reviewer."""

    review_id: str
    until: datetime
    labels: tuple[str, ...]  # of whom to decide


@dataclass(frozen=True, slots=True)
class PersonShown:
    """One person as a reviewer sees them: pictures for some minutes, the doubt, challenges that were answered."""

    label: str
    is_to_decide: bool = False  # else they are there to be compared with, or decided already
    reasons: tuple[str, ...] = ()
    selfie_url: str = ""
    ktp_url: str = ""
    challenges: tuple[ChallengeShown, ...] = ()
    is_restricted: bool = False  # by themselves: nothing is shown or decided until they lift that


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What a reviewer was given, to look at: everybody with one face side by side."""

    review_id: str
    until: datetime
    people: tuple[PersonShown, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is kept; `left` are those still to decide. What came of the case is not told."""

    review_id: str
    label: str
    left: tuple[str, ...]


_HELD = TypeAdapter(Held)
Link = Callable[[str], str]


def next_review(ports: Ports, staff: Staff) -> ReviewGiven | None:
    """Give a reviewer the most urgent case they may have, or the one they have; None when there is none.

    Raises:
        NotAllowedError: not a reviewer, or one whose district nobody knows.
    """
    staff.must_have(Scope.DECIDE_CASES)
    if not staff.district:
        raise NotAllowedError("district")
    now = ports.clock.now()
    held = _load(ports, staff.name)
    if held and held.until > now and (left := _left(ports, staff, held)):
        return ReviewGiven(held.review_id, held.until, left)
    if held:
        ports.photos.erase(_folder(held.review_id))
    for listed in waiting(ports, now):
        if may_be_given(listed, staff.name, now) and staff.district not in listed.regions:
            given = _give(ports, staff, listed.case_id, held.version if held else 0)
            if given:
                return ReviewGiven(given.review_id, given.until, _left(ports, staff, given))
    return None


def view_review(ports: Ports, staff: Staff, review_id: str) -> ReviewView:
    """Show what a reviewer was given; that it was seen, and by whom, goes on record of everybody who is shown.

    Raises:
        NotAllowedError: not a reviewer.
        NotFoundError: nothing of this name is given to this reviewer now.
    """
    held = _held(ports, staff, review_id)
    left, link = _left(ports, staff, held), _linker(ports, held)
    shown = (_shown(ports, staff, held, place, link) for place in held.places)
    people = (replace(one, is_to_decide=one.label in left) for one in shown if one)
    return ReviewView(review_id, held.until, tuple(people))


@rereading
def answer(
    ports: Ports, staff: Staff, review_id: str, label: str, *, decision: ReviewDecision, note: str
) -> Answered:
    """Answer for one person: accept, refuse, or ask for another selfie; once.

    The same answer sent again, by whoever did not hear that it was kept, is told so as the first was: until another
    review is given to this reviewer, even if the time for this one is over.

    Raises:
        NotAllowedError: not a reviewer.
        NotFoundError: nothing of this name is given to this reviewer now, or nobody in it has this label.
        MoveNotAllowedError: answered otherwise before, or nothing is left to answer; or accepting would refuse somebody
            whom this reviewer was not shown, who is given the review anew.
        RestrictedError: the applicant has restricted processing.
    """
    given = _given(ports, staff, review_id)
    case, said = _case_at(ports, given, label), (staff.name, decision, note)
    if said not in [(each.reviewer, each.decision, each.note) for each in case.answers]:
        _must_be_in_time(ports, given)
        _must_be_wanted(staff, case)
        if decision is ReviewDecision.ACCEPT:
            _must_have_seen_whom_it_refuses(ports, staff, given, case)
        now = ports.clock.now()
        first = ReviewAnswer(*said, now, (now - given.since).total_seconds())
        outcome = outcome_of([*(each.decision for each in case.answers), decision])
        began_next = Put(_row(staff.name, replace(given, since=now)))
        take_answer(ports, case, first, [began_next, *review_quality.counted(ports, case, first, outcome)])
    left = _left(ports, staff, given)
    return Answered(review_id, label, tuple(each for each in left if each != label))


@rereading
def ask_challenge(ports: Ports, staff: Staff, review_id: str, label: str) -> None:
    """Tell an applicant that a challenge would help; the case stays open and may be decided without.

    Raises:
        as `answer`.
    """
    case = _case_at(ports, _held(ports, staff, review_id), label)
    _must_be_wanted(staff, case)
    if case.planted is None:  # else nobody is there to be asked
        ask_for_challenge(ports, application_of(ports, case, "ask_challenge"), staff.name)


def forget_copies(ports: Ports) -> int:
    """Remove the copies of photographs whose reviewer's time is over; return of how many reviews.

    Raises:
        DependencyError: a store could not be reached; the next round goes on.
    """
    ended = ports.rows.read_due(HELD, ports.clock.now())
    for row in ended:
        ports.photos.erase(_folder(row.fields["review_id"]))
        try:
            ports.rows.commit([Put(replace(row, due=None))])
        except ConflictError:  # given something else meanwhile
            continue
    return len(ended)


def _give(ports: Ports, staff: Staff, case_id: str, version: int) -> Held | None:
    """Hold a case, and the others about the same face, for a reviewer; None when it cannot be, or is gone meanwhile."""
    now = ports.clock.now()
    first = load_case(ports, case_id)
    people: dict[str, Case | None] = {"": first} if first.planted else cluster_of(ports, first)
    concerned = {region for case in people.values() if case for region in case.regions}
    # Whoever was correcting a form when a case was opened may have another district since.
    concerned |= regions_of(ports, filter(None, people))
    if staff.district in concerned or not may_be_given(first, staff.name, now):
        return None
    mine = {name: case for name, case in people.items() if case and may_be_given(case, staff.name, now)}
    until = now + GIVEN_FOR
    held = Held(ports.clock.random_bytes(16).hex(), until, now, _places(first, people, mine), version)
    given = [replace(case, given=case.given | {staff.name: until}) for case in mine.values()]
    try:
        ports.rows.commit([Put(_row(staff.name, held)), *(Put(case_row(case)) for case in given)])
    except ConflictError:  # somebody else was given it, or it was closed
        return None
    return held


def _places(first: Case, people: dict[str, Case | None], mine: dict[str, Case]) -> tuple[Place, ...]:
    if first.planted:
        pictures = first.planted.pictures
        return tuple(
            Place(LABELS[n], "", "" if n else first.case_id, both) for n, both in enumerate(pictures)
        )
    by_age = sorted(mine, key=lambda name: (name != first.application_id, mine[name].opened_at))
    ordered = [*by_age, *(name for name in people if name not in mine)]
    return tuple(
        Place(LABELS[n], name, mine[name].case_id if name in mine else "") for n, name in enumerate(ordered)
    )


def _left(ports: Ports, staff: Staff, held: Held) -> tuple[str, ...]:
    """Return the labels of those whom this reviewer is still to decide."""
    left = []
    for place in held.places:
        case = load_case(ports, place.case_id) if place.case_id else None
        if case and case.is_open and not any(each.reviewer == staff.name for each in case.answers):
            left.append(place.label)
    return tuple(left)


def _held(ports: Ports, staff: Staff, review_id: str) -> Held:
    held = _given(ports, staff, review_id)
    _must_be_in_time(ports, held)
    return held


def _given(ports: Ports, staff: Staff, review_id: str) -> Held:
    """Return what this reviewer was given last, if that is its name; its time may be over."""
    staff.must_have(Scope.DECIDE_CASES)
    held = _load(ports, staff.name)
    if held is None or held.review_id != review_id:
        raise NotFoundError
    return held


def _must_be_in_time(ports: Ports, held: Held) -> None:
    if held.until <= ports.clock.now():
        raise NotFoundError


def _case_at(ports: Ports, held: Held, label: str) -> Case:
    place = next((each for each in held.places if each.label == label and each.case_id), None)
    if place is None:
        raise NotFoundError
    return load_case(ports, place.case_id)


def _must_be_wanted(staff: Staff, case: Case) -> None:
    if case.decision or any(each.reviewer == staff.name for each in case.answers):
        raise MoveNotAllowedError(CLOSED, "review")


def _must_have_seen_whom_it_refuses(ports: Ports, staff: Staff, held: Held, case: Case) -> None:
    if case.planted:
        return
    holder = refused_by_accepting(ports, application_of(ports, case, "review_accept"))
    if holder is None or holder.application_id in {place.application_id for place in held.places}:
        return
    # Whose NIK it is has changed since: the same case is given again, with them beside.
    over = Put(_row(staff.name, replace(held, until=ports.clock.now())))
    ports.rows.commit([over, *naming(ports, case, holder)])
    raise MoveNotAllowedError(CLOSED, "review_accept")


def _shown(ports: Ports, staff: Staff, held: Held, place: Place, link: Link) -> PersonShown | None:
    """Return one person as they may be shown; nobody where nothing of them may be."""
    case = load_case(ports, place.case_id) if place.case_id else None
    person = PersonShown(place.label, reasons=case.reasons if case else ())
    if place.pictures:
        selfie, ktp = map(link, place.pictures)
        return replace(person, selfie_url=selfie, ktp_url=ktp)
    facts = {"case_id": place.case_id or held.places[0].case_id, "review_id": held.review_id}
    application = _on_record(ports, place.application_id, facts | {"reviewer": staff.name})
    if application is None:
        return None
    if application.restricted_at:
        return replace(person, reasons=(), is_restricted=True) if case else None
    selfie, ktp = (link(application.photos[slot].key) for slot in (Slot.SELFIE, Slot.KTP))
    challenges = challenges_shown(ports, place.application_id, link) if case else ()
    return replace(person, selfie_url=selfie, ktp_url=ktp, challenges=challenges)


@rereading
def _on_record(ports: Ports, application_id: str, facts: dict[str, str]) -> Application | None:
    """Put a view on record and return whom it shows: not whoever is erased or has withdrawn consent.

    Of somebody who has restricted processing nothing is shown, and nothing is put on record.
    """
    application = applications.load(ports, application_id)
    if application.state is State.ERASED or not set(NEEDED) <= set(application.consents):
        return None
    if application.restricted_at:
        return application
    return applications.save(ports, application, "case_viewed", facts)


def _linker(ports: Ports, held: Held) -> Link:
    """Return what makes a copy of a photograph under a name that tells nothing, and gives its short-lived address."""

    def link(key: str) -> str:
        if not key:
            return ""
        name = f"{_folder(held.review_id)}/{hashlib.sha256(key.encode()).hexdigest()[:32]}.jpg"
        try:
            ports.photos.keep(name, ports.photos.read(key))
        except NotFoundError:
            return ""
        return ports.photos.view_url(name)

    return link


def _folder(review_id: str) -> str:
    return f"shown/{review_id}"


def _load(ports: Ports, reviewer: str) -> Held | None:
    row = ports.rows.read(_key(reviewer))
    return replace(_HELD.validate_python(row.fields), version=row.version) if row else None


def _row(reviewer: str, held: Held) -> Row:
    fields = _HELD.dump_python(replace(held, version=0), mode="json")
    return Row(_key(reviewer), fields, held.version, Due(HELD, held.until))


def _key(reviewer: str) -> Key:
    return Key(f"REVIEWER#{reviewer}")
