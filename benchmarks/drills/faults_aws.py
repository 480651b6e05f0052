"""AWS in this process (moto, one thread at a time) behind the real adapters, each call of which can fail in every way.

botocore's own events are the hooks: `before-call` counts a call and knows from where in the code it is made,
`before-send` stands before and after the effect of each attempt. Three things are done here that moto lacks: an attempt
of a transaction that is sent again under its token gets the first attempt's answer, as DynamoDB gives it; KMS signs
with Ed25519; and delays of messages are left out, for they would wait for a real clock.

Source: Amazon DynamoDB API reference, TransactWriteItems, ClientRequestToken.
"""

from __future__ import annotations

import json
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from gelombang.aws.clients import aws_client
from gelombang.memory.clock import MemoryClock

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / name) for name in ("gelombang", "workers", "functions"))
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    "AWS_ENDPOINT_URL": "",
}
SLOW_S = 4.9  # just within the read timeout
Json = dict[str, Any]  # parameters and answers of AWS


class Fault(StrEnum):
    """How a call can fail."""

    THROTTLE = "throttle"
    ERROR = "500"
    TIMEOUT_BEFORE = "timeout before the effect"
    TIMEOUT_AFTER = "timeout after the effect"  # and AWS stays out of reach: the caller is told nothing
    ANSWER_LOST = "answer lost"  # the SDK asks again, and AWS has done it already
    SLOW = "slow"  # while another process does a round of the reconciler
    PARTIAL = "partial batch"


