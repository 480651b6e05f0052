"""Change the keys of a running service under traffic; what to do before and after: docs/runbooks/key-rotation.md.

It works on the service that the environment names (docs/architecture.md), else on the one on this machine.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from local.answering import NOT_RIGHT, STATE, AsJson, StateDir, answer, err, plainly, running
from local.display import Display

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EACH = 100  # rows between two words about how far it is
Threads = Annotated[int, typer.Option(help="How many rows at once.", min=1, max=256)]
keys_app = typer.Typer(no_args_is_help=True, help="Change keys under traffic: docs/runbooks/key-rotation.md.")


@keys_app.command("rotate-tags")
def rotate_tags(threads: Threads = 16, state: StateDir = STATE, as_json: AsJson = False) -> None:
    """Move what NIKs, phones and households are found by to the HMAC keys of the environment.

    Round after round over the table, until one finds nothing to move; it may be ended and begun again at any time.
    Exit 1 when entries of a wave that is being drawn wait for its publication.
    """
    with plainly(), as_operator(state) as display:
        found = _rounds(threads, display)
    text = "{moved_count} rows moved in {rounds} rounds over {seen_count}; {left_count} wait for a wave's publication"
    answer(found, text.format(**found), as_json=as_json)
    if found["left_count"]:
        raise typer.Exit(NOT_RIGHT)


@keys_app.command()
def rewrap(
    key_id: Annotated[str, typer.Argument(help="Id or ARN of the KMS key that is to wrap people's keys.")],
    *,
    faces: Annotated[
        bool, typer.Option("--faces", help="The keys of their faces, not those of forms.")
    ] = False,
    threads: Threads = 16,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Wrap everybody's own key with another KMS key; what is sealed stays as it is, and doing it again is safe."""
    with plainly(), as_operator(state) as display:
        done = _rewrapped(key_id, threads, display, faces=faces)
    answer({"rewrapped_count": done}, f"{done} keys wrapped anew", as_json=as_json)


def _rounds(threads: int, display: Display) -> dict[str, int]:
    """Return what the last round saw and left, and how many rows all of them moved."""
    from gelombang.aws.clients import aws_client  # noqa: PLC0415 - boto3
    from gelombang.aws.rows import DynamoRows  # noqa: PLC0415 - as above
    from gelombang.journey.rotation import RoundSoFar, move_tags  # noqa: PLC0415 - pydantic
    from gelombang.settings import read_settings  # noqa: PLC0415 - as above
    from gelombang.wiring import ports_from_environment  # noqa: PLC0415 - boto3

    ports = ports_from_environment()
    table = DynamoRows(read_settings(os.environ).table, aws_client("dynamodb"))
    rounds = moved = 0
    while True:
        rounds, so_far = rounds + 1, RoundSoFar()
        for so_far in move_tags(ports, table, threads):
            if so_far.seen_count % EACH == 0:
                display.say(f"round {rounds}: {so_far.seen_count} rows seen, {so_far.moved_count} moved")
        moved += so_far.moved_count
        if not so_far.moved_count:
            return asdict(so_far) | {"moved_count": moved, "rounds": rounds}


def _rewrapped(key_id: str, threads: int, display: Display, *, faces: bool) -> int:
    from gelombang.aws.clients import aws_client  # noqa: PLC0415 - boto3
    from gelombang.aws.owner_keys import OwnerKeys  # noqa: PLC0415 - as above
    from gelombang.settings import read_settings  # noqa: PLC0415 - as above

    names, done = read_settings(os.environ), 0
    table = names.face_key_table if faces else names.key_table
    keys = OwnerKeys(table, key_id, aws_client("kms"), aws_client("dynamodb"))
    for done in keys.rewrap(key_id, threads):
        if done % EACH == 0:
            display.say(f"{done} keys wrapped anew")
    return done


@contextmanager
def as_operator(state: Path) -> Iterator[Display]:
    """Let this process work as one of the service that the environment names, else of the one in this folder."""
    if "GELOMBANG_TABLE" not in os.environ:
        os.environ |= running(state).environment
    with Display(err) as display:
        yield display
