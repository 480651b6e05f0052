"""Nobody's data is anywhere but in trusted rows: a journey with canaries, and the scanner proven on every sink."""

from __future__ import annotations

import json
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote, quote_plus

import pytest
from botocore.exceptions import ClientError
from canary_assisted import walk_assisted
from canary_journey import walk
from canary_values import ADDRESS, PHONE, PHOTO, ZELIKHA, Measures, known_canaries
from canary_watch import Sink, Watch, watching

from benchmarks.drills.gateway import Answer, Gateway
from gelombang.aws.clients import reaching
from gelombang.domain.application import Application, ApplicationId, State
from gelombang.domain.errors import DependencyError
from gelombang.domain.messages import ChecksDue, PhotoArrived
from gelombang.journey import applications
from gelombang.journey.audit_export import export
from gelombang.journey.ports import Key, Put, Row
from gelombang.journey.programme import load_programme
from gelombang.observability import write_event
from local import canaries

TOKEN = "5fd0a91be7c4-00-77e2-c35d9e08b1f2"
PLANTED = [*known_canaries(), canaries.code("code", "481516"), canaries.secret("token", TOKEN)]


def test_a_whole_journey_leaves_personal_data_nowhere() -> None:
    measures = Measures()
    with watching(Gateway(ADDRESS), ZELIKHA, check=measures) as watch:
        walk(watch, measures)
        walk_assisted(watch)
        hand_out_evidence(watch)

    assert watch.leaks() == []
    assert {sink for sink, said in watch.seen.items() if not any(said)} <= {Sink.LIBRARY_LOGS, Sink.OUTPUT}


def hand_out_evidence(watch: Watch) -> None:
    """Let the night pass with its anchor, and write what an auditor is given of everybody."""
    watch.memory.clock.advance(days=2)
    watch.ring()
    rows = watch.memory.rows.read_all()
    names = {
        row.fields["application_id"]
        for row in rows
        if row.key.partition.startswith("APPLICATION#") and row.key.sort == "-"
    }
    for name, content in export(
        watch.memory.ports, load_programme("prakerja"), sorted(names), has_everything=True
    ):
        watch.note(Sink.EVIDENCE, name, content)


NIK, NAME, NUMBER = ZELIKHA.nik, ZELIKHA.name, PHONE
ENCODINGS: dict[str, tuple[str, str]] = {
    "as it is": ("NIK", NIK),
    "in fours": ("NIK", " ".join(NIK[at : at + 4] for at in range(0, 16, 4))),
    "with dots": ("NIK", f"{NIK[:6]}.{NIK[6:12]}.{NIK[12:]}"),
    "backwards": ("NIK", NIK[::-1]),
    "in a URL": ("name", quote(NAME)),
    "in a URL in a URL": ("name", quote(quote(NAME))),
    "in a query": ("name", quote_plus(NAME)),
    "base64": ("NIK", b64encode(f"x{NIK}".encode()).decode()),
    "base64url": ("name", urlsafe_b64encode(f"~~~?{NAME}".encode()).decode().rstrip("=")),
    "base64 of JSON": ("name", b64encode(json.dumps({"name": NAME}).encode()).decode()),
    "hex": ("NIK", NIK.encode().hex().upper()),
    "JSON": ("name", json.dumps(NAME)[1:-1]),
    "JSON in JSON": ("name", json.dumps(json.dumps(NAME))[1:-1]),
    "lower case": ("name", NAME.lower()),
    "upper case": ("name", NAME.upper()),
    "without +62": ("phone", NUMBER.replace("+62", "0")),
    "as people write it": ("phone", "0812-7778-8899"),
    "a date turned round": ("birth date", "29/03/1987"),
    "a date as a number": ("birth date", "19870329"),
    "a percentage": ("score", "73.19 %"),
    "bytes spelled out": ("photograph", repr(PHOTO[4:60])[2:-1]),
    "a code in two": ("code", "481 516"),
    "the end of a token": ("token", "…c35d9e08b1f2"),
}


def logged(watch: Watch, words: str) -> None:
    write_event(watch.gateway.modules["register"].routes.logger, "planted", detail=words)


