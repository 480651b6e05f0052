"""What is kept of appeals, for how long, and what is told of them: to their owner, and to everybody."""

from __future__ import annotations

import json
from dataclasses import replace

from gelombang.domain.appeal import AppealCode, AppealState
from gelombang.domain.application import State
from gelombang.domain.consent import Purpose
from gelombang.journey import (
    appeal_decisions,
    appeal_evidence,
    appeals,
    consents,
    erasure,
    personal_copy,
    retention,
)
from gelombang.journey.appeal_rows import load_appeal
from gelombang.journey.appeal_statistics import FEWEST_SHOWN, appeal_statistics
from gelombang.journey.applications import SHARDS
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.sessions import Session
from tests.journey.appealing import (
    DEWI,
    FACE,
    PUPIL,
    SCHOOL,
    WORDS,
    days_pass,
    decide,
    file,
    picture,
    refused_face,
    refused_pupil,
    tend,
)
from tests.journey.walking import Walk, begin, citizen


def remove(walk: Walk) -> int:
    return retention.remove_due(walk.ports, walk.programme, range(SHARDS))


def with_evidence(walk: Walk, name: str, number: str) -> str:
    """Send a picture; return the key of its clean copy."""
    picture(walk, appeal_evidence.offer_evidence(walk.ports, name, number, "image/jpeg", 99))
    return load_appeal(walk.ports, number).evidence[-1].key


def test_an_open_appeal_holds_what_it_is_about_and_a_month_after_its_answer_that_goes():
    walk, name = refused_face()
    filed = file(walk, name, FACE)
    keys = {photo.key for photo in walk.application(name).photos.values()}

    walk.world.clock.advance(days=40)
    held = remove(walk)
    kept = keys <= set(walk.world.photos.kept)
    decide(walk, filed.number, AppealCode.FACE_NOT_CONFIRMED)
    walk.world.clock.advance(days=29)
    early = remove(walk)
    walk.world.clock.advance(days=3)
    removed = remove(walk)

    assert (held, kept, early, removed) == (0, True, 0, 1)
    assert not keys & set(walk.world.photos.kept)


def test_words_pictures_and_note_go_a_month_after_the_answer_and_the_record_stays():
    walk, name = refused_pupil()
    filed = file(walk, name)
    key = with_evidence(walk, name, filed.number)
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE, note="jelas")

    days_pass(walk, 29)
    kept = (key in walk.world.photos.kept, load_appeal(walk.ports, filed.number).sealed_note != "")
    days_pass(walk, 2)

    after = load_appeal(walk.ports, filed.number)
    assert kept == (True, True)
    assert key not in walk.world.photos.kept
    assert (after.sealed_words, after.sealed_note, after.evidence) == ((), "", ())
    assert (after.state, after.code) == (AppealState.UPHELD, "UPHELD_SHOWN_OTHERWISE")
    (shown,) = appeals.read_appeals(walk.ports, walk.programme, name).appeals
    assert (shown.words, shown.outcome.code) == ((), "UPHELD_SHOWN_OTHERWISE")


def test_erasure_ends_an_open_appeal_and_leaves_neither_words_nor_pictures():
    walk, name = refused_pupil()
    filed = file(walk, name)
    key = with_evidence(walk, name, filed.number)

    erasure.begin(walk.ports, walk.application(name), [])
    for _ in range(3):
        walk.world.clock.advance(hours=2)
        reconcile(walk.ports)
    tend(walk)

    after = load_appeal(walk.ports, filed.number)
    assert walk.application(name).state is State.ERASED
    assert (after.state, after.sealed_words, after.evidence) == (AppealState.ENDED, (), ())
    assert key not in walk.world.photos.kept
    assert appeal_decisions.open_appeals(walk.ports, DEWI) == []


def test_withdrawing_consent_ends_an_appeal_and_agreeing_again_lets_another_be_filed():
    walk, name = refused_pupil()
    filed = file(walk, name)
    key = with_evidence(walk, name, filed.number)

    consents.withdraw_consent(walk.ports, walk.programme, name, Purpose.IDENTITY_CHECK)
    tend(walk)
    ended = appeals.read_appeals(walk.ports, walk.programme, name)
    walk.consent(name, Purpose.IDENTITY_CHECK)
    again = file(walk, name)

    assert key not in walk.world.photos.kept
    assert (ended.appeals[0].state.code, ended.appeals[0].words) == ("APPEAL_ENDED", ())
    assert ended.may_file == ()
    assert again.number != filed.number


def test_the_copy_of_personal_data_has_the_appeals_and_their_pictures():
    walk, name = refused_pupil()
    filed = file(walk, name)
    with_evidence(walk, name, filed.number)

    copy = personal_copy.copy_of(
        walk.ports, walk.programme, Session(walk.application(name).application_id, "session-1")
    )

    assert [each.words for each in copy.appeals] == [(WORDS,)]
    assert len(copy.evidence) == 1


def test_numbers_and_words_of_appeals_are_in_no_key_but_their_own():
    walk, name = refused_pupil()
    filed = file(walk, name)

    named = [str(row.key) for row in walk.world.rows.read_all() if filed.number in str(row.key)]

    assert named == [f"APPEAL#{filed.number}/-"]
    assert not any(name in key for key in named)


def test_statistics_count_by_month_reason_and_outcome_and_hide_few():
    pupils = [replace(citizen(number), is_at_school=True) for number in range(10, 18)]
    walk = begin(PUPIL, *pupils)
    names = [walk.submit(each, f"+628123456{number:04d}") for number, each in enumerate(pupils)]
    walk.deliver()
    filed = [file(walk, name) for name in names]

    days_pass(walk, 3)
    for each in filed[:FEWEST_SHOWN]:
        decide(walk, each.number, AppealCode.SHOWN_OTHERWISE)
    for each in filed[FEWEST_SHOWN:]:
        decide(walk, each.number, AppealCode.NOT_SHOWN)

    told = appeal_statistics(walk.ports)
    month = told.months[0]
    assert [each.month for each in told.months[:2]] == ["2026-11", "2026-10"]
    assert [(each.reason, each.count) for each in month.filed] == [(SCHOOL, 8)]
    assert {each.outcome: each.count for each in month.ended} == {
        "APPEAL_UPHELD": 5,
        "APPEAL_REJECTED": None,
    }
    assert month.median_working_days == 3
    assert not any(name in json.dumps(str(told)) for name in names)
