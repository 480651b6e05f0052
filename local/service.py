"""Everything a person needs to try the service on one machine, started in order: pack, registers, stack, worker."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.vault import KmsVault
from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.tags import TagKeys
from gelombang.journey.programme import load_programme
from gelombang.journey.sources import load_sources
from local.answering import CommandError
from local.client import connect
from local.population import Population
from local.registers import start_registers
from local.stack import Stack, StackNotRunningError, running_stack, start_stack
from local.worker_process import chosen_pack
from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.packs.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.display import Display

SEED = 2020  # of the synthetic population: the same people every time
PEOPLE = 6000
DEMO_WAVE = Path(__file__).resolve().parent.parent / "programmes/prakerja/waves/demo.json"


class AlreadyRunningError(Exception):
    """A service runs in this state folder already; `url` says where."""

    def __init__(self, url: str) -> None:
        super().__init__(f"A service is running already, at {url}. Stop it first, with Ctrl-C where it runs.")
        self.url = url


@dataclass(frozen=True, slots=True)
class Service:
    """A running service with its registers, its synthetic population and the pack its worker uses."""

    stack: Stack
    registers_url: str
    population: Population
    pack: Manifest


@contextmanager
def run_service(
    *, port: int, state_dir: Path, display: Display, engine_port: int | None = None
) -> Iterator[Service]:
    """Start everything, say what is being done, and stop everything at the end.

    The pack is the one `GELOMBANG_PACK` names; one that pip cannot make is taken from `GELOMBANG_PACK_FILES`.

    Raises:
        CommandError: a file of the programme is wrong.
        AlreadyRunningError: a service runs in this state folder.
        PackError: the model pack could not be built.
        StartError, DeploymentError, PackagingError: the stack could not be started.
    """
    _must_be_readable("prakerja")
    _claim(state_dir)
    manifest = prepare_pack(chosen_pack(os.environ), display)
    with ExitStack() as started:
        display.say("starting the registers' simulator")
        registers = start_registers(SEED, state_dir / "registers.log", PEOPLE)
        started.callback(registers.stop)
        stack = started.enter_context(
            start_stack(
                port=port,
                engine_port=engine_port,
                state_dir=state_dir,
                registers_url=registers.url,
                on_progress=lambda what, done, total: display.say(f"starting: {what} ({done} of {total})"),
            )
        )
        display.say("starting the face worker")
        stack.start_worker()
        yield Service(stack, registers.url, demo_population(), manifest)


def _must_be_readable(programme: str) -> None:
    """Read the programme's files before a function does, which could say no more than that it failed.

    Raises:
        CommandError: one is missing or wrong; it names file, field and line.
    """
    try:
        load_programme(programme)
        load_sources(programme)
    except ValueError as error:
        raise CommandError(str(error)) from None


def demo_population() -> Population:
    """Return the people that the registers' simulator of `run_service` knows."""
    return Population.seeded(SEED, PEOPLE, jakarta_day(datetime.now(UTC)))


def prepare_pack(name: str, display: Display) -> Manifest:
    """Build the model pack unless it is there, and return what it is.

    Raises:
        PackError: a download failed, or a file is not the one the manifest names.
    """

    def show(step: str, done: int, total: int) -> None:
        display.say(f"model pack {name}: {step} {100 * done // max(total, 1)} %")

    display.say(f"model pack {name}")
    build_pack(name, on_progress=show)
    return read_manifest(name)


def wave_definition(wave_id: str) -> dict[str, Any]:
    """Return the demo's wave, as data, under another id."""
    return {**json.loads(DEMO_WAVE.read_text()), "wave_id": wave_id}


def open_wave(stack: Stack, definition: dict[str, Any], priority_niks: Sequence[str] = ()) -> dict[str, Any]:
    """Open a wave as the operator, with these NIKs on its priority list; return its page.

    The list is sent as keyed tags, as an operator's tool would: NIKs themselves go nowhere.
    """
    vault = _vault_of(stack)
    tags = [vault.tag("nik", nik) for nik in priority_niks]
    with connect(stack.url, stack.tokens["operator"]) as operator:
        return operator.post("/v1/waves", {**definition, "priority_nik_tags": tags})


def _claim(state_dir: Path) -> None:
    """Make the folder ready: nobody else runs in it, and its logs begin anew."""
    with suppress(StackNotRunningError):
        raise AlreadyRunningError(running_stack(state_dir).url)
    state_dir.mkdir(parents=True, exist_ok=True)
    for log in state_dir.glob("*.log"):
        log.unlink()


def _vault_of(stack: Stack) -> KmsVault:
    environment = stack.environment
    kms, dynamodb = (
        boto3.client(
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        for service in ("kms", "dynamodb")
    )
    keys = OwnerKeys(environment["GELOMBANG_KEY_TABLE"], environment["GELOMBANG_SEAL_KEY_ID"], kms, dynamodb)
    return KmsVault(keys, TagKeys((environment["GELOMBANG_TAG_KEY_ID"],)), kms)
