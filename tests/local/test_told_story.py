"""`gelombang explain --language`: what a person is told of their appeals, and of a wave that they left."""

from __future__ import annotations

import json

import pytest

from gelombang.api.replies import reply_json
from gelombang.domain.appeal import AppealCode
from gelombang.domain.messages import FaceClusterFound
from gelombang.journey import appeals, explanation, selection
from gelombang.journey.explanation import Story
from gelombang.journey.refresh import Effect
from local.told_story import told_lines
from tests.journey import waves
from tests.journey.appealing import WORDS, decide, file, refused_pupil
from tests.journey.opened import joined_wave
from tests.journey.town import WAVE, Town, open_wave
from tests.journey.walking import AUDITOR

REFUSED = {
    "id": "Pendaftaran ini tidak memenuhi syarat.",
    "en": "This application does not meet the conditions.",
}
NOTE = "Ijazahnya ada di meja saya."


def told(walk, name, language):
    story = explanation.explain(walk.ports, walk.programme, AUDITOR, name)
    return [*told_lines(json.loads(reply_json(Story, story)), language)]


def paragraph(lines, start):
    """Return the lines from the one that has these words to the next empty one."""
    (first,) = [number for number, line in enumerate(lines) if start in line]
    return "\n".join(lines[first : lines.index("", first)])


@pytest.mark.parametrize(
    ("language", "filed", "now", "until"),
    [
        ("id", "Anda mengajukan banding", "sedang diperiksa", "Dijawab paling lambat 7 Desember 2026."),
        ("en", "You filed appeal", "is with an officer", "Answered by 7 December 2026."),
    ],
)
def test_an_open_appeal_is_told_with_its_number_and_what_it_is_about(language, filed, now, until):
    walk, name = refused_pupil()
    number = file(walk, name).number

    lines = told(walk, name, language)

    words = paragraph(lines, f"{filed} {number}.")
    reason = walk.programme.text("STILL_AT_SCHOOL", language).sentence
    assert [each for each in (reason, now, until) if each not in words] == []
    assert WORDS not in "\n".join(lines)


@pytest.mark.parametrize("language", ["id", "en"])
def test_what_more_is_asked_for_is_told_until_it_is_answered(language):
    walk, name = refused_pupil()
    number = file(walk, name).number
    decide(walk, number, AppealCode.ASK_LETTER)
    asked = walk.programme.text("ASKED_LETTER", language).sentence

    before = told(walk, name, language)
    appeals.answer_appeal(walk.ports, walk.programme, name, number, "Ini suratnya.")
    after = told(walk, name, language)

    assert asked in "\n".join(before)
    assert asked not in "\n".join(after)


@pytest.mark.parametrize(("language", "outcome"), [("id", "Hasil banding"), ("en", "Outcome of appeal")])
@pytest.mark.parametrize(
    ("code", "state"),
    [(AppealCode.SHOWN_OTHERWISE, "APPEAL_UPHELD"), (AppealCode.NOT_SHOWN, "APPEAL_REJECTED")],
)
def test_the_outcome_of_an_appeal_is_told_with_its_decision(language, outcome, code, state):
    walk, name = refused_pupil()
    number = file(walk, name).number
    decide(walk, number, code, note=NOTE)

    lines = told(walk, name, language)

    decided = paragraph(lines, walk.programme.text("DECIDED_APPEAL", language).sentence)
    why = [walk.programme.text(each, language).sentence for each in (state, code)]
    assert f"{outcome} {number}: {' '.join(why)}" in decided
    filed, refused = (
        [text in line for line in lines].index(True) for text in (f"{number}.", REFUSED[language])
    )
    assert refused < filed < lines.index(decided.splitlines()[0])
    assert NOTE not in "\n".join(lines)


@pytest.mark.parametrize(
    ("language", "left"),
    [
        ("id", f"Karena keputusan ini Anda keluar dari gelombang {WAVE}."),
        ("en", f"Because of this decision you left wave {WAVE}."),
    ],
)
def test_who_leaves_a_wave_by_a_list_is_told_so_beside_the_refusal(tmp_path, language, left):
    town = Town(tmp_path, 1)
    open_wave(town.walk)
    selection.join(town.walk.ports, town.names[0], WAVE)
    town.walk.world.clock.advance(minutes=1)
    town.deliver([1])
    assert town.effects() == {1: Effect.LEFT_WAVE}

    lines = told(town.walk, town.names[0], language)
    town.shelf.close()

    assert left in paragraph(lines, town.walk.programme.text("DECIDED_REFUSED", language).sentence)
    assert sum(left in line for line in lines) == 1


@pytest.mark.parametrize(
    ("language", "left"), [("id", "Anda keluar dari gelombang"), ("en", "You left wave")]
)
def test_who_leaves_a_wave_because_people_look_again_is_told_so(tmp_path, language, left):
    wave = joined_wave(tmp_path)
    wave.walk.world.queues.send(FaceClusterFound((wave.names[3], wave.names[4])))
    wave.walk.deliver()

    lines = told(wave.walk, wave.names[3], language)

    assert [line for line in lines if f"{left} {waves.WAVE}; " in line] != []
