"""Applicants as cases for a dry run of rules: what they typed and what registers answered about them, as recorded.

Nothing is asked and nothing is written. Who is left out, and why, is counted (`LeftOut`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from gelombang.domain.appeal import is_by_appeal
from gelombang.domain.application import Application
from gelombang.domain.checks import Layer
from gelombang.domain.dry_run import Case
from gelombang.domain.errors import NotFoundError
from gelombang.domain.layers import CONTRACTS
from gelombang.journey import applications
from gelombang.journey.decisions import opened_facts
from gelombang.journey.ports import Ports
from gelombang.journey.registration import person_of


class LeftOut(StrEnum):
    """Why an applicant is no case."""

    ERASED = "erased"  # with the key that their data are sealed with
    RESTRICTED = "restricted"  # they restricted processing
    FORM_NOT_SENT = "form_not_sent"
    BY_APPEAL = "by_appeal"  # people decided about a check: no rule does again
    NO_ANSWER = "no_answer"  # no register has answered about them yet


def recorded_cases(ports: Ports, names: Iterable[str], left_out: Counter[str]) -> Iterator[Case]:
    """Yield the applicants of these applications about whom a register has answered, one at a time.

    The pseudonym is the application's id. The others are counted in `left_out`, each under one reason.

    Raises:
        DependencyError: a store could not be reached.
    """
    for name in names:
        case = _case(ports, name)
        if isinstance(case, LeftOut):
            left_out[case] += 1
        else:
            yield case


def _case(ports: Ports, name: str) -> Case | LeftOut:
    try:
        application = applications.load(ports, name)
        why = _why_left_out(application)
        return why or Case(name, person_of(ports, application), _answers(ports, application))
    except NotFoundError:  # erased, perhaps meanwhile
        return LeftOut.ERASED


def _why_left_out(application: Application) -> LeftOut | None:
    checks = application.checks.values()
    if application.restricted_at:
        return LeftOut.RESTRICTED
    if not application.form:
        return LeftOut.FORM_NOT_SENT
    if any(is_by_appeal(check) for check in checks):
        return LeftOut.BY_APPEAL
    return None if any(check.sealed_facts for check in checks) else LeftOut.NO_ANSWER


def _answers(ports: Ports, application: Application) -> dict[Layer, dict[str, Any]]:
    checks = application.checks.values()
    sealed = {CONTRACTS[each.layer].answered_by: each.sealed_facts for each in checks if each.sealed_facts}
    return {layer: opened_facts(ports, application.application_id, text) for layer, text in sealed.items()}
