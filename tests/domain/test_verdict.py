"""The verdict on a face: retake, review or match, and never a rejection."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.application import Slot
from gelombang.domain.face_evidence import Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.reasons import Reason
from gelombang.domain.verdict import FaceOutcome, Limit, OperatingPoint, faults_of, judge_face

POINT = OperatingPoint(
    release="a-release",
    match_min=0.5,
    duplicate_min=0.7,
    tie_width=0.05,
    live_min=0.6,
    faults={
        "BLURRED": Limit("sharpness", below=40.0),
        "TILTED": Limit("roll_deg", outside=15.0),
        "TOO_BRIGHT": Limit("bright_share", above=0.3),
    },
    set_by="this test",
    ktp_faults={"TOO_SMALL": Limit("eye_distance_px", below=16.0)},
)
GOOD = PhotoEvidence(
    PhotoOutcome.ASSESSED,
    measures={"sharpness": 100.0, "roll_deg": 2.0, "bright_share": 0.0, "eye_distance_px": 60.0},
)
EVIDENCE = FaceEvidence(
    face_check_id="f",
    application_id="a",
    model_release="a-release",
    runtime="none",
    assessed_at=datetime(2026, 11, 21, tzinfo=UTC),
    selfie=GOOD,
    ktp=GOOD,
    similarity=0.9,
    liveness=0.9,
)
COSINE = st.floats(-1, 1)
SHARE = st.floats(0, 1)
ORDER = (FaceOutcome.RETAKE, FaceOutcome.REVIEW, FaceOutcome.MATCH)


def photo(**measures: float) -> PhotoEvidence:
    return replace(GOOD, measures={**GOOD.measures, **measures})


def test_a_machine_has_no_word_for_a_rejection():
    assert set(FaceOutcome) == {FaceOutcome.RETAKE, FaceOutcome.REVIEW, FaceOutcome.MATCH}


def test_the_same_face_matches_without_reasons():
    verdict = judge_face(EVIDENCE, POINT)

    assert (verdict.outcome, verdict.reasons, verdict.faults, verdict.candidates) == (
        FaceOutcome.MATCH,
        (),
        {},
        (),
    )


def test_all_faults_of_a_selfie_are_named_at_once_and_only_of_that_slot():
    verdict = judge_face(
        replace(EVIDENCE, selfie=photo(sharpness=3.0, roll_deg=-20.0, bright_share=0.31)), POINT
    )

    assert verdict.outcome is FaceOutcome.RETAKE
    assert verdict.faults == {Slot.SELFIE: (Reason.BLURRED, Reason.TILTED, Reason.TOO_BRIGHT)}


def test_faults_of_both_photographs_are_named_at_once():
    no_face = PhotoEvidence(PhotoOutcome.NO_FACE)

    verdict = judge_face(replace(EVIDENCE, selfie=no_face, ktp=no_face, similarity=None), POINT)

    assert verdict.faults == {Slot.KTP: (Reason.NO_FACE_ON_KTP,), Slot.SELFIE: (Reason.NO_FACE,)}
    assert verdict.reasons == (Reason.NO_FACE_ON_KTP, Reason.NO_FACE)


@pytest.mark.parametrize("outcome", [PhotoOutcome.UNREADABLE, PhotoOutcome.NO_FACE, PhotoOutcome.MANY_FACES])
@pytest.mark.parametrize("slot", Slot)
def test_a_photograph_that_could_not_be_measured_has_one_fault(outcome, slot):
    assert len(faults_of(PhotoEvidence(outcome), slot, POINT)) == 1


@pytest.mark.parametrize("slot", Slot)
def test_where_no_face_is_seen_the_light_that_may_be_why_is_told_first(slot):
    burnt = PhotoEvidence(PhotoOutcome.NO_FACE, measures={"bright_share": 0.9})
    point = replace(POINT, ktp_faults={"TOO_BRIGHT": Limit("bright_share", above=0.3)})

    faults = faults_of(burnt, slot, point)

    assert faults == (
        Reason.TOO_BRIGHT,
        Reason.NO_FACE if slot is Slot.SELFIE else Reason.NO_FACE_ON_KTP,
    )


@pytest.mark.parametrize("failed", [("selfie",), ("ktp",), ("selfie", "ktp")])
def test_what_the_machine_failed_to_measure_goes_to_a_person_and_is_not_asked_for_again(failed):
    not_measured = dict.fromkeys(failed, PhotoEvidence(PhotoOutcome.NOT_MEASURED))

    verdict = judge_face(replace(EVIDENCE, **not_measured, similarity=None, liveness=None), POINT)

    assert (verdict.outcome, verdict.reasons, verdict.faults) == (
        FaceOutcome.REVIEW,
        (Reason.FACE_NOT_MEASURED,),
        {},
    )


def test_a_fault_of_the_other_photograph_is_told_though_one_could_not_be_measured():
    not_measured = PhotoEvidence(PhotoOutcome.NOT_MEASURED)

    verdict = judge_face(replace(EVIDENCE, ktp=not_measured, selfie=photo(sharpness=3.0)), POINT)

    assert (verdict.outcome, verdict.faults) == (FaceOutcome.RETAKE, {Slot.SELFIE: (Reason.BLURRED,)})


def test_the_portrait_on_a_card_is_held_to_its_own_limits_only():
    small_and_blurred = photo(sharpness=1.0, eye_distance_px=15.0)

    assert faults_of(small_and_blurred, Slot.KTP, POINT) == (Reason.TOO_SMALL,)
    assert faults_of(small_and_blurred, Slot.SELFIE, POINT) == (Reason.BLURRED,)


def test_a_measure_at_its_limit_is_no_fault_and_an_unmeasured_one_neither():
    assert faults_of(photo(sharpness=40.0, roll_deg=-15.0, bright_share=0.3), Slot.SELFIE, POINT) == ()
    assert faults_of(replace(GOOD, measures={}), Slot.SELFIE, POINT) == ()


@pytest.mark.parametrize(
    ("similarity", "reasons"),
    [
        (0.56, ()),
        (0.54, (Reason.FACE_UNSURE,)),
        (0.46, (Reason.FACE_UNSURE,)),
        (0.44, (Reason.FACE_DIFFERS,)),
        (-1.0, (Reason.FACE_DIFFERS,)),
        (None, (Reason.FACE_UNSURE,)),
        (math.nan, (Reason.FACE_DIFFERS,)),
    ],
)
def test_a_face_unlike_the_card_goes_to_a_reviewer(similarity, reasons):
    verdict = judge_face(replace(EVIDENCE, similarity=similarity), POINT)

    assert verdict.reasons == reasons
    assert verdict.outcome is (FaceOutcome.REVIEW if reasons else FaceOutcome.MATCH)


def test_a_face_enrolled_by_another_applicant_goes_to_a_reviewer_with_both_named():
    like, unlike = Candidate("somebody", 0.66), Candidate("nobody", 0.64)

    verdict = judge_face(replace(EVIDENCE, candidates=(like, unlike)), POINT)

    assert (verdict.outcome, verdict.reasons) == (FaceOutcome.REVIEW, (Reason.FACE_ENROLLED_TWICE,))
    assert verdict.candidates == (like,)


@pytest.mark.parametrize("liveness", [0.59, None, math.nan])
def test_a_doubtful_or_absent_liveness_goes_to_a_reviewer_where_the_pack_measures_it(liveness):
    evidence = replace(EVIDENCE, liveness=liveness)

    assert judge_face(evidence, POINT).reasons == (Reason.LIVENESS_DOUBT,)
    assert judge_face(evidence, replace(POINT, live_min=None)).outcome is FaceOutcome.MATCH


def test_all_doubts_are_named_at_once():
    verdict = judge_face(
        replace(EVIDENCE, similarity=0.1, liveness=0.1, candidates=(Candidate("b", 0.9),)), POINT
    )

    assert verdict.reasons == (Reason.FACE_DIFFERS, Reason.FACE_ENROLLED_TWICE, Reason.LIVENESS_DOUBT)


@given(low=COSINE, high=COSINE, liveness=SHARE, candidate=COSINE)
def test_the_verdict_is_monotone_in_the_similarity(low, high, liveness, candidate):
    low, high = sorted((low, high))
    evidence = replace(EVIDENCE, liveness=liveness, candidates=(Candidate("b", candidate),))

    assert rank(replace(evidence, similarity=low)) <= rank(replace(evidence, similarity=high))


@given(low=SHARE, high=SHARE, similarity=COSINE)
def test_the_verdict_is_monotone_in_the_liveness(low, high, similarity):
    low, high = sorted((low, high))
    evidence = replace(EVIDENCE, similarity=similarity)

    assert rank(replace(evidence, liveness=low)) <= rank(replace(evidence, liveness=high))


@given(low=COSINE, high=COSINE, similarity=COSINE)
def test_the_verdict_is_antitone_in_a_candidates_likeness(low, high, similarity):
    low, high = sorted((low, high))
    evidence = replace(EVIDENCE, similarity=similarity)

    assert rank(replace(evidence, candidates=(Candidate("b", high),))) <= rank(
        replace(evidence, candidates=(Candidate("b", low),))
    )


@given(low=st.floats(0, 500), high=st.floats(0, 500))
def test_the_verdict_is_monotone_in_the_sharpness(low, high):
    low, high = sorted((low, high))

    assert rank(replace(EVIDENCE, selfie=photo(sharpness=low))) <= rank(
        replace(EVIDENCE, selfie=photo(sharpness=high))
    )


def rank(evidence: FaceEvidence) -> int:
    return ORDER.index(judge_face(evidence, POINT).outcome)
