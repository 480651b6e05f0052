"""Check a proposed rule file, and try it on people: who would gain and who would lose, by reason."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
PEOPLE, SEED = 10_000, 1  # made up where nothing else is asked for
# What the code says and what a person reads: why an applicant is not judged, why a set of the file is not tried.
LEFT_OUT = {
    "erased": "erased",
    "restricted": "processing restricted",
    "form_not_sent": "form not sent",
    "by_appeal": "decided by people on appeal",
    "no_answer": "no register has answered yet",
}
NOT_TRIED = {
    "none": "as the programme has them",
    "other_days": "with other days only",
    "changed": "though changed",
    "new": "though new",
}
File = Annotated[
    Path, typer.Argument(help="A file like programmes/prakerja/rules.json.", exists=True, dir_okay=False)
]
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
    rule_set: Annotated[
        str, typer.Option(help="Of the file; default: the one in force on --day, else the one that is new.")
    ] = "",
    day: Annotated[
        datetime | None,
        typer.Option(
            help="The day on which people are judged; default: today in Jakarta.", formats=["%Y-%m-%d"]
        ),
    ] = None,
    people: Annotated[
        int | None, typer.Option(help=f"How many made-up people; default: {PEOPLE}.", min=1, max=10_000_000)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help=f"The same seed and day make the same people; default: {SEED}.")
    ] = None,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="The service's applicants instead, as registers answered about them."),
    ] = False,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Judge people by the rules in force and by a proposed file, and say who would gain, who would lose, and why.

    One set of the file is tried: without --rule-set and --day the one whose conditions the programme does not have yet,
    even one that begins later; the others are named. Half of the made-up people are ordinary and the others of each
    kind in turn, so the counts are of this population and say nothing about the country's; who is named is named as
    seed/number in it. Without --stored nobody's data is read; with it, that of the service that the environment names,
    else of the one on this machine. Nobody is asked, and who had to be left out is counted.
    """
    from gelombang.domain.dry_run import compare, news_of  # noqa: PLC0415 - as the command alone needs it
    from gelombang.journey.programme import load_programme  # noqa: PLC0415 - pydantic
    from gelombang.journey.rule_files import read_rules  # noqa: PLC0415 - pydantic

    with plainly():
        if stored and (people, seed) != (None, None):
            raise CommandError(
                "--people and --seed make people up; --stored judges the applicants there are."
            )
        today = day.date() if day else jakarta_day(datetime.now(UTC))
        try:
            in_force = load_programme(os.environ.get("GELOMBANG_PROGRAMME", "prakerja"))
            proposed = replace(in_force, rule_sets=read_rules(file, str(file)))
            before, after = rule_set_for(in_force, today), _tried(in_force, proposed, rule_set, day, today)
        except ValueError as error:
            raise CommandError(str(error)) from error
        noon = datetime.combine(today, time(12), JAKARTA)
        left_out: Counter[str] = Counter()
        with as_operator(state) if stored else nullcontext():
            cases = (
                _recorded(left_out)
                if stored
                else made_up(SEED if seed is None else seed, people or PEOPLE, today)
            )
            diff = compare(before, after, cases, noon, MOST_NAMED)
    news = news_of(proposed.rule_sets, in_force.rule_sets)
    told = {
        "day": today.isoformat(),
        "before": before.name,
        "after": after.name,
        "not_tried": {name: what for name, what in news.items() if name != after.name},
        "diff": asdict(diff),
        "left_out": {why: left_out[why] for why in LEFT_OUT} if stored else {},
    }
    answer(told, _told(told, diff, before, after), as_json=as_json)


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


def _recorded(left_out: Counter[str]) -> Iterator[Case]:
    from gelombang.journey.recorded_cases import recorded_cases  # noqa: PLC0415 - pydantic
    from gelombang.wiring import ports_from_environment  # noqa: PLC0415 - boto3

    return recorded_cases(ports_from_environment(), every_name(), left_out)


def _tried(in_force: Programme, proposed: Programme, name: str, day: datetime | None, today: date) -> RuleSet:
    from gelombang.domain.dry_run import worth_trying  # noqa: PLC0415 - as above

    if name:
        try:
            return proposed.rule_set_named(name)
        except KeyError:
            names = ", ".join(each.name for each in proposed.rule_sets)
            raise CommandError(f"The file has no rule set {name}, but {names}.") from None
    # A set that begins later is not in force today, and is what a new file is mostly about.
    other = None if day else worth_trying(proposed.rule_sets, in_force.rule_sets, today)
    try:
        return other or rule_set_for(proposed, today)
    except ValueError:
        raise CommandError(f"The file has no rules on {today.isoformat()}.") from None


def _days(rules: RuleSet) -> str:
    return f"{rules.valid_from} to {rules.valid_until or 'until further notice'}"


def _told(told: dict[str, Any], diff: Diff, before: RuleSet, after: RuleSet) -> str:
    is_same = before.layer_rules == after.layer_rules
    places = "\n".join(
        f"  {place:<10}{diff.before[place]:>10}{diff.after[place]:>10}" for place in diff.before
    )
    return "\n".join(
        [
            f"{diff.people_count} people on {told['day']}; before: {before.name}, after: {after.name}, {_days(after)}",
            *(["The conditions are the same before and after."] if is_same else []),
            f"  {'':<10}{'before':>10}{'after':>10}",
            places,
            f"would gain: {diff.gained_count}{_by_reason(diff.gained_by_reason)}{_names(diff.gained)}",
            f"would lose: {diff.lost_count}{_by_reason(diff.lost_by_reason)}{_names(diff.lost)}",
            f"refused by both for other reasons: {diff.otherwise_count}",
            *_left_out(told["left_out"]),
            *_not_tried(told["not_tried"]),
        ]
    )


def _left_out(counts: dict[str, int]) -> list[str]:
    if not counts:
        return []
    reasons = [f"\n  {LEFT_OUT[why]}: {count}" for why, count in counts.items() if count]
    return [f"left out and in no count: {sum(counts.values())}{''.join(reasons)}"]


def _not_tried(news: dict[str, str]) -> list[str]:
    names = {what: [name for name, of_it in news.items() if of_it == what] for what in NOT_TRIED}
    lines = [f"not tried, {NOT_TRIED[what]}: {', '.join(some)}" for what, some in names.items() if some]
    how = ["try another with --rule-set NAME or --day DAY"] if names["changed"] or names["new"] else []
    return lines + how


def _by_reason(counts: dict[str, int]) -> str:
    return "".join(f"\n  {reason}: {count}" for reason, count in counts.items())


def _names(pseudonyms: tuple[str, ...]) -> str:
    return f"\n  for instance {', '.join(pseudonyms)}" if pseudonyms else ""
