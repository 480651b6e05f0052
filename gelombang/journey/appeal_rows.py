"""Where appeals lie in the table, which worklist each waits on, and how they are counted.

    APPEALS   open, its deadline not near      by when it is near
    NEAR      open, near                       by when it is late
    LATE      open, late                       by when it became late
    ASKED     its owner was asked for more     by the end of the last day for it; at once while none is told
    JOINING   upheld, joins a wave next        by when to look again
    DECIDED   answered                         by when its words and pictures go

Counts are kept by month in 32 rows each, of which an appeal's number names one: nobody waits for anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from gelombang.domain.appeal import Appeal, AppealState, Escalation
from gelombang.domain.application import Application, require_unrestricted
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.errors import NotFoundError
from gelombang.domain.layers import CONTRACTS, Agency
from gelombang.domain.programme import Programme
from gelombang.domain.working_days import (
    WorkingCalendar,
    YearNotCoveredError,
    earliest_day_after,
    end_of,
    jakarta_date,
    working_day_after,
    working_days_between,
)
from gelombang.journey import applications
from gelombang.journey.ports import Due, Key, Ports, Put, Row
from gelombang.journey.receipts import ALPHABET, READ_AS
from gelombang.journey.registration import seal_context

APPEALS, NEAR, LATE = "appeals", "appeals-near", "appeals-late"
ASKED, JOINING, DECIDED = "appeals-asked", "appeals-joining", "appeals-decided"
OPEN_LISTS = {Escalation.NONE: APPEALS, Escalation.NEAR: NEAR, Escalation.PASSED: LATE}
SIGNS, FIRST = 8, "B"  # of a number: 40 random bits, which open nothing without a session or a role
NO_FACTS: Mapping[str, str] = MappingProxyType({})
_APPEAL = TypeAdapter(Appeal)


def new_number(ports: Ports) -> str:
    """Return a number that can be said on the phone; two alike are found out when the row is written."""
    signs = "".join(ALPHABET[byte % len(ALPHABET)] for byte in ports.clock.random_bytes(SIGNS))
    return f"{FIRST}-{signs[:4]}-{signs[4:]}"


def as_number(typed: str) -> str:
    """Return a number as it is kept, however it was typed: small letters, no hyphens, O for 0, I or L for 1."""
    signs = typed.upper().translate(READ_AS)[-SIGNS:]
    return f"{FIRST}-{signs[:4]}-{signs[4:]}"


def appeal_key(number: str) -> Key:
    """Return where an appeal lies."""
    return Key(f"APPEAL#{number}")


def load_appeal(ports: Ports, number: str) -> Appeal:
    """Return an appeal as last saved.

    Raises:
        NotFoundError: there is none of this number.
    """
    row = ports.rows.read(appeal_key(number))
    if row is None:
        raise NotFoundError
    return appeal_in(row)


def appeal_in(row: Row) -> Appeal:
    """Return the appeal in a row."""
    return replace(_APPEAL.validate_python(row.fields), version=row.version)


def appeal_row(appeal: Appeal) -> Row:
    """Return an appeal's row, on the worklist it waits on."""
    fields = _APPEAL.dump_python(replace(appeal, version=0), mode="json")
    return Row(appeal_key(appeal.number), fields, appeal.version, _due(appeal))


def own_appeal(ports: Ports, application_id: str, number: str) -> tuple[Application, Appeal]:
    """Return an application and one of its appeals, by the number as typed.

    Raises:
        NotFoundError: it is no appeal of theirs.
        RestrictedError: its owner has restricted processing.
    """
    application = applications.load(ports, application_id)
    if as_number(number) not in application.appeals:
        raise NotFoundError
    require_unrestricted(application, "appeal")
    return application, load_appeal(ports, as_number(number))


def save_appeal(
    ports: Ports, application: Application, appeal: Appeal, event: str, facts: Mapping[str, str] = NO_FACTS
) -> None:
    """Commit an appeal with an entry of its application's audit."""
    applications.save(
        ports, application, event, {**facts_of(appeal), **facts}, also=[Put(appeal_row(appeal))]
    )


def facts_of(appeal: Appeal) -> dict[str, Any]:
    """Return what the audit says of an appeal."""
    deadline = appeal.deadline.isoformat() if appeal.deadline else ""
    return {"number": appeal.number, "reason": appeal.reason, "layer": appeal.layer, "deadline": deadline}


def sealed_words(ports: Ports, application_id: str, number: str, words: str) -> str:
    """Return what is said in an appeal, sealed under the key of whose it is."""
    return ports.vault.seal(words, _sealed_for(application_id, number))


def opened_words(ports: Ports, appeal: Appeal) -> tuple[str, ...]:
    """Return what its owner said, oldest first; nothing once it is forgotten."""
    context = _sealed_for(appeal.application_id, appeal.number)
    return tuple(ports.vault.open(each, context) for each in appeal.sealed_words)


