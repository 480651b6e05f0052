"""Applicants as cases for a dry run of rules: what they typed and what registers answered about them, as recorded.

Nothing is asked and nothing is written; whoever has restricted processing, and whoever people decided for on appeal, is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def recorded_cases(ports: Ports, names: Iterable[str]) -> Iterator[Case]:
    """Yield the applicants of these applications about whom a register has answered, one at a time.

    The pseudonym is the application's id.

    Raises:
        DependencyError: a store could not be reached.
    """
    for name in names:
        case = _case(ports, name)
        if case:
            yield case


def _case(ports: Ports, name: str) -> Case | None:
    try:
        application = applications.load(ports, name)
        answers = _answers(ports, application)
        is_counted = application.form and answers and not application.restricted_at
        return Case(name, person_of(ports, application), answers) if is_counted else None
    except NotFoundError:  # erased meanwhile
        return None


def _answers(ports: Ports, application: Application) -> dict[Layer, dict[str, Any]]:
    checks = application.checks.values()
    if any(is_by_appeal(check) for check in checks):
        return {}
    sealed = {CONTRACTS[each.layer].answered_by: each.sealed_facts for each in checks if each.sealed_facts}
    return {layer: opened_facts(ports, application.application_id, text) for layer, text in sealed.items()}
