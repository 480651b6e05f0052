"""Check a proposed rule file, and try it on people: who would gain and who would lose, by reason."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gelombang.domain.eligibility import jakarta_day, rule_set_for
from gelombang.domain.wave import JAKARTA
from local.answering import NOT_RIGHT, STATE, AsJson, CommandError, StateDir, answer, plainly
from local.audit import every_name
from local.keys import as_operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gelombang.domain.dry_run import Case, Diff
    from gelombang.domain.programme import Programme, RuleSet

MOST_AT_ONCE = 9999  # citizens of one population; a larger one is several, each with the next seed
MOST_NAMED = 5  # of those who gain, and of those who lose
File = Annotated[Path, typer.Argument(help="A file like programmes/prakerja/rules.json.", exists=True)]
rules_app = typer.Typer(no_args_is_help=True, help="Check and try rule files: docs/eligibility.md.")


@rules_app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Say whether a rule file is right; exit 1 and name field and line of what is wrong if not."""
    from gelombang.domain.decision import rules_hash  # noqa: PLC0415 - likewise
    from gelombang.journey.rule_files import read_rules  # noqa: PLC0415 - pydantic

    try:
        rule_sets = read_rules(file, str(file))
    except ValueError as error:
        answer({"fault": str(error)}, str(error), as_json=as_json)
        raise typer.Exit(NOT_RIGHT) from error
    hashes = {rules.name: rules_hash(rules) for rules in rule_sets}
    lines = [
        f"{rules.name}: {_days(rules)}, layers: {', '.join(rules.layers)}\n  SHA-256 {hashes[rules.name]}"
        for rules in rule_sets
    ]
    answer({"rule_sets": list(hashes), "sha256": hashes}, "\n".join(lines), as_json=as_json)


@rules_app.command("dry-run")
def dry_run(
    file: File,
    *,
    rule_set: Annotated[str, typer.Option(help="Of the file; default: the one in force on the day.")] = "",
    day: Annotated[str, typer.Option(help="ISO 8601; default: today in Jakarta.")] = "",
    people: Annotated[int, typer.Option(help="How many made-up people.", min=1, max=10_000_000)] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed and day make the same people.")] = 1,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="The service's applicants instead, as registers answered about them."),
    ] = False,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Judge people by the rules in force and by a proposed file, and say who would gain, who would lose, and why.

    Half of the made-up people are ordinary and the others of each kind in turn, so the counts are of this population
    and say nothing about the country's; who is named is named as seed/number in it. Without --stored nobody's data is
    read; with it, that of the service that the environment names, else of the one on this machine. Nobody is asked.
    """
    from gelombang.domain.dry_run import compare  # noqa: PLC0415 - as the command alone needs it
    from gelombang.journey.programme import load_programme  # noqa: PLC0415 - pydantic

    with plainly():
        try:
            today = date.fromisoformat(day) if day else jakarta_day(datetime.now(UTC))
            in_force = load_programme(os.environ.get("GELOMBANG_PROGRAMME", "prakerja"))
            before, after = rule_set_for(in_force, today), _proposed(in_force, file, rule_set, today)
        except ValueError as error:
            raise CommandError(str(error)) from error
        noon = datetime.combine(today, time(12), JAKARTA)
        with as_operator(state) if stored else nullcontext():
            cases = _recorded() if stored else made_up(seed, people, today)
            diff = compare(before, after, cases, noon, MOST_NAMED)
    told = {"day": today.isoformat(), "before": before.name, "after": after.name, "diff": asdict(diff)}
    answer(told, _told(diff, before, after), as_json=as_json)


def made_up(seed: int, count: int, today: date) -> Iterator[Case]:
    """Yield `count` made-up people with every register's answer about them, a population after the other."""
    from gelombang.domain.checks import Person  # noqa: PLC0415 - as above
    from gelombang.domain.dry_run import Case  # noqa: PLC0415 - as above
    from gelombang.domain.layers import CONTRACTS  # noqa: PLC0415 - as above
    from gelombang.memory.registers import facts_about  # noqa: PLC0415 - as above
    from local.population import Population  # noqa: PLC0415 - pydantic

    asked = {contract.answered_by for contract in CONTRACTS.values()}
    for part, start in enumerate(range(0, count, MOST_AT_ONCE)):
        population = Population.seeded(seed + part, min(MOST_AT_ONCE, count - start), today)
        for number, one in enumerate(population.citizens):
            person = Person(one.nik, one.kk, one.name, one.birth_date, one.region)
            yield Case(
                f"{seed + part}/{number}", person, {layer: facts_about(layer, one, one.kk) for layer in asked}
            )


def _recorded() -> Iterator[Case]:
    from gelombang.journey.recorded_cases import recorded_cases  # noqa: PLC0415 - pydantic
    from gelombang.wiring import ports_from_environment  # noqa: PLC0415 - boto3

    return recorded_cases(ports_from_environment(), every_name())


def _proposed(in_force: Programme, file: Path, name: str, today: date) -> RuleSet:
    from gelombang.journey.rule_files import read_rules  # noqa: PLC0415 - pydantic

    proposed = read_rules(file, str(file))
    if not name:
        return rule_set_for(replace(in_force, rule_sets=proposed), today)
    found = [rules for rules in proposed if rules.name == name]
    if not found:
        raise CommandError(f"{file} has no rule set {name}, but {', '.join(each.name for each in proposed)}.")
    return found[0]


def _days(rules: RuleSet) -> str:
    return f"{rules.valid_from} to {rules.valid_until or 'until further notice'}"


def _told(diff: Diff, before: RuleSet, after: RuleSet) -> str:
    places = "\n".join(
        f"  {place:<10}{diff.before[place]:>10}{diff.after[place]:>10}" for place in diff.before
    )
    return "\n".join(
        [
            f"{diff.people_count} people; before: {before.name}, after: {after.name}",
            f"  {'':<10}{'before':>10}{'after':>10}",
            places,
            f"would gain: {diff.gained_count}{_by_reason(diff.gained_by_reason)}{_names(diff.gained)}",
            f"would lose: {diff.lost_count}{_by_reason(diff.lost_by_reason)}{_names(diff.lost)}",
            f"refused by both for other reasons: {diff.otherwise_count}",
        ]
    )


def _by_reason(counts: dict[str, int]) -> str:
    return "".join(f"\n  {reason}: {count}" for reason, count in counts.items())


def _names(pseudonyms: tuple[str, ...]) -> str:
    return f"\n  for instance {', '.join(pseudonyms)}" if pseudonyms else ""
