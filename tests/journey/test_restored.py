"""What follows from an upheld appeal: the checks that are left, the running wave until its freeze, the next first."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import Slot, State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.errors import (
    NotFoundError,
    WaveNotOpenError,
)
from gelombang.domain.review import ReviewDecision
from gelombang.drawing.verify import verify_bundle
from gelombang.journey import (
    appeal_clock,
    appeal_decisions,
    appeals,
    registration,
    retention,
    selection,
)
from gelombang.journey.applications import SHARDS
from gelombang.journey.staff import Staff
from tests.journey import reviewers
from tests.journey.appealing import (
    DEWI,
    FACE,
    OTHERS,
    PUPIL,
    SCHOOL,
    days_pass,
    decide,
    file,
    open_wave,
    refused_face,
    refused_pupil,
    take_steps,
    tend,
)
from tests.journey.dying import Died, Dying
from tests.journey.reviewers import RINA
from tests.journey.walking import Walk, begin


def told(walk: Walk, name: str):
    return appeals.read_appeals(walk.ports, walk.programme, name)


def joined(walk: Walk, name: str, wave_id: str) -> bool:
    application = walk.application(name)
    return application.state is State.JOINED and application.wave_id == wave_id


def test_upheld_before_the_freeze_restores_into_the_running_wave_even_after_its_hours():
    walk, name = refused_pupil()
    open_wave(walk, "gelombang-1", days=3)
    filed = file(walk, name, wants_to_join=True)

    days_pass(walk, 4)  # the wave has closed, and is not frozen
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)
    verified = walk.application(name).state
    tend(walk)

    assert verified is State.VERIFIED
    assert joined(walk, name, "gelombang-1")
    take_steps(walk, "gelombang-1", "freeze", "commit", "draw", "publish")
    assert walk.application(name).state is State.SELECTED
    assert selection.find_wave(walk.ports, "gelombang-1").restored_count == 0
    assert "diikutkan" in walk.world.texts.sent[-1][1]


@pytest.mark.parametrize("has_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("last", range(1, 30, 2))
def test_whoever_is_entered_by_the_clock_is_told_once_wherever_its_round_ends(last, has_effect):
    walk, name = refused_pupil()
    open_wave(walk, "gelombang-1", days=3)
    decide(walk, file(walk, name, wants_to_join=True).number, AppealCode.SHOWN_OTHERWISE)

    with suppress(Died):
        appeal_clock.tend_appeals(Dying(walk.ports, (last, has_effect)).ports, walk.programme)
    for _ in range(2):
        tend(walk)

    assert joined(walk, name, "gelombang-1")
    assert [text for _, text in walk.world.texts.sent].count(appeal_clock.JOINED_TEXT) == 1


def test_who_did_not_ask_to_be_joined_is_verified_and_joins_with_one_call_until_the_freeze():
    walk, name = refused_pupil()
    open_wave(walk, "gelombang-1", days=3)
    filed = file(walk, name)
    days_pass(walk, 4)
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)

    tend(walk)
    waiting, shown = walk.application(name).state, told(walk, name)
    selection.join(walk.ports, name, "gelombang-1")

    assert waiting is State.VERIFIED
    assert (shown.joinable_wave, shown.restored.code) == ("gelombang-1", "RESTORED_IN_TIME")
    assert told(walk, name).restored is None
    assert joined(walk, name, "gelombang-1")


def test_of_a_wave_that_is_open_nobody_is_told_that_its_hours_are_over():
    walk, name = refused_pupil()
    open_wave(walk, "gelombang-1", days=3)
    decide(walk, file(walk, name).number, AppealCode.SHOWN_OTHERWISE)

    inside = told(walk, name)
    days_pass(walk, 4)
    after = told(walk, name)

    assert (inside.joinable_wave, inside.restored.code) == ("gelombang-1", "RESTORED_IN_HOURS")
    assert (after.joinable_wave, after.restored.code) == ("gelombang-1", "RESTORED_IN_TIME")
    assert "hours are over" not in inside.restored.sentence["en"]
    assert "jam pendaftarannya" not in inside.restored.sentence["id"]
    assert "hours are over" in after.restored.sentence["en"]


def test_nobody_else_joins_after_the_hours():
    walk, name = refused_pupil(*OTHERS)
    other = walk.submit(OTHERS[0], "+6281234567891")
    walk.deliver()
    open_wave(walk, "gelombang-1", days=3)
    days_pass(walk, 4)

    with pytest.raises(WaveNotOpenError):
        selection.join(walk.ports, other, "gelombang-1")
    assert walk.application(name).state is State.NOT_ELIGIBLE


def test_upheld_after_the_freeze_is_seated_first_in_the_next_wave_for_all_to_see(tmp_path):
    walk, name = refused_pupil(*OTHERS)
    open_wave(walk, "gelombang-1")
    filed = file(walk, name)
    days_pass(walk, 1)
    others = [walk.submit(each, f"+628123456780{n}") for n, each in enumerate(OTHERS)]
    walk.deliver()
    take_steps(walk, "gelombang-1", "freeze", "commit", "draw", "publish")
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)

    shown = told(walk, name)
    open_wave(walk, "gelombang-2")
    for each in [*others, name]:
        selection.join(walk.ports, each, "gelombang-2")
    take_steps(walk, "gelombang-2", "freeze", "commit", "draw", "publish")

    page = selection.find_wave(walk.ports, "gelombang-2")
    files = {
        each.name: walk.ports.documents.read(f"waves/gelombang-2/{each.name}")
        for each in selection.bundle_files(walk.ports, "gelombang-2")
    }
    for each, content in files.items():
        (tmp_path / each).write_bytes(content)
    own = selection.result_of(walk.ports, name, "gelombang-2").result
    assert walk.application(name).state is State.SELECTED
    assert (own.outcome, own.rule) == ("SELECTED", "RESTORED_SEAT")
    assert (shown.joinable_wave, shown.restored.code) == ("", "RESTORED_FIRST")
    assert page.restored_count == 1
    assert json.loads(files["commitment.json"])["counts"]["3171"]["restored"] == 1
    assert verify_bundle(tmp_path, page.commitment_sha256) == []


def test_whoever_was_restored_a_day_before_the_freeze_and_did_not_join_has_lost_the_claim():
    walk, name = refused_pupil()
    open_wave(walk, "gelombang-1", days=9)
    filed = file(walk, name)
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)

    days_pass(walk, 2)
    take_steps(walk, "gelombang-1", "freeze", "commit", "draw", "publish")
    open_wave(walk, "gelombang-2")
    selection.join(walk.ports, name, "gelombang-2")
    take_steps(walk, "gelombang-2", "freeze")

    assert selection.find_wave(walk.ports, "gelombang-2").restored_count == 0


def test_all_else_that_was_checked_stays_and_the_overruled_check_names_the_appeal():
    walk, name = refused_pupil()
    before = walk.application(name).checks
    filed = file(walk, name)

    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)

    after = walk.application(name).checks
    overruled = after[Layer.EDUCATION]
    assert (overruled.outcome, overruled.source) == (Outcome.PASSED, f"appeal {filed.number}")
    kept = set(before) - {Layer.EDUCATION}
    assert {layer: after[layer] for layer in kept} == {layer: before[layer] for layer in kept}


@pytest.mark.parametrize(("is_corrected", "state"), [(True, State.VERIFIED), (False, State.NOT_ELIGIBLE)])
def test_a_register_that_was_corrected_is_asked_again_and_decides(is_corrected, state):
    walk, name = refused_pupil()
    filed = file(walk, name)
    if is_corrected:
        walk.registers._by_nik[PUPIL.nik] = replace(PUPIL, is_at_school=False)  # the register's own doing

    decide(walk, filed.number, AppealCode.REGISTER_CORRECTED)

    assert walk.application(name).state is state
    assert walk.application(name).checks[Layer.EDUCATION].source == "kemdikbud"
    may_file = {reason.code for reason in told(walk, name).may_file}
    assert may_file == (set() if is_corrected else {SCHOOL})  # a refusal of its own


def test_a_face_is_accepted_by_somebody_who_did_not_refuse_it_and_no_machine_doubts_it_again():
    walk, name = refused_face()
    filed = file(walk, name, FACE)
    rina = Staff(RINA.name, "appeals_officer")

    seen = appeal_decisions.view_appeal(walk.ports, DEWI, filed.number)
    with pytest.raises(NotFoundError):
        appeal_decisions.view_appeal(walk.ports, rina, filed.number)
    with pytest.raises(NotFoundError):
        decide(walk, filed.number, AppealCode.FACE_CONFIRMED, rina)
    decide(walk, filed.number, AppealCode.FACE_CONFIRMED)

    assert appeal_decisions.open_appeals(walk.ports, rina) == []
    assert seen.selfie_url
    assert seen.ktp_url
    assert walk.application(name).state is State.VERIFIED
    assert walk.application(name).checks[Layer.FACE].source == f"appeal {filed.number}"


def test_an_appeal_against_one_reason_leaves_the_others_standing():
    walk = begin(replace(PUPIL, occupation="POLICE"))
    name = walk.submit(PUPIL)
    walk.deliver()
    both = walk.application(name).reasons
    filed = file(walk, name)

    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)

    assert both == (SCHOOL, "EXCLUDED_OCCUPATION")
    assert walk.application(name).state is State.NOT_ELIGIBLE
    assert walk.application(name).reasons == ("EXCLUDED_OCCUPATION",)
    assert file(walk, name, "EXCLUDED_OCCUPATION").state.code == "APPEAL_OPEN"


def test_photographs_that_are_gone_by_then_are_asked_for_again():
    walk, name = refused_pupil()
    walk.world.clock.advance(days=31)
    retention.remove_due(walk.ports, walk.programme, range(SHARDS))
    filed = file(walk, name)

    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)

    asked = walk.application(name)
    assert asked.state is State.NEEDS_PHOTO
    assert asked.reasons == ("PHOTO_KEPT_NO_LONGER",)
    for slot in Slot:
        walk.send_photo(name, slot)
    registration.submit(walk.ports, name)
    walk.deliver()
    assert walk.application(name).state is State.VERIFIED


def test_a_nik_that_was_given_to_another_meanwhile_is_decided_by_reviewers():
    walk, name = refused_face()
    other = walk.submit(OTHERS[0], "+6281234567891")
    walk.deliver()
    case_id = walk.application(other).review_case_id
    reviewers.decide(walk.ports, other, ReviewDecision.ACCEPT, "pemilik")
    filed = file(walk, name, FACE)

    decide(walk, filed.number, AppealCode.FACE_CONFIRMED)

    restored = walk.application(name)
    assert restored.state is State.IN_REVIEW
    assert restored.review_case_id != case_id
