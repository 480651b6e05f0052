"""How every command answers: text or one JSON document on standard output, faults as one plain sentence.

Exit codes: 0 fine; 1 something is not as it should be; 2 the command could not be done.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from gelombang.domain.errors import GelombangError
from local.applicant import TookTooLongError
from local.client import ApiProblemError
from local.office import NoBundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import StackRecord

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
StateDir = Annotated[
    Path, typer.Option("--state", help="Folder of the running service.", envvar="GELOMBANG_STATE")
]
STATE = Path("build/local")
NOT_RIGHT, NOT_DONE = 1, 2
out, err = Console(highlight=False), Console(stderr=True, highlight=False)
if not out.is_terminal:
    out = Console(width=160, highlight=False)


class CommandError(Exception):
    """The command could not be done; the argument is a plain sentence for the person at the keyboard."""


def answer(document: object, text: str, *, as_json: bool) -> None:
    """Print the text, or the document in its place."""
    (print_json(document) if as_json else out.print(text, markup=False, highlight=False, soft_wrap=True))


def print_json(document: object) -> None:
    """Print one JSON document."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    sys.stdout.flush()


def running(state: Path) -> StackRecord:
    """Return what is needed to work with the service that runs in a folder.

    Raises:
        CommandError: none does.
    """
    from local.stack import StackNotRunningError, running_stack  # noqa: PLC0415 - boto3

    try:
        return running_stack(state)
    except StackNotRunningError as error:
        raise CommandError(f"No service is running in {state}. Start it with: make up") from error


@contextmanager
def plainly(about: str = "") -> Iterator[None]:
    """Turn what can go wrong into one line and exit code 2; a fault of ours keeps its trace.

    What the service refuses is said with the next step, after `about`: what it was asked for.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except ApiProblemError as problem:
        stop(f"{about and about + ': '}{problem.sentence()} {problem.next_step}".strip())
    except httpx.HTTPError as error:
        stop(f"The service did not answer: {type(error).__name__}.")
    except BrokenPipeError:
        raise  # whoever reads has seen enough, as `head` does: the command line ends quietly of itself
    except json.JSONDecodeError as error:
        stop(f"Not JSON: {error}.")
    except (CommandError, NoBundleError, TookTooLongError, GelombangError, OSError) as error:
        stop(str(error) or _meaning(error))


def _meaning(error: Exception) -> str:
    """Return what an error that carries no words means: the first line of its class's own."""
    return (type(error).__doc__ or type(error).__name__).splitlines()[0]


def stop(sentence: str) -> NoReturn:
    """Say why the command could not be done, and end it."""
    err.print(f"[red]{escape(sentence)}[/]", highlight=False, soft_wrap=True)
    raise typer.Exit(NOT_DONE)
