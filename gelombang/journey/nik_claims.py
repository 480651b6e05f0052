"""Whose a NIK is: one application holds it, and those that were handed in with it since are named beside.

    claim_nik     the checks, once the population register has said that it is the applicant's: held, or named beside
    release_nik   corrected, withdrawn, erased: whoever was named first holds it from here on
    given_to      reviewers give it to another; whoever held it is named beside
    named_with    all of them: what a list says of a NIK is judged for each

They are one row, `NIK#<tag>`, so that nobody is ever in between. No request looks at it for whoever has typed a NIK and
no more: they must not learn whether it is known (docs/decisions/0005).
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
NIK_ASKED_AGAIN_TEXT = (
    "Ada pendaftaran lain memakai NIK Anda. Jika bukan Anda, abaikan: petugas memeriksanya, "
    "hak Anda tetap aman."
)


def claim_nik(ports: Ports, application: Application) -> None:
    """Take the NIK for this application, or name it beside another's, whose owner is told; not from a request.

    Nothing is taken for an application that was changed, forgotten perhaps, since it was loaded.

    Raises:
        ConflictError: it was, or the NIK was claimed or given up just now; nothing was taken.
        DependencyError: the table could not be reached.
    """
    if application.form is None:
        return
    name = application.application_id
    as_loaded = Require(applications.application_key(name), application.version)
    row, beside = find_or_new(ports, nik_key, application.form.nik_tag, _fields([name]))
    if not row.version:
        ports.rows.commit([Put(row), *beside, as_loaded])
        return
    named = _named_in(row)
    if name in named or len(named) >= MOST_NAMED:
        return
    beside += [Put(replace(row, fields=_fields([*named, name]))), as_loaded]
    owner = applications.load(ports, named[0])
    if owner.state is State.ERASED:  # nobody is left to be told
        ports.rows.commit(beside)
        return
    notice = Notice.to(owner, f"nik-{name}-{owner.application_id}", NIK_ASKED_AGAIN_TEXT)
    notices.tell(ports, notice, beside)


def release_nik(ports: Ports, application: Application) -> list[Change]:
    """Return what gives up this application's NIK; it may have none.

    The commit fails if whose the NIK is changes meanwhile: the checks may be claiming it just now.
    """
    if application.form is None:
        return []
    row, beside = find_or_new(ports, nik_key, application.form.nik_tag, {})
    named = _named_in(row)
    left = [each for each in named if each != application.application_id]
    if left == named:
        return [Require(row.key, row.version), *beside]
    given_up = Put(replace(row, fields=_fields(left))) if left else Delete(row.key, row.version)
    return [given_up, *beside]


def given_to(ports: Ports, application: Application) -> list[Change]:
    """Return what lets this application hold its NIK, whoever does now."""
    name = application.application_id
    row, beside = find_or_new(ports, nik_key, _nik_tag(application), _fields([name]))
    if not row.version:
        return [Put(row), *beside]
    named = _named_in(row)
    if named[0] == name:
        return []
    others = [each for each in named if each != name]
    return [Put(replace(row, fields=_fields([name, *others])))]


def holder_of(ports: Ports, application: Application) -> str:
    """Return whose application holds this one's NIK, "" where nobody's does."""
    named = named_with(ports, _nik_tag(application))
    return named[0] if named else ""


def named_with(ports: Ports, nik_tag: str) -> list[str]:
    """Return the applications that were handed in with a NIK and are not given up, its holder's first."""
    row = find(ports, nik_key, nik_tag)
    return _named_in(row) if row else []


def _named_in(row: Row) -> list[str]:
    return [row.fields["application_id"], *row.fields.get("others", ())] if row.fields else []


def _fields(named: Sequence[str]) -> dict[str, Any]:
    holder, *others = named
    return {"application_id": holder} | ({"others": others} if others else {})


def _nik_tag(application: Application) -> str:
    if application.form is None:
        raise ValueError("an application whose checks have begun has a form")
    return application.form.nik_tag
