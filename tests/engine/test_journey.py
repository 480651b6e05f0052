"""One whole journey on the local engine with real faces: three people, one wave, one draw."""

from __future__ import annotations

import io
import json
from hashlib import sha256

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from gelombang.domain.application import State
from gelombang.domain.reasons import Reason
from local.client import connect
from local.command import app
from local.display import Display
from local.play import play_demo
from local.scenario import AFTER_DRAW, REFUSED, SPOILED, Part, Selfie, Sight

ORDINARY = Part("ordinary", "ordinary", 0, 0, is_on_priority_list=True, ends=frozenset({State.SELECTED}))
RETAKEN = Part(
    "spoiled selfie first",
    "ordinary",
    2,
    2,
    AFTER_DRAW,
    SPOILED,
    frozenset({Sight.ONLY_SELFIE_AGAIN}),
    first_selfie=Selfie.SPOILED,
)
TOO_YOUNG = Part("seventeen", "under_18", 1, 1, REFUSED, frozenset({Reason.TOO_YOUNG}))

pytestmark = pytest.mark.pack


@pytest.fixture(scope="module")
def played(service):
    """Return the running service and the report of the wave played on it."""
    with Display(Console(file=io.StringIO())) as display:
        return service, play_demo(service, display, parts=(ORDINARY, RETAKEN, TOO_YOUNG))


def ask(state, *words):
    """Run a command against the running service and return its JSON answer."""
    result = CliRunner().invoke(app, [*words, "--state", str(state), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_three_people_reach_the_end_that_the_scenario_says(played):
    _, report = played

    assert [line for line in report.lines if not line.is_right] == []
    assert report.people_by_state == {"SELECTED": 2, "NOT_ELIGIBLE": 1}


def test_the_commands_find_the_running_service_and_tell_its_wave(played):
    service, report = played

    state = service.stack.state_dir

    wave, again = ask(state, "wave", "show", "demo"), ask(state, "wave", "run", "demo")
    shown = CliRunner().invoke(app, ["wave", "show", "demo", "--state", str(state)])

    assert wave["state"] == "PUBLISHED"
    assert wave["entry_count"] == sum(wave["filled"].values()) == report.seats_filled == 2
    assert again == {"wave": wave, "taken": [], "waits_for": ""}
    assert shown.exit_code == 0, shown.output
    for told in (wave["commitment_sha256"], "3171 Kota Administrasi Jakarta Pusat", "3578 Kota Surabaya"):
        assert told in shown.stdout


def test_what_is_published_lies_open_at_the_service_s_address_and_caches_may_keep_it(played):
    service, _ = played
    url = service.stack.url
    with httpx.Client() as anybody:
        page = anybody.get(f"{url}/published/waves/demo/wave.json")
        asked = anybody.get(f"{url}/v1/waves/demo")
        listed = anybody.get(f"{url}/v1/waves/demo/bundle").json()["files"]
        files = {each["name"]: anybody.get(each["url"]) for each in listed}
        entry = files["entries.csv"].text.splitlines()[1].split(",")[0]
        own = anybody.get(f"{url}/published/waves/demo/results/{entry}.json")

    assert page.content == asked.content
    assert page.headers["Cache-Control"] == "public, max-age=5"
    for each in listed:
        assert each["url"].startswith(f"{url}/published/waves/demo/")
        assert sha256(files[each["name"]].content).hexdigest() == each["sha256"]
    kept = {answer.headers["Cache-Control"] for answer in (*files.values(), own)}
    assert kept == {"public, max-age=31536000, immutable"}
    assert own.json()["entry"]["entry_id"] == entry


def test_an_auditor_is_told_the_whole_story_of_a_recipient_and_the_audit_chain_holds(played):
    service, report = played
    with connect(service.stack.url, service.stack.tokens["auditor"]) as auditor:
        story = auditor.get(f"/v1/explanations/{report.example}")

    told = CliRunner().invoke(app, ["explain", report.example, "--state", str(service.stack.state_dir)])

    assert told.exit_code == 0, told.output
    assert story["audit_fault"] == ""
    for word in (
        "dukcapil",
        "kemdikbud",
        report.model_release,
        "operating point",
        "rank",
        "audit chain holds",
    ):
        assert word in told.stdout
