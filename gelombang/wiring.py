"""Joins the ports from the environment, once a process; everything outside asks here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gelombang.aws.clients import aws_client
from gelombang.aws.clock import SystemClock
from gelombang.aws.documents import S3Archive, S3Documents
from gelombang.aws.mails import SesMails
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.photos import GuardDutyScans, NoScans, S3Photos
from gelombang.aws.queues import SqsQueues
from gelombang.aws.rows import DynamoRows
from gelombang.aws.secrets import read_secret
from gelombang.aws.signer import KmsSigner
from gelombang.aws.texts import SnsTexts
from gelombang.aws.vault import KmsVault
from gelombang.domain.messages import WavePartAsked, WaveStepAsked
from gelombang.domain.programme import Programme
from gelombang.http.registers import HttpRegisters
from gelombang.http.texts import HttpTexts
from gelombang.journey.ports import Ports, Registers, TextMessages, Vault
from gelombang.journey.programme import load_programme
from gelombang.journey.sources import load_sources
from gelombang.journey.text_providers import TextsInTurn
from gelombang.pictures.sandbox import SandboxedPictures
from gelombang.settings import Settings, read_settings

READERS = 4  # calls of the table at once, where a wave is read whole: while one is decoded, the others are on their way


@dataclass(frozen=True, slots=True)
class Wired:
    """What a process works with."""

    ports: Ports
    programme: Programme
    public_url: str = ""  # where everybody reaches the service; "": nowhere


# Tests put a world in memory here; nothing else ever sets it.
_IN_USE: ContextVar[Wired | None] = ContextVar("gelombang_wired", default=None)


def ports_from_environment() -> Ports:
    """Return the ports on AWS; clients are made at the first call and kept for the process."""
    return _wired().ports


def programme_from_environment() -> Programme:
    """Return the programme this process serves."""
    return _wired().programme


def run_wave_step(asked: WaveStepAsked | WavePartAsked) -> None:
    """Do a step of a wave, see `gelombang.drawing.steps.take_step`: the one thing here that works on columns."""
    from gelombang.drawing.steps import take_step  # noqa: PLC0415 - arrays take longer to import than requests may

    take_step(ports_from_environment(), programme_from_environment(), asked)


def watch_service() -> dict[str, Any]:
    """Look whether the public service works, see `gelombang.journey.extensions.watch`; return it for a log."""
    from gelombang.http.public import PublicService  # noqa: PLC0415 - one clock of one function asks for it
    from gelombang.journey.extensions import watch  # noqa: PLC0415 - as above

    wired = _wired()
    with closing(PublicService(wired.public_url)) as service:
        probe = service.unanswered if wired.public_url else None
        return asdict(watch(wired.ports, wired.programme.brown_outs, probe))


@contextmanager
def wired_to(ports: Ports, programme: Programme, public_url: str = "") -> Iterator[None]:
    """Let everything inside the block work with these ports and this programme instead."""
    token = _IN_USE.set(Wired(ports, programme, public_url))
    try:
        yield
    finally:
        _IN_USE.reset(token)


def _wired() -> Wired:
    return _IN_USE.get() or _wire_environment()


@lru_cache(maxsize=1)
def _wire_environment() -> Wired:
    names = read_settings(os.environ)
    s3, kms, dynamodb = (aws_client(service) for service in ("s3", "kms", "dynamodb"))
    vault = KmsVault(
        OwnerKeys(names.key_table, names.seal_key_id, kms, dynamodb),
        names.tag_keys,
        kms,
        OwnerKeys(names.face_key_table, names.face_seal_key_id, kms, dynamodb),
    )
    ports = Ports(
        rows=DynamoRows(names.table, dynamodb, READERS),
        photos=S3Photos(names.quarantine_bucket, names.photo_bucket, s3),
        pictures=SandboxedPictures(),
        scans=NoScans() if names.malware_scan == "none" else GuardDutyScans(names.quarantine_bucket, s3),
        documents=S3Documents(names.document_bucket, s3, names.public_url),
        archive=S3Archive(names.anchor_bucket, s3),
        signer=KmsSigner(names.signing_key_id, kms),
        queues=SqsQueues(names.queue_urls, aws_client("sqs")),
        texts=_texts(names),
        mails=SesMails(names.mail_sender, aws_client("sesv2")),
        vault=vault,
        registers=_registers(names, vault, s3),
        clock=SystemClock(),
    )
    return Wired(ports, load_programme(names.programme), names.public_url)


def _registers(names: Settings, vault: Vault, s3: Any) -> Registers:  # noqa: ANN401 - a boto3 client
    sources, now = load_sources(names.programme), SystemClock().now
    online = HttpRegisters(names.registers_url, sources=sources, now=now)
    if not any(source.listed for source in sources.values()):
        return online
    from gelombang.aws.lists import S3Lists  # noqa: PLC0415 - where a programme has lists
    from gelombang.lists.registers import ListedRegisters  # noqa: PLC0415 - as above
    from gelombang.lists.shelf import Shelf  # noqa: PLC0415 - as above

    if not names.lists:
        raise ValueError("missing in the environment: GELOMBANG_LISTS, for a source has lists")
    shelf = Shelf(
        Path(tempfile.gettempdir()) / "gelombang-lists", sources, vault, S3Lists(names.lists, s3).fetch
    )
    return ListedRegisters(online, shelf, sources, vault=vault, now=now)


def _texts(names: Settings) -> TextMessages:
    sns = SnsTexts(aws_client("sns"))
    if not names.text_gateway_url:
        return sns
    secret = read_secret(aws_client("ssm"), names.text_gateway_secret)
    return TextsInTurn([sns, HttpTexts(names.text_gateway_url, secret)])
