"""The local AWS engine (ministack) as a child process on the loopback address.

It runs our Lambda zips in processes of its own, routes REST APIs to them, feeds them from queues, and enforces
presigned uploads. What the environment below is for was measured (November 2026):

    AUTH                it would let everybody do everything; so a role that lacks a right fails here, not on AWS
    BIND_HOST           it would listen on every address of the machine
    MINISTACK_ACCOUNT_ID, _REGION    unsigned calls, as every API call is, resolve there; a client that signs as
                        another account finds nothing
    SFTP_ENABLED, IOT_MTLS_ENABLED   it would open more ports
    AWS_ENDPOINT_URL    its Lambda functions inherit it and so speak to it alone
    LOG_LEVEL           at INFO it writes text messages, so phones and codes, into its log
    TMPDIR              it unpacks Lambda zips there, and would leave them behind
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from local.children import Child, StartError, child_environment, start_child, stop_child, wait_until
from local.client import TLS

ACCOUNT = "000000000000"
REGION = "ap-southeast-3"
LOOPBACK = "127.0.0.1"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine."""

    url: str
    child: Child


@contextmanager
def running_engine(folder: Path, port: int | None = None) -> Iterator[Engine]:
    """Start the engine on `port`, or a free one, with its state below `folder`; stop it at the end.

    Raises:
        StartError: it did not come up; its last words are in the message.
    """
    port = free_port(port or 0)
    url = f"http://{LOOPBACK}:{port}"
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # left by an engine that was killed
    scratch.mkdir(parents=True)
    environment = child_environment(
        **credentials(url),
        BIND_HOST=LOOPBACK,
        AUTH="true",
        MINISTACK_HOST=LOOPBACK,
        GATEWAY_PORT=str(port),
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="WARNING",
        TMPDIR=str(scratch),
    )
    child = start_child("ministack", [], environment, folder / "engine.log")
    try:
        wait_until(child, lambda: _is_ready(url), within_s=START_S)
        yield Engine(url, child)
    finally:
        stop_child(child)
        shutil.rmtree(scratch, ignore_errors=True)  # hundreds of megabytes of unpacked functions


def credentials(engine_url: str) -> dict[str, str]:
    """Return the environment with which boto3 speaks to the engine at `engine_url`, and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": engine_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def engine_client(service: str, engine_url: str) -> Any:  # noqa: ANN401 - boto3 makes its client classes when it runs
    """Return a boto3 client of one service of the engine, with every right."""
    return boto3.client(
        service,
        endpoint_url=engine_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 - the engine checks none
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3, "mode": "standard"}),
    )


def sent_texts(engine_url: str) -> list[tuple[str, str]]:
    """Return the text messages the service has sent, each as phone (E.164) and text, oldest first for a phone."""
    answer = httpx.get(f"{engine_url}/_ministack/sns/sms-messages", timeout=10, verify=TLS)
    answer.raise_for_status()
    by_phone = answer.json()["sms_messages"]
    return [(phone, sent["Message"]) for phone, texts in by_phone.items() for sent in texts]


def sent_mails(engine_url: str) -> list[tuple[str, str]]:
    """Return the e-mails the service has sent, each as address and text, oldest first."""
    wanted = {"account": ACCOUNT}
    answer = httpx.get(f"{engine_url}/_ministack/ses/messages", timeout=10, params=wanted, verify=TLS)
    answer.raise_for_status()
    messages = answer.json()["messages"].get(ACCOUNT, [])
    return [(to, sent["BodyText"]) for sent in messages for to in sent["To"]]


def free_port(wanted: int = 0) -> int:
    """Return `wanted`, or for 0 any port of the loopback address that nothing listens on.

    Raises:
        StartError: something listens on the wanted port.
    """
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do; not over one that listens
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise StartError(
                f"Port {wanted} of this machine is in use: choose another, e.g. make up PORT=8090."
            ) from error
        return int(probe.getsockname()[1])


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_ministack/ready", timeout=5, verify=TLS).is_success
    except httpx.TransportError:
        return False
