"""The form and its submission: fields are saved as they are typed, checked at once, and never typed twice."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from gelombang.domain.appeal import is_by_appeal, stands
from gelombang.domain.application import (
    Application,
    Form,
    Move,
    PhotoStatus,
    Slot,
    State,
    require_unrestricted,
    sealed_fields,
)
from gelombang.domain.checks import CheckResult, Layer, Person
from gelombang.domain.consent import missing_purposes
from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.errors import FieldFault, FormChangedError, InvalidFormError, MoveNotAllowedError
from gelombang.domain.messages import ChecksDue, Message, PhotoArrived
from gelombang.domain.nik import kk_faults, nik_faults
from gelombang.domain.programme import Programme
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.photos import unseen_uploads
from gelombang.journey.ports import Ports

FIELDS = ("nik", "kk", "name", "birth_date", "region")
SHOWN_AGAIN = ("name", "birth_date", "region")  # NIK and KK are never sent back
LONGEST_NAME = 120
FIRST_BIRTH_DATE = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class FormView:
    """The draft as its owner sees it: NIK and KK only as saved or not.

    `etag` changes with every field, shown or not, and with nothing else: a photograph leaves it as it is.
    """

    values: dict[str, str]
    saved: tuple[str, ...]
    missing: tuple[str, ...]
    is_open: bool
    etag: str


def read_form(ports: Ports, application_id: str) -> FormView:
    """Return what has been typed so far."""
    return _view(ports, applications.load(ports, application_id))


@rereading
def save_form(
    ports: Ports,
    programme: Programme,
    application_id: str,
    fields: Mapping[str, str],
    seen: frozenset[str] | None = None,
) -> FormView:
    """Save some fields of the draft; all of them, or none when any is wrong. The fields not named stay.

    `seen` are the etags of the form that the caller knows; None: whatever it is now. Fields that already are as sent
    are no change: an answer that was lost on the way may be asked for again (RFC 9110, section 13.1.1).

    Raises:
        InvalidFormError: every field that is wrong, at once.
        FormChangedError: the form is not as the caller knows it.
        MoveNotAllowedError: the form was already submitted.
    """
    application = applications.load(ports, application_id)
    require_unrestricted(application, "save_form")
    if application.state is not State.DRAFT:
        raise MoveNotAllowedError(application.state, "save_form")
    typed = {name: " ".join(value.split()) for name, value in fields.items()}
    faults = form_faults(ports, programme, typed)
    if faults:
        raise InvalidFormError(faults)
    if seen is not None and form_etag(application) not in seen:
        if all(_is_saved(ports, application, name, value) for name, value in typed.items()):
            return _view(ports, application)
        raise FormChangedError(form_etag(application))
    sealed = {name: _seal(ports, application_id, name, value) for name, value in typed.items()}
    draft = replace(application, draft=application.draft | sealed, answered_as=_answered_as(application))
    return _view(ports, applications.save(ports, draft, "form_saved", {"fields": sorted(sealed)}))


@rereading
def submit(ports: Ports, application_id: str) -> Application:
    """Hand the application in: the first time with its form, later with just the photographs that were refused.

    Nothing of anybody with the same NIK is looked at, so that nobody can find out whose NIK is known: to find a row
    takes longer than to find none. The checks look (`gelombang.journey.nik_claims`), and reviewers decide.

    Raises:
        InvalidFormError: fields or photographs are missing, all of them named; or an officer of another district asks.
        MoveNotAllowedError: it is already being checked, or decided.
    """
    application = applications.load(ports, application_id)
    now, unseen = ports.clock.now(), unseen_uploads(ports, application)
    if application.state is State.DRAFT:
        moved = applications.move(application, Move.SUBMIT, now)
        missing = _missing_fields(application) + _missing_photos(application, unseen)
    else:
        moved = applications.move(application, Move.RESUBMIT, now)
        missing = _missing_photos(application, unseen)
    missing += _missing_consents(application)
    if missing:
        raise InvalidFormError(missing)
    form = application.form or _complete_form(ports, application)
    if elsewhere := _district_faults(ports, form.region):
        raise InvalidFormError(elsewhere)
    # A corrected form is checked anew; a new photograph leaves what the registers said as it is.
    kept = _standing(ports, application) if application.form is None else application.checks
    kept = {name: result for name, result in kept.items() if name != Layer.FACE}
    number = application.submission + 1
    moved = replace(
        moved, form=form, draft={}, answered_as={}, checks=kept, submission=number, face_check_id=""
    )
    asked: list[Message] = [ChecksDue(application_id, moved.submission), *unseen.values()]
    facts = {"submission": moved.submission}
    return applications.save(ports, moved, "submitted", facts, announce=asked)


def form_etag(application: Application) -> str:
    """Return a strong entity tag of the form: what is typed (as sealed) and whether it is open."""
    typed = application.draft or (
        application.form and [application.form.sealed["nik"], application.submission]
    )
    content = json.dumps([application.state is State.DRAFT, typed], sort_keys=True)
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def seal_context(application_id: str, name: str) -> dict[str, str]:
    """Return the context a field is sealed under: it opens only as this field of this application."""
    return {"application_id": application_id, "field": name}


def typed_fields(ports: Ports, application: Application) -> dict[str, str]:
    """Return what the applicant typed, saved or submitted, opened.

    Raises:
        NotFoundError: the application was forgotten.
    """
    name, sealed = application.application_id, sealed_fields(application)
    return {field: _open(ports, name, field, each) for field, each in sealed.items()}


def region_of(ports: Ports, application: Application) -> str:
    """Return the region as handed in, or as typed so far; "" where none is.

    Raises:
        NotFoundError: the application was forgotten.
    """
    if application.form:
        return application.form.region
    sealed = application.draft.get("region")
    return _open(ports, application.application_id, "region", sealed) if sealed else ""


def person_of(ports: Ports, application: Application) -> Person:
    """Return whom registers are asked about.

    Raises:
        NotFoundError: the application was forgotten.
    """
    typed = typed_fields(ports, application)
    born = date.fromisoformat(typed["birth_date"])
    return Person(typed["nik"], typed["kk"], typed["name"], born, typed["region"])


def form_faults(ports: Ports, programme: Programme, typed: Mapping[str, str]) -> tuple[FieldFault, ...]:
    """Return everything that is wrong with what was typed, by itself: nobody else's data are looked at."""
    today = jakarta_day(ports.clock.now())
    faults = tuple(
        FieldFault(f"/{name}", reason)
        for name, value in typed.items()
        for reason in _field_faults(programme, name, value, today)
    )
    region = typed.get("region", "")
    return faults + (_district_faults(ports, region) if region in programme.regions else ())


