"""The registers over HTTP against the real simulator, held to the same answers as the registers in memory."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import urllib3

from gelombang.domain.checks import Layer, Outcome, Person
from gelombang.domain.eligibility import judge_layer, rule_set_for
from gelombang.domain.errors import DependencyError
from gelombang.domain.nik import birth_date_differs, kk_faults, nik_faults
from gelombang.domain.reasons import Reason
from gelombang.http.registers import HttpRegisters
from gelombang.journey.programme import load_programme
from gelombang.memory.registers import SOURCES, Citizen, MemoryRegisters, Outage
from local.children import StartError
from local.population import CHANGES, Population
from local.registers import RegistersProcess, start_registers

TODAY = date(2026, 11, 21)
PEOPLE = Population.seeded(1, 200, TODAY)
LAYERS = tuple(SOURCES)
PROGRAMME = load_programme("prakerja")
pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("registers")]


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registers") / "registers.log"


@pytest.fixture(scope="module")
def process(log_path: Path) -> Iterator[RegistersProcess]:
    started = start_registers(1, log_path, count=200, today=TODAY)
    yield started
    started.stop()


@pytest.fixture
def registers(process: RegistersProcess) -> Iterator[HttpRegisters]:
    registers = HttpRegisters(process.url, timeout_s=1.0, now=lambda: datetime(2026, 11, 21, 5, tzinfo=UTC))
    yield registers
    simulate(process, "recover", {})
    registers.close()


def simulate(process: RegistersProcess, what: str, asked: dict[str, object]) -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("POST", f"{process.url}/_simulator/{what}", json=asked).status


def person(citizen: Citizen, kk: str = "") -> Person:
    return Person(citizen.nik, kk or citizen.kk, citizen.name, citizen.birth_date, citizen.region)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("layer", LAYERS)
def test_http_and_memory_say_the_same_of_everybody(registers, layer, kind):
    asked = person(PEOPLE.somebody(kind))

    over_http = registers.ask(layer, asked)
    in_memory = MemoryRegisters(PEOPLE.citizens, "2026-11-21/seed-1").ask(layer, asked)

    assert over_http == in_memory


@pytest.mark.parametrize("layer", LAYERS)
def test_http_and_memory_say_the_same_of_a_stranger_and_of_a_wrong_family_card(registers, layer):
    memory = MemoryRegisters(PEOPLE.citizens, "2026-11-21/seed-1")
    stranger = Person("3171990101800001", "3171990101120001", "Bukan Siapa", date(1980, 1, 1), "3171")
    other_card = person(PEOPLE.citizens[0], kk="3171990101120001")

    assert registers.ask(layer, stranger) == memory.ask(layer, stranger)
    assert registers.ask(layer, other_card) == memory.ask(layer, other_card)


@pytest.mark.parametrize(
    ("kind", "layer", "reason"),
    [
        ("under_18", Layer.AGE, Reason.TOO_YOUNG),
        ("over_64", Layer.AGE, Reason.TOO_OLD),
        ("student", Layer.EDUCATION, Reason.STILL_AT_SCHOOL),
        ("madrasah", Layer.RELIGIOUS_EDUCATION, Reason.STILL_AT_MADRASAH),
        ("village_head", Layer.EXCLUDED_OCCUPATION, Reason.EXCLUDED_OCCUPATION),
        ("earlier_recipient", Layer.EARLIER_RECIPIENT, Reason.EARLIER_RECIPIENT),
        ("foreigner", Layer.POPULATION, Reason.NOT_A_CITIZEN),
        ("blacklisted", Layer.BLACKLIST, Reason.BLACKLISTED),
        ("full_household", Layer.HOUSEHOLD_CAP, Reason.KK_AT_LIMIT),
    ],
)
def test_each_kind_of_citizen_fails_exactly_its_own_layer(registers, kind, layer, reason):
    assert failures(registers, PEOPLE.somebody(kind)) == {layer: reason}


@pytest.mark.parametrize("kind", ["ordinary", "exactly_18", "aid", "legal_mismatch"])
def test_whoever_meets_the_rules_passes_every_register(registers, kind):
    assert failures(registers, PEOPLE.somebody(kind)) == {}


def failures(registers: HttpRegisters, citizen: Citizen) -> dict[Layer, str]:
    rules = rule_set_for(PROGRAMME, TODAY)
    asked = person(citizen)
    judged = {
        layer: judge_layer(layer, registers.ask(layer, asked).facts, asked, rules, TODAY)
        for layer in rules.layers
        if layer is not Layer.FACE
    }
    return {layer: reason for layer, (outcome, reason, _) in judged.items() if outcome is Outcome.FAILED}


@pytest.mark.parametrize("mode", Outage)
def test_a_failing_register_is_a_dependency_that_did_not_answer(process, registers, mode):
    assert simulate(process, "outage", {"register": "kemdikbud", "mode": mode, "seconds": None}) == 200

    with pytest.raises(DependencyError) as failed:
        registers.ask(Layer.EDUCATION, person(PEOPLE.citizens[0]))

    assert failed.value.service == "kemdikbud"
    assert registers.ask(Layer.AID, person(PEOPLE.citizens[0])).source == "kemensos"


def test_a_register_answers_again_after_its_outage(process, registers):
    simulate(process, "outage", {"register": "kemensos", "mode": "off"})
    simulate(process, "recover", {})

    assert registers.ask(Layer.AID, person(PEOPLE.citizens[0])).source == "kemensos"


def test_a_short_outage_ends_by_itself(process, registers):
    simulate(process, "outage", {"register": "kemensos", "mode": "off", "seconds": 0.001})

    assert registers.ask(Layer.AID, person(PEOPLE.citizens[0])).source == "kemensos"


def test_an_outage_of_a_register_that_is_not_there_is_refused(process):
    assert simulate(process, "outage", {"register": "nobody"}) == 404
    assert simulate(process, "outage", {"register": "kemdikbud", "mode": "sulking"}) == 400


@pytest.mark.parametrize("mode", Outage)
def test_the_memory_side_fails_in_the_same_way(mode):
    registers = MemoryRegisters(PEOPLE.citizens)
    registers.fail("dukcapil", mode)

    with pytest.raises(DependencyError) as failed:
        registers.ask(Layer.AGE, person(PEOPLE.citizens[0]))

    assert failed.value.service == "dukcapil"
    registers.recover()
    assert registers.ask(Layer.AGE, person(PEOPLE.citizens[0])).facts["found"] is True


def test_nobodys_face_is_asked_of_a_register(registers):
    for side in (registers, MemoryRegisters(PEOPLE.citizens)):
        with pytest.raises(KeyError):
            side.ask(Layer.FACE, person(PEOPLE.citizens[0]))


def test_no_nik_or_name_reaches_the_log_or_an_error(process, registers, log_path):
    asked = person(PEOPLE.citizens[0])
    registers.ask(Layer.POPULATION, asked)
    simulate(process, "outage", {"register": "dukcapil", "mode": "garbled"})
    with pytest.raises(DependencyError) as failed:
        registers.ask(Layer.POPULATION, asked)

    log = log_path.read_text()
    assert "register=dukcapil status=200" in log
    for secret in (asked.nik, asked.kk, asked.name):
        assert secret not in log
        assert secret not in repr(failed.value)


ASKED = PEOPLE.citizens[0].nik
GOOD = {"list_version": "1", "listed_on": "2026-11-21", "about": ASKED, "facts": {"enrolled": False}}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'{"facts": {"enrolled": false}}',
        json.dumps(GOOD | {"facts": {}}).encode(),
        json.dumps(GOOD | {"facts": {"enrolled": "SECRET-7"}}).encode(),
        json.dumps(GOOD | {"facts": {"enrolled": 0}}).encode(),
        json.dumps(GOOD | {"listed_on": "SECRET-7"}).encode(),
        json.dumps(GOOD | {"note": "x" * 70_000}).encode(),
    ],
)
def test_nonsense_with_status_200_is_never_taken_for_an_answer(answer):
    with (
        one_answer(answer) as url,
        closing(HttpRegisters(url)) as registers,
        pytest.raises(DependencyError) as failed,
    ):
        registers.ask(Layer.EDUCATION, person(PEOPLE.citizens[0]))

    assert "SECRET" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_register_may_add_fields_we_do_not_know():
    body = json.dumps(GOOD | {"news": 1}).encode()
    with one_answer(body) as url, closing(HttpRegisters(url)) as registers:
        answer = registers.ask(Layer.EDUCATION, person(PEOPLE.citizens[0]))

    assert (answer.list_version, answer.facts) == ("2026-11-21/1", {"enrolled": False})


def test_nobody_listening_is_a_dependency_that_did_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(DependencyError):
        HttpRegisters(f"http://127.0.0.1:{port}").ask(Layer.AID, person(PEOPLE.citizens[0]))


def test_a_simulator_that_cannot_start_says_so(tmp_path):
    with pytest.raises(StartError, match="log ended"):
        start_registers(1, tmp_path / "log", count=0)


def test_the_simulator_ends_with_whoever_started_it_even_after_a_kill(tmp_path):
    starter = (
        "import pathlib, sys, time; from local.registers import start_registers;"
        "print(start_registers(1, pathlib.Path(sys.argv[1]), count=50).url, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", starter, str(tmp_path / "registers.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        process.kill()
    port = int(url.rpartition(":")[2])

    end = time.monotonic() + 20
    while is_listening(port) and time.monotonic() < end:
        time.sleep(0.05)

    assert not is_listening(port)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_same_seed_and_day_make_the_same_people():
    assert Population.seeded(7, 100, TODAY) == Population.seeded(7, 100, TODAY)
    assert Population.seeded(7, 100, TODAY) != Population.seeded(8, 100, TODAY)
    assert Population.seeded(7, 300, TODAY).citizens[:100] == Population.seeded(7, 100, TODAY).citizens


@pytest.mark.parametrize("count", [0, 10_000])
def test_a_population_has_no_more_people_than_serial_numbers(count):
    with pytest.raises(ValueError, match="1 to 9999"):
        Population.seeded(1, count)


@pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29)])
def test_every_synthetic_person_has_a_possible_and_unique_nik_that_nobody_can_hold(today):
    citizens = Population.seeded(3, 9999, today).citizens

    assert all(nik_faults(citizen.nik, today) == kk_faults(citizen.kk) == () for citizen in citizens)
    assert len({citizen.nik for citizen in citizens}) == len(citizens)
    assert {citizen.nik[4:6] for citizen in citizens} == {citizen.kk[4:6] for citizen in citizens} == {"99"}
    assert {citizen.region for citizen in citizens} <= set(PROGRAMME.regions)


def test_only_a_legal_mismatch_has_another_date_in_the_nik():
    differing = {
        kind
        for citizen, kind in zip(PEOPLE.citizens, PEOPLE.kinds, strict=True)
        if birth_date_differs(citizen.nik, citizen.birth_date)
    }

    assert differing == {"legal_mismatch"}


class one_answer:  # noqa: N801 - read as a function in a with statement
    """An HTTP server that answers every POST with the same bytes, as JSON, with status 200."""

    def __init__(self, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