def opened_note(ports: Ports, appeal: Appeal) -> str:
    """Return what the officer noted; nothing once it is forgotten."""
    sealed = appeal.sealed_note
    return ports.vault.open(sealed, _sealed_for(appeal.application_id, appeal.number)) if sealed else ""


def layer_of(application: Application, reason: str) -> Layer:
    """Return the layer that refused for a reason; whatever no register said, people said of the face."""
    failed = (check for check in application.checks.values() if check.outcome is Outcome.FAILED)
    return next((check.layer for check in failed if check.reason == reason), Layer.FACE)


def agency_of(layer: Layer) -> Agency:
    """Return who can put right what a layer said."""
    return CONTRACTS[layer].agency if layer in CONTRACTS else Agency.PRAKERJA


def with_deadline(appeal: Appeal, programme: Programme, counted_from: datetime) -> Appeal:
    """Return the appeal open, with the deadline that is counted from a moment.

    Where the holidays of its year are not known none is told; it is watched as if there were none, so that it is
    never found out too late.
    """
    rules, calendar = programme.appeals, programme.calendar
    days = (rules.decided_within - rules.warned_before, rules.decided_within)
    try:
        warned, last = (working_day_after(counted_from, count, calendar) for count in days)
        deadline = last
    except YearNotCoveredError:
        warned, last = (earliest_day_after(counted_from, count) for count in days)
        deadline = None
    return replace(
        appeal,
        state=AppealState.OPEN,
        escalation=Escalation.NONE,
        counted_from=counted_from,
        deadline=deadline,
        warned_at=end_of(warned),
        late_at=end_of(last),
        answer_by=None,
    )


def last_day_to_answer(programme: Programme, asked_at: datetime) -> date:
    """Return by when what was asked for is answered; in a year of unknown holidays no earlier than with them."""
    count = programme.appeals.answered_within
    try:
        return working_day_after(asked_at, count, programme.calendar)
    except YearNotCoveredError:  # at least the days that are sure to be working days
        return earliest_day_after(asked_at, 2 * count)


def month_of(moment: datetime) -> str:
    """Return the month in Jakarta, e.g. `2026-11`."""
    return f"{jakarta_date(moment):%Y-%m}"


def count_filed(ports: Ports, appeal: Appeal) -> Put:
    """Return the change that counts an appeal as filed."""
    return _counted(ports, appeal, appeal.filed_at, {"filed": appeal.reason})


def count_ended(ports: Ports, appeal: Appeal, now: datetime) -> Put:
    """Return the change that counts an appeal that ended without an answer."""
    return _counted(ports, appeal, now, {"decided": f"{appeal.reason} {appeal.state}"})


def count_decided(ports: Ports, appeal: Appeal, now: datetime, calendar: WorkingCalendar) -> Put:
    """Return the change that counts an appeal's answer, and the working days it took where they are known."""
    what = {"decided": f"{appeal.reason} {appeal.state}"}
    with suppress(YearNotCoveredError):
        what["days"] = str(working_days_between(appeal.filed_at, now, calendar))
    return _counted(ports, appeal, now, what)


def counts_of(ports: Ports, month: str) -> dict[str, Counter[str]]:
    """Return what was counted in a month: `filed` by reason, `decided` by reason and state, `days` by number."""
    totals: dict[str, Counter[str]] = {"filed": Counter(), "decided": Counter(), "days": Counter()}
    for row in ports.rows.read_partition(f"APPEALS#{month}"):
        for kind, total in totals.items():
            total.update(row.fields.get(kind, {}))
    return totals


def _sealed_for(application_id: str, number: str) -> dict[str, str]:
    return seal_context(application_id, f"appeal {number}")


def _counted(ports: Ports, appeal: Appeal, now: datetime, what: dict[str, str]) -> Put:
    key = Key(f"APPEALS#{month_of(now)}", appeal.number[-1])
    row = ports.rows.read(key) or Row(key, {})
    fields: dict[str, Any] = dict(row.fields)
    for kind, name in what.items():
        fields[kind] = fields.get(kind, {}) | {name: fields.get(kind, {}).get(name, 0) + 1}
    return Put(replace(row, fields=fields))


def _due(appeal: Appeal) -> Due | None:
    if appeal.is_paused:
        return None
    if appeal.state is AppealState.OPEN:
        at = appeal.warned_at if appeal.escalation is Escalation.NONE else appeal.late_at
        return Due(OPEN_LISTS[appeal.escalation], at)
    if appeal.state is AppealState.ASKED:
        return Due(ASKED, end_of(appeal.answer_by) if appeal.answer_by else appeal.counted_from)
    if appeal.join_at:
        return Due(JOINING, appeal.join_at)
    return Due(DECIDED, appeal.kept_until) if appeal.kept_until else None
