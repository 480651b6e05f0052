"""Whose a NIK is: one application holds it, and those that were handed in with it since are named beside.

    claim_nik     the checks, once the population register has said that it is the applicant's: held, or named beside
    release_nik   corrected, withdrawn, erased: whoever was named first holds it from here on
    given_to      reviewers give it to another; whoever held it is named beside
    named_with    all of them: what a list says of a NIK is judged for each

They are one row, `NIK#<tag>`, so that nobody is ever in between, and an application knows whether it is in there
(`has_nik`). Nothing looks at the row for whoever has typed a NIK and no more: they must not learn whether it is known
(docs/decisions/0005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gelombang.domain.application import Application, State
from gelombang.journey import applications, notices
from gelombang.journey.notices import Notice
from gelombang.journey.ports import Change, Delete, Ports, Put, Require, Row
from gelombang.journey.tags import find, find_or_new, nik_key

# A row has room for no more than some thousands. Whoever comes after so many goes to reviewers as they do, but a new
# version of a list does not find them there.
MOST_NAMED = 1000
ANSWERED = "registers_answered"  # event of the audit
NIK_ASKED_AGAIN_TEXT = (
    "Ada pendaftaran lain memakai NIK Anda. Jika bukan Anda, abaikan: petugas memeriksanya, "
    "hak Anda tetap aman."
)


def claim_nik(ports: Ports, application: Application) -> Application:
    """Save an application with its NIK taken for it, or with its name beside another's, whose owner is told.

    Returns it as now stored; as it was given where it has the NIK already, or the row has no room.

    Raises:
        ConflictError: it was changed, or the NIK was claimed or given up just now; nothing was saved.
        DependencyError: the table could not be reached.
    """
    if application.has_nik:
        return application
    name = application.application_id
    row, beside = find_or_new(ports, nik_key, _nik_tag(application), _fields([name]))
    named = _named_in(row) if row.version else []
    if len(named) >= MOST_NAMED:
        return application
    claimed = Put(replace(row, fields=_fields([*named, name])))
    told = _notice_to(ports, application, named[0]) if named else None
    also = [claimed, *beside, *([Put(told)] if told else [])]
    saved = applications.save(ports, replace(application, has_nik=True), ANSWERED, also=also)
    if told and told.due:
        notices.send_notice(ports, replace(told, version=1))
    return saved


def release_nik(ports: Ports, application: Application) -> list[Change]:
    """Return what gives up this application's NIK, if it has it; the application is to be saved without (`has_nik`)."""
    if not application.has_nik:
        return []
    row, beside = find_or_new(ports, nik_key, _nik_tag(application), {})
    left = [each for each in _named_in(row) if each != application.application_id]
    given_up = Put(replace(row, fields=_fields(left))) if left else Delete(row.key, row.version)
    return [given_up, *beside]


def given_to(ports: Ports, application: Application) -> list[Change]:
    """Return what lets this application hold its NIK, whoever does now; it is to be saved with it (`has_nik`)."""
    name = application.application_id
    row, beside = find_or_new(ports, nik_key, _nik_tag(application), _fields([name]))
    named = _named_in(row)
    if row.version and named[0] == name:
        return [Require(row.key, row.version), *beside]
    others = [each for each in named if each != name]
    return [Put(replace(row, fields=_fields([name, *others]))), *beside]


def holder_of(ports: Ports, application: Application) -> str:
    """Return whose application holds this one's NIK, "" where nobody's does."""
    named = named_with(ports, _nik_tag(application))
    return named[0] if named else ""


def named_with(ports: Ports, nik_tag: str) -> list[str]:
    """Return the applications that were handed in with a NIK and are not given up, its holder's first."""
    row = find(ports, nik_key, nik_tag)
    return _named_in(row) if row else []


def _notice_to(ports: Ports, application: Application, owner_id: str) -> Row | None:
    """Return what tells whoever holds the NIK that this application names it; None where they know, or are gone."""
    owner = applications.load(ports, owner_id)
    if owner.state is State.ERASED:
        return None
    name = f"nik-{application.application_id}-{owner_id}"
    row = notices.notice_row(ports, Notice.to(owner, name, NIK_ASKED_AGAIN_TEXT))
    return None if ports.rows.read(row.key) else row


def _named_in(row: Row) -> list[str]:
    return [row.fields["application_id"], *row.fields.get("others", ())] if row.fields else []


def _fields(named: Sequence[str]) -> dict[str, Any]:
    holder, *others = named
    return {"application_id": holder} | ({"others": others} if others else {})


def _nik_tag(application: Application) -> str:
    if application.form is None:
        raise ValueError("an application whose checks have begun has a form")
    return application.form.nik_tag
