"""The rows of cases: the queue by age, clusters first, and which cases are about the same people.

`REVIEW#<case_id>` is a case, on a worklist while it is open. `REVIEW_NAMES#<application_id>` has a row for each case
that names this application as one with a like face, so that cases about one person can be found from any of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from gelombang.domain.application import State
from gelombang.domain.errors import NotFoundError
from gelombang.domain.review import ALARM_BEFORE, DECIDED_WITHIN, Case, ReviewDecision, is_nearly_late
from gelombang.journey import applications
from gelombang.journey.ports import Change, Due, Key, Ports, Put, Row

CLUSTERS, SINGLES = "review_clusters", "review"  # worklists of open cases
ENTERING = "review_entering"  # worklist of cases whose applicant was accepted and goes back into a wave
MOST_TOGETHER = (
    8  # applications that a person can compare at once; the rest of a cluster is given beside others of it
)
FIRST_LOOK, LAST_LOOK = 20, 1000  # cases of each list that are looked at for one that a reviewer may have
_CASE = TypeAdapter(Case)


@dataclass(frozen=True, slots=True)
class Lateness:
    """How many open cases are near their deadline, and how many past it; at most `LAST_LOOK` of each list."""

    near_count: int
    overdue_count: int


def case_key(case_id: str) -> Key:
    """Return where a case lies."""
    return Key(f"REVIEW#{case_id}")


def case_row(case: Case) -> Row:
    """Return a case's row; it is on a worklist while it is open, in the order of age, or has a wave to be entered."""
    fields = _CASE.dump_python(replace(case, version=0), mode="json")
    return Row(case_key(case.case_id), fields, case.version, _due(case))


def load_case(ports: Ports, case_id: str) -> Case:
    """Return a case as last saved.

    Raises:
        NotFoundError: there is none of this name.
    """
    row = ports.rows.read(case_key(case_id))
    if row is None:
        raise NotFoundError
    return case_in(row)


def case_in(row: Row) -> Case:
    """Return the case in a row of the table."""
    return replace(_CASE.validate_python(row.fields), version=row.version)


def named_in(case: Case) -> list[Change]:
    """Return the rows by which a case is found from the others that it names."""
    fields = {"application_id": case.application_id}
    return [Put(Row(Key(_names(other), case.case_id), fields)) for other in dict.fromkeys(case.others)]


def waiting(ports: Ports, now: datetime) -> Iterator[Case]:
    """Give open cases: those near their deadline, then clusters, then the others, each the oldest first."""
    for limit, seen in ((FIRST_LOOK, 0), (LAST_LOOK, FIRST_LOOK)):
        lists = [ports.rows.read_due(worklist, now, limit)[seen:] for worklist in (CLUSTERS, SINGLES)]
        found = [case_in(row) for rows in lists for row in rows]
        late = sorted((case for case in found if is_nearly_late(case, now)), key=lambda case: case.opened_at)
        yield from late
        yield from (case for case in found if not is_nearly_late(case, now))
        if not any(len(rows) == limit - seen for rows in lists):
            return


def lateness(ports: Ports, now: datetime) -> Lateness:
    """Return how the queue stands to its deadlines; planted cases do not count."""
    near = now - (DECIDED_WITHIN - ALARM_BEFORE)
    rows = [row for each in (CLUSTERS, SINGLES) for row in ports.rows.read_due(each, near, LAST_LOOK)]
    cases = [case for case in map(case_in, rows) if case.planted is None]
    overdue = sum(now - case.opened_at >= DECIDED_WITHIN for case in cases)
    return Lateness(len(cases) - overdue, overdue)


def cluster_of(ports: Ports, case: Case) -> dict[str, Case | None]:
    """Return everybody who hangs together with a case's application, each with their own open case or None.

    Joined are those whom an open case names as having a like face; the case's own application comes first, the
    nearest next, `MOST_TOGETHER` in all.
    """
    found: dict[str, Case | None] = {}
    ahead = deque([case.application_id])
    while ahead and len(found) < MOST_TOGETHER:
        name = ahead.popleft()
        if name in found:
            continue
        own = case if name == case.application_id else open_case_of(ports, name)
        found[name] = own
        ahead += own.others if own else ()
        ahead += _named_by(ports, name)
    return found


def open_case_of(ports: Ports, application_id: str) -> Case | None:
    """Return the case that an application in review waits for, if it is open."""
    with suppress(NotFoundError):
        application = applications.load(ports, application_id)
        if application.state is State.IN_REVIEW:
            case = load_case(ports, application.review_case_id)
            return case if case.is_open else None
    return None


def _named_by(ports: Ports, application_id: str) -> list[str]:
    """Return the applications whose open cases name this one."""
    rows = ports.rows.read_partition(_names(application_id))
    return [row.fields["application_id"] for row in rows if load_case(ports, row.key.sort).is_open]


def _names(application_id: str) -> str:
    return f"REVIEW_NAMES#{application_id}"


def _due(case: Case) -> Due | None:
    if case.is_open:
        return Due(CLUSTERS if case.is_cluster else SINGLES, case.opened_at)
    is_entering = case.wave_id and case.decision == ReviewDecision.ACCEPT
    return Due(ENTERING, case.opened_at) if is_entering else None
