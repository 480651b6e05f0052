"""What follows from an upheld appeal: the checks that are left, the running wave until its freeze, the next first."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest

from gelombang.domain.appeal import AppealCode, is_by_appeal
from gelombang.domain.application import Slot, State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.consent import Purpose
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
    consents,
    registration,
    retention,
    selection,
)
from gelombang.journey.appeal_rows import load_appeal
from gelombang.journey.applications import SHARDS
from gelombang.journey.replay import Again, replay
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
from tests.journey.walking import Walk, begin, citizen

OLD = citizen(1, born=date(1950, 1, 5))
ANOTHER_OLD = citizen(2, born=date(1950, 1, 6))
FOREIGN = citizen(3, citizenship="WNA")


def told(walk: Walk, name: str):
    return appeals.read_appeals(walk.ports, walk.programme, name)


def joined(walk: Walk, name: str, wave_id: str) -> bool:
    application = walk.application(name)
    return application.state is State.JOINED and application.wave_id == wave_id


def correcting(person) -> tuple[Walk, str]:
    """Return somebody who is to correct their family card, once an appeal against the other reason was upheld."""
    walk = begin(OLD, ANOTHER_OLD, FOREIGN)
    name = walk.submit(replace(person, kk="3171990101199999"))
    walk.deliver()
    open_wave(walk, "gelombang-1", days=9)
    (other,) = set(walk.application(name).reasons) - {"KK_DIFFERS"}
    decide(walk, file(walk, name, other, wants_to_join=True).number, AppealCode.SHOWN_OTHERWISE)
    assert (walk.application(name).state, walk.application(name).reasons) == (State.DRAFT, ("KK_DIFFERS",))
    return walk, name


def correct(walk: Walk, name: str, *saves: dict[str, str]) -> None:
    """Save the form, each time some fields, hand it in, and let follow what follows."""
    for fields in saves:
        registration.save_form(walk.ports, walk.programme, name, fields)
    registration.submit(walk.ports, name)
    walk.deliver()


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


def refused_as_unknown(person) -> tuple[Walk, str]:
    """Return somebody whom the population register does not know, however often they looked at what they typed."""
    walk = begin()
    name = walk.submit(person)
    walk.deliver()
    while walk.application(name).state is State.DRAFT:
        registration.submit(walk.ports, name)
        walk.deliver()
    assert walk.application(name).reasons == ("NIK_NOT_FOUND",)
    return walk, name


@pytest.mark.parametrize("code", [AppealCode.REGISTER_CORRECTED, AppealCode.SHOWN_OTHERWISE])
def test_whoever_the_population_register_knows_by_then_is_asked_about_everything_that_was_skipped(code):
    walk, name = refused_as_unknown(OTHERS[0])
    walk.registers._by_nik[OTHERS[0].nik] = OTHERS[0]  # the register's own doing

    decide(walk, file(walk, name, "NIK_NOT_FOUND").number, code)

    restored = walk.application(name)
    assert restored.state is State.VERIFIED
    assert {check.outcome for check in restored.checks.values()} == {Outcome.PASSED}
    assert restored.checks[Layer.AGE].source == "dukcapil"


def test_whoever_it_still_does_not_know_is_refused_again_if_it_was_to_be_corrected():
    walk, name = refused_as_unknown(OTHERS[0])

    decide(walk, file(walk, name, "NIK_NOT_FOUND").number, AppealCode.REGISTER_CORRECTED)

    refused = walk.application(name)
    assert (refused.state, refused.reasons) == (State.NOT_ELIGIBLE, ("NIK_NOT_FOUND",))


@pytest.mark.parametrize(
    ("born", "state", "reasons"),
    [
        (date(1990, 1, 5), State.VERIFIED, ()),
        (date(2015, 1, 5), State.NOT_ELIGIBLE, ("TOO_YOUNG",)),
        (date(1950, 1, 5), State.NOT_ELIGIBLE, ("TOO_OLD",)),
    ],
)
def test_whoever_people_know_and_no_register_is_judged_by_the_lists_and_by_the_age_they_say(
    born, state, reasons
):
    walk, name = refused_as_unknown(citizen(7, born))

    decide(walk, file(walk, name, "NIK_NOT_FOUND").number, AppealCode.SHOWN_OTHERWISE)

    restored = walk.application(name)
    assert (restored.state, restored.reasons) == (state, reasons)
    assert (restored.checks[Layer.AGE].source, restored.has_nik) == ("form", True)
    assert restored.checks[Layer.KK].outcome is Outcome.NOT_APPLICABLE
    assert restored.checks[Layer.EDUCATION].outcome is Outcome.PASSED
    again = [each.again for each in replay(walk.ports, walk.programme, name)]
    assert set(again) == {Again.IDENTICAL, Again.PEOPLE}


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


@pytest.mark.parametrize("person", [OLD, FOREIGN], ids=["age", "population"])
def test_what_was_upheld_outlives_the_correction_of_a_typing_error_and_so_does_the_wish_to_join(person):
    walk, name = correcting(person)

    days_pass(walk, 1)  # the clock looks whether they may join by now
    correct(walk, name, {"nik": ANOTHER_OLD.nik}, {"nik": person.nik, "kk": person.kk})
    walk.world.clock.advance(seconds=appeal_clock.LOOK_AGAIN.total_seconds())
    tend(walk)

    assert joined(walk, name, "gelombang-1")


def test_nobody_takes_what_was_upheld_about_them_to_the_nik_of_another():
    walk, name = correcting(OLD)
    other = {"name": ANOTHER_OLD.name, "birth_date": ANOTHER_OLD.birth_date.isoformat(), "kk": ANOTHER_OLD.kk}

    correct(walk, name, {"nik": ANOTHER_OLD.nik}, other, {"nik": ANOTHER_OLD.nik})

    assert (walk.application(name).state, walk.application(name).reasons) == (
        State.NOT_ELIGIBLE,
        ("TOO_OLD",),
    )


@pytest.mark.parametrize(
    ("person", "layer", "retyped"),
    [
        (OLD, Layer.AGE, {"birth_date": "1990-01-05"}),
        (FOREIGN, Layer.POPULATION, {"region": "1271"}),
        (FOREIGN, Layer.POPULATION, {"name": "Orang Lain"}),
        (FOREIGN, Layer.POPULATION, {"birth_date": "1990-01-06"}),
    ],
)
def test_what_an_answer_was_about_is_asked_anew_when_it_is_retyped(person, layer, retyped):
    walk, name = correcting(person)

    correct(walk, name, {"kk": person.kk}, retyped)

    assert walk.application(name).state is not State.VERIFIED
    assert not is_by_appeal(walk.application(name).checks.get(layer))


def test_who_withdraws_consent_on_the_way_is_not_entered_when_they_agree_again():
    walk, name = refused_pupil()
    walk.world.clock.advance(days=31)
    retention.remove_due(walk.ports, walk.programme, range(SHARDS))
    filed = file(walk, name, wants_to_join=True)
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)  # photographs are asked for again

    consents.withdraw_consent(walk.ports, walk.programme, name, Purpose.IDENTITY_CHECK)
    tend(walk)

    assert walk.application(name).state is State.DRAFT
    assert load_appeal(walk.ports, filed.number).join_at is None