def _answered_as(application: Application) -> dict[str, str]:
    """Return the fields as an appeal's answer found them, if one stands: whoever types another NIK leaves it behind."""
    is_answered = any(map(is_by_appeal, application.checks.values()))
    return application.answered_as or (application.draft if is_answered else {})


def _standing(ports: Ports, application: Application) -> dict[str, CheckResult]:
    """Return the checks that people decided about on appeal, as far as their person is still who has the form."""
    name, before, now = application.application_id, _answered_as(application), application.draft

    def is_unchanged(field: str) -> bool:
        sealed = before[field], now[field]
        return sealed[0] == sealed[1] or len({_open(ports, name, field, each) for each in sealed}) == 1

    unchanged = frozenset(field for field in before if is_unchanged(field))
    return {
        layer: check
        for layer, check in application.checks.items()
        if stands(check, application.checks, unchanged)
    }


def _view(ports: Ports, application: Application) -> FormView:
    saved = tuple(name for name in FIELDS if name in application.draft or application.form)
    typed = typed_fields(ports, application)
    values = {name: value for name, value in typed.items() if name in SHOWN_AGAIN}
    missing = tuple(name for name in FIELDS if name not in saved)
    is_open = application.state is State.DRAFT
    return FormView(values, saved, missing, is_open, form_etag(application))


def _is_saved(ports: Ports, application: Application, name: str, value: str) -> bool:
    sealed = application.draft.get(name)
    return sealed is not None and _open(ports, application.application_id, name, sealed) == value


def _district_faults(ports: Ports, region: str) -> tuple[FieldFault, ...]:
    """Return why an officer who is at the keyboard may not help somebody of this region."""
    is_elsewhere = bool(region and ports.assistance and ports.assistance.district != region)
    return (FieldFault("/region", "REGION_OF_ANOTHER_OFFICE"),) if is_elsewhere else ()


def _field_faults(programme: Programme, name: str, value: str, today: date) -> tuple[str, ...]:
    match name:
        case "nik":
            return nik_faults(value, today)
        case "kk":
            return kk_faults(value)
        case "name":
            return _name_faults(value)
        case "birth_date":
            return _birth_date_faults(value, today)
        case "region":
            return () if value in programme.regions else ("REGION_UNKNOWN",)
    return ("FIELD_NOT_KNOWN",)


def _name_faults(name: str) -> tuple[str, ...]:
    if not name:
        return ("NAME_EMPTY",)
    if any(unicodedata.category(character).startswith("C") for character in name):
        return ("FIELD_INVALID",)  # control characters and those that turn the direction of writing
    return ("NAME_TOO_LONG",) if len(name) > LONGEST_NAME else ()


def _birth_date_faults(value: str, today: date) -> tuple[str, ...]:
    try:
        born = date.fromisoformat(value)
    except ValueError:
        return ("BIRTH_DATE_INVALID",)
    is_plain = born.isoformat() == value  # ISO 8601 has other spellings, which nobody means
    return () if is_plain and FIRST_BIRTH_DATE <= born <= today else ("BIRTH_DATE_INVALID",)


def _missing_fields(application: Application) -> tuple[FieldFault, ...]:
    return tuple(FieldFault(f"/{name}", "FIELD_MISSING") for name in FIELDS if name not in application.draft)


def _missing_photos(application: Application, unseen: Mapping[Slot, PhotoArrived]) -> tuple[FieldFault, ...]:
    there = (PhotoStatus.ARRIVED, PhotoStatus.ACCEPTED)
    return tuple(
        FieldFault(f"/photos/{slot}", f"PHOTO_MISSING_{slot.upper()}")
        for slot in Slot
        if application.photos[slot].status not in there and slot not in unseen
    )


def _missing_consents(application: Application) -> tuple[FieldFault, ...]:
    purposes = missing_purposes(application.consents)
    return tuple(FieldFault(f"/consents/{purpose}", "CONSENT_NEEDED") for purpose in purposes)


def _complete_form(ports: Ports, application: Application) -> Form:
    typed = typed_fields(ports, application)
    return Form(
        sealed=application.draft,
        nik_tag=ports.vault.tag("nik", typed["nik"]),
        kk_tag=ports.vault.tag("kk", typed["kk"]),
        region=typed["region"],
    )


def _seal(ports: Ports, application_id: str, name: str, value: str) -> str:
    return ports.vault.seal(value, seal_context(application_id, name))


def _open(ports: Ports, application_id: str, name: str, sealed: str) -> str:
    return ports.vault.open(sealed, seal_context(application_id, name))
