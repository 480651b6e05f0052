"""Selection: waves as data, joining, the operator's steps, own results with their proofs, the draw bundle.

An operator asks for a step here; the step itself is done from a queue, because it may take longer than a request.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate, SQSEvent

from gelombang import wiring
from gelombang.api.callers import ANYONE, APPLICANT, OPERATOR
from gelombang.api.forms import AnewForm, BeaconForm, EmptyForm, ExtensionForm, PartyForm, WaveForm
from gelombang.api.messages import consume_messages, run_by_clock, run_each_by_clock
from gelombang.api.replies import Health
from gelombang.api.routes import Call, Route, Routes
from gelombang.api.wave_replies import Bundle, Waves, show_wave, show_waves
from gelombang.domain.application import ApplicationId
from gelombang.domain.errors import MoveNotAllowedError, NotReadyError, WaveIdTakenError, WaveNotOpenError
from gelombang.domain.messages import QueueName, WavePartAsked, WaveStepAsked
from gelombang.domain.wave import WaveStep, definition_from_json
from gelombang.journey import anchors, extensions, rechecking, selection, wave_parts, wave_seed
from gelombang.journey.anchors import Anchors
from gelombang.journey.ports import Ports
from gelombang.journey.selection import OwnResult, Receipt, WavePage
from gelombang.journey.staff import Staff

PAGE_S = 5  # how long a public page may be kept: short enough that nobody misses an opening
WAVE = "/v1/waves/{wave_id}"
LOST_AFTER = timedelta(minutes=1)  # a step or part of which nothing is seen for so long is asked for again
JOINING = (WaveNotOpenError, NotReadyError, MoveNotAllowedError)
STEPPING = (NotReadyError, MoveNotAllowedError)
TAKEN = (WaveIdTakenError,)

app = Chalice(app_name="gelombang-select", configure_logs=False)
routes = Routes(app, wiring.ports_from_environment, wiring.programme_from_environment)


@app.on_sqs_message(queue=str(QueueName.WAVE_STEPS), batch_size=1)
def wave_steps(event: SQSEvent) -> dict[str, Any]:
    """Do a step of a wave, or a part of its publication."""
    return consume_messages(event, routes.logger, QueueName.WAVE_STEPS, _do_step)


def _do_step(asked: WaveStepAsked | WavePartAsked) -> None:
    wiring.run_wave_step(asked)
    show_wave(wiring.ports_from_environment(), asked.wave_id)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def resend_steps(_event: CloudWatchEvent) -> None:
    """Ask again for steps whose message was lost, and write again the pages of waves that have changed."""
    ports = wiring.ports_from_environment()
    run_each_by_clock(
        routes.logger,
        wave_steps_resent=lambda: {
            "sent_count": wave_parts.resend_steps(ports, ports.clock.now() - LOST_AFTER)
        },
        waves_shown=lambda: {"written_count": show_waves(ports)},
    )


@app.schedule(Rate(1, unit=Rate.MINUTES))
def watch_service(_event: CloudWatchEvent) -> None:
    """See whether the public service works; extend waves after a brown-out."""
    run_by_clock(routes.logger, "service_watched", wiring.watch_service)


@routes.serve(Route("GET", "/v1/waves", ANYONE, EmptyForm, Waves, "All waves", cache_s=PAGE_S))
def list_waves(call: Call[None, EmptyForm]) -> Waves:
    """List the public pages of all waves."""
    return Waves(selection.list_waves(call.ports))


@routes.serve(Route("POST", "/v1/waves", OPERATOR, WaveForm, WavePage, "Define a wave", 201, TAKEN))
def open_wave(call: Call[Staff, WaveForm]) -> WavePage:
    """Store a wave as data."""
    given = call.form.model_dump(mode="json", exclude_unset=True)
    definition = definition_from_json(given, call.programme.rule_sets)
    return selection.open_wave(call.ports, definition, call.caller.name)


@routes.serve(Route("GET", WAVE, ANYONE, EmptyForm, WavePage, "One wave's public page", cache_s=PAGE_S))
def find_wave(call: Call[None, EmptyForm]) -> WavePage:
    """Show what anybody may know of a wave."""
    return selection.find_wave(call.ports, call.path["wave_id"])


@routes.serve(Route("POST", f"{WAVE}/entries", APPLICANT, EmptyForm, Receipt, "Join a wave", 201, JOINING))
def join(call: Call[ApplicationId, EmptyForm]) -> Receipt:
    """Enter the applicant into the wave; asking again gives the same receipt."""
    return rechecking.join(call.ports, call.programme, call.caller, call.path["wave_id"])


@routes.serve(
    Route("GET", f"{WAVE}/entries/mine", APPLICANT, EmptyForm, OwnResult, "Own result", 200, (NotReadyError,))
)
def read_own_result(call: Call[ApplicationId, EmptyForm]) -> OwnResult:
    """Show the applicant's own result with its Merkle proof, once published."""
    return selection.result_of(call.ports, call.caller, call.path["wave_id"])


@routes.serve(Route("GET", f"{WAVE}/bundle", ANYONE, EmptyForm, Bundle, "The draw bundle's files"))
def read_bundle(call: Call[None, EmptyForm]) -> Bundle:
    """List the published files with their hashes."""
    return Bundle(selection.bundle_files(call.ports, call.path["wave_id"]))


@routes.serve(Route("GET", "/v1/anchors", ANYONE, EmptyForm, Anchors, "What pins the audit", cache_s=PAGE_S))
def read_anchors(call: Call[None, EmptyForm]) -> Anchors:
    """Give the list of signing keys and the last daily anchor of all audit chains."""
    return anchors.published_anchors(call.ports)


@routes.serve(Route("GET", "/v1/select/health", ANYONE, EmptyForm, Health, "The function is alive"))
def health(_call: Call[None, EmptyForm]) -> Health:
    """Answer without asking anything of anyone."""
    return Health("select")


def _serve_step(step: WaveStep) -> None:
    name, summary = f"{step}_wave", f"Ask for the step {step}"

    @routes.serve(
        Route("POST", f"{WAVE}/{step}", OPERATOR, EmptyForm, WavePage, summary, 202, STEPPING, name=name)
    )
    def ask_step(call: Call[Staff, EmptyForm]) -> WavePage:
        return selection.ask_step(call.ports, call.path["wave_id"], step, call.caller.name)


def _serve_change(what: str, form: type, summary: str, change: Callable[[Ports, str, Any, str], Any]) -> None:
    name = f"{what}_of_wave"

    @routes.serve(
        Route("POST", f"{WAVE}/{what}", OPERATOR, form, WavePage, summary, 200, STEPPING, name=name)
    )
    def change_wave(call: Call[Staff, Any]) -> WavePage:
        change(call.ports, call.path["wave_id"], call.form, call.caller.name)
        return selection.find_wave(call.ports, call.path["wave_id"])


_serve_change("beacon", BeaconForm, "Give the beacon", wave_seed.announce_beacon)
_serve_change("parties", PartyForm, "Keep what a party promises or tells", wave_seed.keep_secret)
_serve_change("extend", ExtensionForm, "Let a wave close later, with a reason", extensions.extend)
_serve_change("anew", AnewForm, "Hold a draw anew, or confirm it", wave_seed.hold_anew)
for each in WaveStep:
    _serve_step(each)
