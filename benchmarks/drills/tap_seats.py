"""The cases of `tap_cases` about seats."""

from __future__ import annotations

from benchmarks.drills.people import STEPS, WAVE, citizen_at, make_ready, verified_by_hand
from benchmarks.drills.tap_stage import Case, Stage, Tap, begun, step_by_step
from gelombang.domain.wave import WaveStep
from gelombang.journey import registration

SEAT = "/v1/application/seat"


def _seated(stage: Stage, who: str) -> None:
    """Let the wave be drawn with whoever this is in it; there are seats for all."""
    stage.ask(who, f"/v1/waves/{WAVE}/entries")
    step_by_step(stage, WAVE, list(WaveStep))


def _seat(stage: Stage) -> Tap:
    _seated(stage, "verified")
    stage.world.memory.clock.advance(minutes=10)
    return stage.tap("verified", SEAT, {"answer": "accept"}, stage.told)


def _accepted(stage: Stage) -> Tap:
    _seated(stage, "verified")
    stage.world.memory.clock.advance(minutes=10)
    challenge = stage.ask("verified", SEAT, {"answer": "accept"}).json["challenge_id"]
    confirmed = {"answer": "accept", "challenge_id": challenge, "code": stage.code()}
    effect = stage.events("verified", "seat_accepted")
    return stage.tap("verified", f"{SEAT}/confirmation", confirmed, effect)


def _accepted_there(stage: Stage) -> Tap:
    _, receipt = begun(stage)
    name = stage.ask("assisted", "/v1/application", method="GET").json["application_id"]
    ports = stage.world.memory.ports
    ready = make_ready(stage.world.memory, name, citizen_at(len(STEPS)))
    submitted = registration.submit(ports, ready.application_id)
    verified_by_hand(ports, submitted)
    _seated(stage, "assisted")
    effect = stage.events("assisted", "seat_accepted")
    return stage.tap("assisted", f"{SEAT}/receipt", {"answer": "accept", "receipt": receipt}, effect)


def _finding(stage: Stage) -> Tap:
    _seated(stage, "verified")
    name = stage.ask("verified", "/v1/application", method="GET").json["application_id"]
    found = {"reason": "STILL_AT_SCHOOL", "note": "Berita acara 12/2026."}
    effect = stage.events("verified", "seat_taken_back")
    return stage.tap("auditor", f"/v1/explanations/{name}/finding", found, effect)


SEATS: dict[str, Case] = {
    SEAT: Case(_seat),
    f"{SEAT}/confirmation": Case(_accepted),
    f"{SEAT}/receipt": Case(_accepted_there),
    "/v1/explanations/{application_id}/finding": Case(_finding),
}