def refused(_watch: Watch, words: str) -> None:
    with suppress(DependencyError), reaching(words):
        raise ClientError({"Error": {"Code": words}}, "PutItem")


def answered(sink: Sink) -> Callable[[Watch, str], object]:
    """Return what answers a request in these words, in place of the function."""

    def answer(watch: Watch, words: str) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(watch.gateway, "send", lambda *_request: ANSWERS[sink](words))
            watch.send("GET", "/v1/application", to=sink)

    return answer


ANSWERS: dict[Sink, Callable[[str], Answer]] = {
    Sink.PROBLEMS: lambda words: Answer(422, {}, words.encode()),
    Sink.HEADERS: lambda words: Answer(200, {"x-debug": words}, b"{}"),
    **dict.fromkeys(
        (Sink.OWN, Sink.AUDITOR, Sink.OFFICER, Sink.OTHERS),
        lambda words: Answer(200, {}, f'{{"a":"{words}"}}'.encode()),
    ),
}


def left(watch: Watch, words: str) -> None:
    def crash(_event: object, _context: object) -> None:
        raise RuntimeError(words)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watch.gateway.modules["verify"], "reconcile", crash)
        watch.ring()


def buried(watch: Watch, words: str) -> None:
    watch.memory.queues.send(ChecksDue(words, 1))
    watch.deliver()


def handed_out(watch: Watch, words: str) -> None:
    now = watch.memory.clock.now()
    somebody = Application(ApplicationId("app_1"), "", "", State.DRAFT, now, now)
    applications.save(watch.memory.ports, somebody, "planted", {"note": words})
    hand_out_evidence(watch)


PLANTS: dict[Sink, Callable[[Watch, str], object]] = {
    Sink.LOGS: logged,
    Sink.WORKER_LOG: lambda watch, words: write_event(watch.worker_log, "planted", note=words),
    Sink.LIBRARY_LOGS: lambda _watch, words: logging.getLogger("botocore").warning("sent %s", words),
    Sink.OUTPUT: lambda _watch, words: print(json.dumps({"_aws": {}, "Person": words})),  # noqa: T201 - as EMF is
    Sink.LEFT: left,
    Sink.ERRORS: refused,
    **{sink: answered(sink) for sink in ANSWERS},
    Sink.ADDRESSES: lambda watch, words: watch.ports.photos.view_url(words),
    Sink.QUEUES: lambda watch, words: watch.ports.queues.send(PhotoArrived(words)),
    Sink.DEAD: buried,
    Sink.ROW_KEYS: lambda watch, words: watch.ports.rows.commit([Put(Row(Key("NIK", words), {}))]),
    Sink.ROW_FIELDS: lambda watch, words: watch.ports.rows.commit([Put(Row(Key("A"), {"note": words}))]),
    Sink.OBJECT_KEYS: lambda watch, words: watch.ports.photos.keep(f"app_1/ktp/{words}", b""),
    Sink.DOCUMENTS: lambda watch, words: watch.ports.documents.write("bundle", words.encode(), "text/plain"),
    Sink.TEXTS: lambda watch, words: watch.ports.texts.send("+62", words),
    Sink.EVIDENCE: handed_out,
}


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway()


@pytest.mark.parametrize("sink", list(Sink), ids=lambda sink: sink.name.lower())
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_leak_planted_in_any_sink_is_found_however_it_is_encoded(
    gateway: Gateway, sink: Sink, encoding: str
) -> None:
    kind, words = ENCODINGS[encoding]
    with watching(gateway, check=Measures()) as watch:
        watch.canaries += PLANTED
        PLANTS[sink](watch, words)

    assert kind in {leak.kind for leak in watch.found() if leak.sink == sink}


def test_what_only_looks_like_a_canary_is_no_leak() -> None:
    alike = (
        f"{NIK[:15]}8",
        NAME[:6],
        "1481516",
        "481516.2",
        "10.731862",
        "1987-03-28",
        TOKEN[1:9],
        "0812777888",
    )

    assert canaries.find_leaks(PLANTED, {"log": "\n".join(alike).encode(), "empty": b""}) == []