BATCHES = frozenset({"DeleteMessageBatch", "ChangeMessageVisibilityBatch"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call of AWS: by what function of an adapter, and by what chain of ours that was called."""

    operation: str
    site: str
    chain: str


@dataclass(slots=True)
class _Attempts:
    """A call that is under way in a thread."""

    number: int
    fault: Fault | None
    operation: str
    count: int = 0
    answer: tuple[int, Any, Any] | None = None  # status, headers and body of the first attempt


@dataclass(slots=True)
class Faults:
    """Counts the calls of all hooked clients, and lets one of them fail."""

    clock: MemoryClock
    meanwhile: Callable[[], object] = lambda: None  # what another process does while a call is slow
    calls: list[Call] = field(default_factory=list)
    hit: Call | None = None  # the call that failed
    _armed: tuple[int, Fault] | None = None
    _here: threading.local = field(default_factory=threading.local)

    def client(self, service: str) -> Any:  # noqa: ANN401 - a boto3 client
        """Return a client of the adapters' own making, with hooks."""
        client = aws_client(service)
        events = client.meta.events
        events.unregister("before-send", botocore_stubber)
        events.register("before-parameter-build.sqs.SendMessage", _without_delay)
        for operation in BATCHES:
            events.register(f"before-parameter-build.sqs.{operation}", self._shorten)
            events.register(f"after-call.sqs.{operation}", self._tell_failed)
        events.register_first("before-call", self._begin)
        events.register_first("before-send", self._send)
        return client

    def arm(self, number: int, fault: Fault) -> None:
        """Let the call of this number from now on (0, 1, …) fail."""
        self.calls.clear()
        self._armed = (number, fault)

    def disarm(self) -> None:
        """Let every call succeed from now on."""
        self.calls.clear()
        self._armed = None

    def _begin(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's operation model
        if getattr(self._here, "is_elsewhere", False):
            self._here.attempts = _Attempts(-1, None, model.name)
            return
        number = len(self.calls)
        self.calls.append(_call(f"{model.service_model.service_name}.{model.name}"))
        is_hit = self._armed is not None and self._armed[0] == number
        fault = self._armed[1] if is_hit and self._armed else None
        if is_hit:
            self.hit = self.calls[number]
        self._here.attempts = _Attempts(number, fault, model.name)

    def _send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        attempts: _Attempts = self._here.attempts
        attempts.count += 1
        service = event_name.split(".")[1]
        match attempts.fault:
            case Fault.THROTTLE | Fault.ERROR:
                return _refused(request, service, attempts.fault)
            case Fault.TIMEOUT_BEFORE:
                raise ReadTimeoutError(endpoint_url="aws")
            case Fault.TIMEOUT_AFTER if attempts.count > 1:
                raise ReadTimeoutError(endpoint_url="aws")
            case Fault.SLOW:
                self._let_time_pass(attempts)
        is_repeated = attempts.answer is not None and attempts.operation == "TransactWriteItems"
        if not is_repeated:
            attempts.answer = _effect(request, attempts.operation)
        if attempts.answer is None:
            raise ValueError(f"moto knows nothing of {event_name}")
        if attempts.fault in (Fault.TIMEOUT_AFTER, Fault.ANSWER_LOST) and attempts.count == 1:
            raise ReadTimeoutError(endpoint_url="aws")
        status, headers, body = attempts.answer
        return AWSResponse(request.url, status, headers, MockRawResponse(body))

    def _let_time_pass(self, attempts: _Attempts) -> None:
        """Let another process do something while this one waits."""
        if threading.current_thread() is not threading.main_thread():
            return
        self.clock.advance(seconds=SLOW_S)
        self._here.is_elsewhere = True
        try:
            self.meanwhile()
        finally:
            self._here.is_elsewhere = False
            self._here.attempts = attempts

    def _is_partial(self) -> bool:
        return self._armed == (len(self.calls), Fault.PARTIAL)

    def _shorten(self, params: Json, **_: object) -> None:
        if self._is_partial():
            self._here.left_out = params["Entries"].pop(0)["Id"]

    def _tell_failed(self, parsed: Json, **_: object) -> None:
        left_out = getattr(self._here, "left_out", "")
        if left_out:
            failed = {"Id": left_out, "Code": "InternalError", "SenderFault": False}
            parsed.setdefault("Failed", []).append(failed)
            self._here.left_out = ""


def faults_at(call: Call) -> list[Fault]:
    """Return the ways in which a call can fail."""
    is_batch = call.operation.rpartition(".")[2] in BATCHES
    return [fault for fault in Fault if is_batch or fault is not Fault.PARTIAL]


@contextmanager
def aws_in_process() -> Iterator[None]:
    """Let every client made inside the block reach moto; what waits before it tries again does not wait here."""
    with patch.dict("os.environ", ENVIRONMENT), mock_aws(), patch("botocore.endpoint.time", _NoWaiting):
        yield


class _NoWaiting:
    """Stands for the module `time` where botocore waits between two attempts."""

    @staticmethod
    def sleep(_seconds: float) -> None:
        """Go on at once."""


def _effect(request: AWSPreparedRequest, operation: str) -> tuple[int, Any, Any] | None:
    """Do what AWS does, and return its answer: status, headers, body."""
    if operation not in ("Sign", "GetPublicKey"):
        return cast("tuple[int, Any, Any] | None", botocore_stubber.process_request(request))
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    if operation == "GetPublicKey":
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return 200, {}, json.dumps({"KeyId": "drill", "PublicKey": b64encode(der).decode()})
    signed = key.sign(b64decode(json.loads(request.body)["Message"]))
    return 200, {}, json.dumps({"KeyId": "drill", "Signature": b64encode(signed).decode()})


def _without_delay(params: Json, **_: object) -> None:
    params.pop("DelaySeconds", None)


def _call(operation: str) -> Call:
    chain: list[tuple[str, int]] = []
    frame = sys._getframe(2)  # noqa: SLF001 - the only way to see who calls, at this price
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            chain.append((f"{Path(name).relative_to(ROOT)}:{frame.f_code.co_qualname}", frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment] - None ends it
    lines = " < ".join(f"{name}:{line}" for name, line in chain)
    return Call(operation, f"{chain[0][0]} {operation.partition('.')[2]}", lines)


def _refused(request: AWSPreparedRequest, service: str, fault: Fault) -> AWSResponse:
    """Return what a service of AWS answers when it is asked too often, or has a fault of its own."""
    is_throttled = fault is Fault.THROTTLE
    headers: dict[str, str] = {}
    if service == "s3":
        code, status = ("SlowDown", 503) if is_throttled else ("InternalError", 500)
        body = f"<Error><Code>{code}</Code><Message>drill</Message></Error>"
    elif service == "sns":
        code, status = ("Throttled", 429) if is_throttled else ("InternalFailure", 500)
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>drill</Message></Error>"
        body = f'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">{error}</ErrorResponse>'
    else:
        code, status = ("ThrottlingException", 400) if is_throttled else ("InternalServerError", 500)
        headers = {"x-amzn-errortype": code}
        body = json.dumps({"__type": code, "message": "drill"})
    return AWSResponse(request.url, status, headers, MockRawResponse(body))
