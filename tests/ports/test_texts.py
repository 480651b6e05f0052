"""Text messages through one provider and, when it fails, the next; a gateway over HTTP on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gelombang.aws.clients import aws_client
from gelombang.aws.mails import SesMails
from gelombang.aws.secrets import read_secret
from gelombang.domain.errors import DependencyError
from gelombang.domain.messages import QueueName
from gelombang.http.texts import HttpTexts
from gelombang.journey.text_providers import AVOIDED_S, TextsInTurn
from gelombang.memory.stores import MemoryTexts
from gelombang.settings import read_settings

PHONE = "+6281234567890"
pytestmark = pytest.mark.enable_socket


class Gateway(HTTPServer):
    """A gateway that keeps what it is sent and answers as it is told."""

    status = 202

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[str, str, dict[str, str]]] = []
        self.waits = False
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/messages"


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((self.path, self.headers["Authorization"], body))
        if self.server.waits:
            self.server.released.wait(5)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def texts(gateway: Gateway) -> Iterator[HttpTexts]:
    made = HttpTexts(gateway.url, "a-secret", timeout_s=0.5)
    yield made
    made.close()


class Broken:
    """A provider that fails, and counts how often it was asked."""

    asked = 0

    def send(self, _phone: str, _text: str) -> None:
        self.asked += 1
        raise DependencyError("broken")


def test_the_gateway_is_told_phone_and_text_in_the_body_and_the_secret_in_a_header(
    gateway: Gateway, texts: HttpTexts
) -> None:
    texts.send(PHONE, "Kode Anda 123456")

    assert gateway.taken == [("/messages", "Bearer a-secret", {"to": PHONE, "message": "Kode Anda 123456"})]


@pytest.mark.parametrize("status", [301, 400, 401, 429, 500, 503])
def test_whatever_is_not_taken_is_a_dependency_that_failed_and_is_asked_once(
    gateway: Gateway, texts: HttpTexts, status: int
) -> None:
    gateway.status = status

    with pytest.raises(DependencyError) as failed:
        texts.send(PHONE, "Kode Anda 123456")

    assert len(gateway.taken) == 1
    assert "123456" not in str(failed.value)
    assert PHONE not in str(failed.value)


def test_a_gateway_that_hangs_is_left_after_the_timeout(gateway: Gateway, texts: HttpTexts) -> None:
    gateway.waits = True

    with pytest.raises(DependencyError):
        texts.send(PHONE, "Halo")


def test_a_gateway_that_is_not_there_is_a_dependency_that_failed() -> None:
    nobody = HttpTexts("http://127.0.0.1:9/messages", "a-secret", timeout_s=0.5)

    with pytest.raises(DependencyError):
        nobody.send(PHONE, "Halo")
    nobody.close()


def test_the_second_provider_sends_what_the_first_does_not_take() -> None:
    first, second = Broken(), MemoryTexts()

    TextsInTurn([first, second]).send(PHONE, "Halo")

    assert second.sent == [(PHONE, "Halo")]


def test_a_provider_that_failed_is_left_alone_for_a_while_and_then_asked_first_again() -> None:
    now = [0.0]
    first, second = Broken(), MemoryTexts()
    texts = TextsInTurn([first, second], lambda: now[0])

    for _ in range(3):
        texts.send(PHONE, "Halo")
    asked_at_first = first.asked
    now[0] += AVOIDED_S
    texts.send(PHONE, "Halo")

    assert (asked_at_first, first.asked, len(second.sent)) == (1, 2, 4)


def test_with_every_provider_down_the_message_is_refused_and_all_were_asked() -> None:
    providers = [Broken(), Broken()]

    with pytest.raises(DependencyError) as failed:
        TextsInTurn(providers).send(PHONE, "Halo")

    assert failed.value.service == "texts"
    assert [provider.asked for provider in providers] == [1, 1]


@pytest.mark.usefixtures("aws")
def test_a_secret_is_read_by_its_name() -> None:
    client = aws_client("ssm")
    client.put_parameter(Name="/gelombang/gateway", Value="a-secret", Type="SecureString")

    assert read_secret(client, "/gelombang/gateway") == "a-secret"
    with pytest.raises(DependencyError):
        read_secret(client, "/gelombang/nothing")


@pytest.mark.parametrize(
    ("said", "meant"), [("", ""), ("none", ""), ("https://gateway.example", "https://gateway.example")]
)
def test_without_a_gateway_in_the_environment_there_is_no_second_provider(said: str, meant: str) -> None:
    queues = {f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}": "q" for name in QueueName}
    needed = (
        "TABLE",
        "KEY_TABLE",
        "FACE_KEY_TABLE",
        "QUARANTINE_BUCKET",
        "PHOTO_BUCKET",
        "DOCUMENT_BUCKET",
        "SEAL_KEY_ID",
        "FACE_SEAL_KEY_ID",
        "TAG_KEY_ID",
        "ANCHOR_BUCKET",
        "SIGNING_KEY_ID",
        "PUBLIC_URL",
    )
    names = dict.fromkeys([f"GELOMBANG_{name}" for name in (*needed, "REGISTERS_URL")], "x")

    settings = read_settings(queues | names | {"GELOMBANG_TEXT_GATEWAY_URL": said})

    assert settings.text_gateway_url == meant


@pytest.mark.usefixtures("aws")
def test_an_email_goes_out_from_the_verified_sender_only() -> None:
    client = aws_client("sesv2")
    client.create_email_identity(EmailIdentity="kode@gelombang.example")

    SesMails("kode@gelombang.example", client).send("siti@example.org", "Kode Anda", "123456")

    with pytest.raises(DependencyError) as failed:
        SesMails("stranger@gelombang.example", client).send("siti@example.org", "Kode Anda", "123456")
    assert "siti@example.org" not in str(failed.value)
