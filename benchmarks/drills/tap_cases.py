"""A case for every POST of the three functions: what is sent, by whom, and what it may do once.

`CASES` is by the route's path as declared; a route without a case fails tests/functions/test_taps.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.drills.people import WAVE
from benchmarks.drills.tap_seats import SEATS
from benchmarks.drills.tap_stage import Case, Stage, Tap, begun, step_by_step
from gelombang.domain.wave import WaveStep
from gelombang.journey import selection
from gelombang.journey.ports import Key
from gelombang.journey.programme import load_programme

PHONE, NEW_PHONE, EMAIL = "+6281234567999", "+6281234567998", "siti@example.org"
JPEG = b"\xff\xd8\xff\xe0 the rest does not matter here"
TUS = {"Tus-Resumable": "1.0.0"}


def _codes(stage: Stage) -> Tap:
    return stage.tap("", "/v1/codes", {"phone": PHONE, "action": "log_in"}, stage.told)


def _sessions(stage: Stage) -> Tap:
    asked = {"phone": PHONE, "action": "log_in"}
    challenge = stage.ask("", "/v1/codes", asked).json["challenge_id"]
    confirmed = {"challenge_id": challenge, "code": stage.code()}
    return stage.tap("", "/v1/sessions", confirmed, stage.rows("SESSION#"))


def _phone(stage: Stage) -> Tap:
    return stage.tap("ready", "/v1/application/phone", {"phone": NEW_PHONE}, stage.told)


def _new_phone(stage: Stage) -> Tap:
    effect = stage.events("ready", "phone_changed")
    return stage.confirmed("ready", "/v1/application/phone", {"phone": NEW_PHONE}, effect)


def _email(stage: Stage) -> Tap:
    return stage.tap("ready", "/v1/application/email", {"email": EMAIL}, stage.told)


def _new_email(stage: Stage) -> Tap:
    effect = stage.events("ready", "email_saved")
    return stage.confirmed("ready", "/v1/application/email", {"email": EMAIL}, effect)


def _erasure(stage: Stage) -> Tap:
    stage.world.memory.clock.advance(minutes=10)
    return stage.tap("ready", "/v1/application/erasure", {}, stage.told)


def _erased(stage: Stage) -> Tap:
    stage.world.memory.clock.advance(minutes=10)
    effect = stage.events("ready", "erasure_asked")
    return stage.confirmed("ready", "/v1/application/erasure", {}, effect)


def _restriction(stage: Stage) -> Tap:
    return stage.tap("ready", "/v1/application/restriction", {}, stage.events("ready", "restricted"))


def _offer(stage: Stage) -> Tap:
    offer = {"content_type": "image/jpeg", "size_bytes": 1000}
    effect = stage.events("empty", "upload_offered")
    return stage.tap("empty", "/v1/application/photos/ktp", offer, effect)


def _upload(stage: Stage) -> Tap:
    effect = stage.events("empty", "upload_offered")
    return stage.tap("empty", _UPLOADS, b"", effect, Upload_Length="9000", **_named(TUS))


def _chunk(stage: Stage) -> Tap:
    where = stage.ask("empty", _UPLOADS, b"", Upload_Length="9000", **_named(TUS)).headers["location"]
    more = TUS | {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    more["Content-Type"] = "application/offset+octet-stream"
    return stage.tap("empty", where, JPEG * 70, stage.rows("UPLOAD#", "CHUNK#"), **_named(more))


def _consent(stage: Stage) -> Tap:
    version = load_programme("prakerja").consent.version
    agreed = {"purpose": "notices", "is_given": True, "version": version}
    return stage.tap("empty", "/v1/application/consents", agreed, stage.events("empty", "consent_given"))


def _submit(stage: Stage) -> Tap:
    return stage.tap("ready", "/v1/application/submit", {}, stage.events("ready", "submitted"))


def _challenge(stage: Stage) -> Tap:
    effect = stage.events("in_review", "challenge_issued")
    return stage.tap("in_review", "/v1/application/challenges", {}, effect)


def _answer(stage: Stage) -> Tap:
    issued = stage.ask("in_review", "/v1/application/challenges").json
    for form in issued["uploads"]:
        stage.world.memory.photos.receive(form["fields"]["key"], JPEG)
    path = f"/v1/application/challenges/{issued['challenge_id']}/answer"
    return stage.tap("in_review", path, {}, stage.events("in_review", "challenge_answered"))


def _next(stage: Stage) -> Tap:
    stage.world.memory.clock.advance(hours=1)  # so that what the reviewer holds goes back
    held = Key("REVIEWER#reviewer one")

    def count() -> int:
        row = stage.world.memory.rows.read(held)
        return row.version if row else 0

    return stage.tap("reviewer", "/v1/reviews/next", {}, count)


def _decision(stage: Stage) -> Tap:
    decided = {"label": "A", "decision": "accept", "note": "sama"}
    effect = stage.events("in_review", "case_answered")
    return stage.tap("reviewer", f"{_review(stage)}/decision", decided, effect)


def _wish(stage: Stage) -> Tap:
    effect = stage.events("in_review", "challenge_asked")
    return stage.tap("reviewer", f"{_review(stage)}/challenge", {"label": "A"}, effect)


def _review(stage: Stage) -> str:
    return f"/v1/reviews/{stage.world.names['review_id'][0]}"


def _appeal(stage: Stage) -> Tap:
    words = {"reason": "STILL_AT_SCHOOL", "words": "Saya lulus.", "wants_to_join": True}
    return stage.tap("refused", "/v1/application/appeals", words, stage.events("refused", "appeal_filed"))


def _evidence(stage: Stage) -> Tap:
    offer = {"content_type": "image/jpeg", "size_bytes": 1000}
    effect = stage.events("appealing", "evidence_offered")
    return stage.tap("appealing", f"/v1/application/appeals/{_number(stage)}/evidence", offer, effect)


def _appeal_answer(stage: Stage) -> Tap:
    number = _number(stage)
    stage.ask("appeals_officer", f"/v1/appeals/{number}/decision", {"code": "ASKED_LETTER"})
    effect = stage.events("appealing", "appeal_answered")
    return stage.tap("appealing", f"/v1/application/appeals/{number}/answer", {"words": "Ini."}, effect)


def _appeal_decision(stage: Stage) -> Tap:
    decided = {"code": "UPHELD_SHOWN_OTHERWISE", "note": "jelas"}
    effect = stage.events("appealing", "appeal_decided")
    return stage.tap("appeals_officer", f"/v1/appeals/{_number(stage)}/decision", decided, effect)


def _number(stage: Stage) -> str:
    return stage.world.names["number"][0]


def _wave(stage: Stage) -> Tap:
    return stage.tap("operator", "/v1/waves", _definition(stage, "gelombang-2"), stage.rows("WAVES", "gelom"))


def _definition(stage: Stage, wave_id: str, **more: str) -> dict[str, Any]:  # JSON of a wave
    now = stage.world.memory.clock.now()
    closes = (now + timedelta(days=3)).isoformat()
    named = {"wave_id": wave_id, "name": "Gelombang 2", "opens_at": now.isoformat(), "closes_at": closes}
    return {**named, "quota": {"3171": 3}, "rule_set": "2023", **more}


def _entry(stage: Stage) -> Tap:
    effect = stage.events("verified", "wave_joined")
    return stage.tap("verified", f"/v1/waves/{WAVE}/entries", {}, effect)


def _beacon(stage: Stage) -> Tap:
    promised = _definition(stage, "gelombang-2", beacon_source="drand-quicknet")
    stage.ask("operator", "/v1/waves", promised)
    step_by_step(stage, "gelombang-2", (WaveStep.CLOSE, WaveStep.FREEZE, WaveStep.COMMIT))
    stage.world.memory.clock.advance(days=3)  # the round that the commitment names has come by then
    given = {"beacon": "00112233445566778899aabb" * 4}
    return stage.tap("operator", "/v1/waves/gelombang-2/beacon", given, _taken(stage, "gelombang-2"))


def _party(stage: Stage) -> Tap:
    given = {"party": "Ombudsman", "sha256": "ab" * 32}
    return stage.tap("operator", f"/v1/waves/{WAVE}/parties", given, _taken(stage, WAVE))


def _extension(stage: Stage) -> Tap:
    closes_at = stage.world.memory.clock.now() + timedelta(days=200)
    given = {"closes_at": closes_at.isoformat(), "reason": "Banjir di tiga kabupaten."}
    return stage.tap("operator", f"/v1/waves/{WAVE}/extend", given, _taken(stage, WAVE))


def _anew(stage: Stage) -> Tap:
    step_by_step(stage, WAVE, (WaveStep.CLOSE, WaveStep.FREEZE, WaveStep.COMMIT))
    given = {"reason": "Suar tidak terbit pada waktunya."}
    return stage.tap("operator", f"/v1/waves/{WAVE}/anew", given, _taken(stage, WAVE))


def _step(step: WaveStep) -> Callable[[Stage], Tap]:
    def prepare(stage: Stage) -> Tap:
        before = [each for each in WaveStep if list(WaveStep).index(each) < list(WaveStep).index(step)]
        step_by_step(stage, WAVE, before)
        return stage.tap("operator", f"/v1/waves/{WAVE}/{step}", {}, _taken(stage, WAVE))

    return prepare


def _taken(stage: Stage, wave_id: str) -> Callable[[], int]:
    """Return what counts how often a wave was changed."""
    key = selection.wave_key(wave_id)

    def count() -> int:
        row = stage.world.memory.rows.read(key)
        return row.version if row else 0

    return count


def _assisted(stage: Stage) -> Tap:
    begun(stage)
    return stage.tap("officer", "/v1/assisted/applications", {}, stage.rows("RECEIPT#"))


def _visit(stage: Stage) -> Tap:
    _, receipt = begun(stage)
    effect = stage.events("assisted", "assisted_session_opened")
    return stage.tap("officer", "/v1/assisted/sessions", {"receipt": receipt}, effect)


def _lost(stage: Stage) -> Tap:
    card = {"nik": "3171014501900001", "kk": "3171010101100001", "birth_date": "1990-01-05"}
    return stage.tap("officer", "/v1/assisted/receipts", card, stage.rows("RECEIPT#"))


def _slip(stage: Stage) -> Tap:
    _, receipt = begun(stage)
    return stage.tap("", "/v1/assisted/status", {"receipt": receipt}, stage.told)


def _erased_there(stage: Stage) -> Tap:
    _, receipt = begun(stage)
    effect = stage.events("assisted", "erasure_asked")
    return stage.tap("assisted", "/v1/application/erasure/receipt", {"receipt": receipt}, effect)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}


_UPLOADS = "/v1/application/photos/ktp/uploads"
CASES: dict[str, Case] = {
    "/v1/codes": Case(_codes),
    "/v1/sessions": Case(_sessions),
    "/v1/application/phone": Case(_phone),
    "/v1/application/phone/confirmation": Case(_new_phone),
    "/v1/application/email": Case(_email),
    "/v1/application/email/confirmation": Case(_new_email),
    "/v1/application/erasure": Case(_erasure),
    "/v1/application/erasure/confirmation": Case(_erased),
    "/v1/application/erasure/receipt": Case(_erased_there),
    "/v1/application/restriction": Case(_restriction),
    **SEATS,
    "/v1/application/photos/{slot}": Case(_offer, is_anew=True),
    "/v1/application/photos/{slot}/uploads": Case(_upload, is_anew=True),
    "/v1/application/uploads/{upload_id}": Case(_chunk),
    "/v1/application/consents": Case(_consent, is_anew=True),
    "/v1/application/submit": Case(_submit),
    "/v1/application/challenges": Case(_challenge, is_anew=True),
    "/v1/application/challenges/{challenge_id}/answer": Case(_answer),
    "/v1/assisted/applications": Case(_assisted, is_anew=True),
    "/v1/assisted/sessions": Case(_visit, is_anew=True),
    "/v1/assisted/receipts": Case(_lost, is_anew=True),
    "/v1/assisted/status": Case(_slip, effect_count=0),
    "/v1/reviews/next": Case(_next),
    "/v1/reviews/{review_id}/decision": Case(_decision),
    "/v1/reviews/{review_id}/challenge": Case(_wish, is_anew=True),
    "/v1/application/appeals": Case(_appeal),
    "/v1/application/appeals/{number}/evidence": Case(_evidence, is_anew=True),
    "/v1/application/appeals/{number}/answer": Case(_appeal_answer),
    "/v1/appeals/{number}/decision": Case(_appeal_decision),
    "/v1/waves": Case(_wave),
    "/v1/waves/{wave_id}/entries": Case(_entry),
    "/v1/waves/{wave_id}/beacon": Case(_beacon),
    "/v1/waves/{wave_id}/parties": Case(_party),
    "/v1/waves/{wave_id}/anew": Case(_anew),
    "/v1/waves/{wave_id}/extend": Case(_extension),
    **{f"/v1/waves/{{wave_id}}/{step}": Case(_step(step)) for step in WaveStep},
}
