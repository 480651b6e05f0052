"""The story tells every decision in plain words, in two languages, and whether its evidence still stands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from gelombang.api.replies import reply_json
from gelombang.domain.checks import Layer
from gelombang.journey import explanation
from gelombang.journey.decisions import DECISION
from gelombang.journey.explanation import Story
from gelombang.journey.ports import Put
from local.told_story import ASKED, told_lines
from tests.journey.audited import audited
from tests.journey.walking import AUDITOR


@pytest.fixture
def world():
    return audited()


def story_of(world, kind):
    return explanation.explain(world.walk.ports, world.walk.programme, AUDITOR, world.names[kind])


def test_each_decision_is_told_with_its_rules_lists_and_the_day_it_was_anchored(world):
    asked, verified = story_of(world, "corrected").decisions

    assert (asked.decision.code, verified.decision.code) == ("DECIDED_CORRECTION_ASKED", "DECIDED_VERIFIED")
    assert [reason.code for reason in asked.reasons] == ["BIRTH_DATE_DIFFERS"]
    assert (asked.anchored_on, verified.anchored_on) == (date(2026, 11, 23), date(2026, 11, 24))
    assert {each.rule_set for each in (asked, verified)} == {"2023"}
    assert {each.list_version for each in asked.lists} >= {"2026-11-01/memory"}
    assert (asked.fault, verified.fault) == ("", "")


def test_people_who_decided_are_named(world):
    sent, decided = story_of(world, "turned down").decisions

    assert (sent.people, len(decided.people)) == ((), 2)
    assert decided.outcome == "NOT_ELIGIBLE"


def test_the_story_shows_nothing_that_is_sealed(world):
    assert {check.sealed_facts for check in story_of(world, "verified").checks} == {""}


def test_what_came_after_the_last_anchor_waits_for_the_next(world):
    walk = world.walk

    (decision,) = explanation.explain(walk.ports, walk.programme, AUDITOR, world.late).decisions

    assert (decision.anchored_on, decision.fault) == (None, "")


def test_a_changed_bundle_is_told(world):
    rows, name = world.walk.ports.rows, world.names["refused"]
    (row,) = rows.read_partition(f"APPLICATION#{name}", DECISION)
    changed = row.fields["bundle"].replace("STILL_AT_SCHOOL", "RECEIVES_AID")
    rows.commit([Put(replace(row, fields=row.fields | {"bundle": changed}))])

    (decision,) = story_of(world, "refused").decisions

    assert decision.fault == "its audit entry names another bundle"


def test_a_signature_of_another_is_told(world):
    rows, name = world.walk.ports.rows, world.names["refused"]
    (row,) = rows.read_partition(f"APPLICATION#{name}", DECISION)
    rows.commit([Put(replace(row, fields=row.fields | {"signature": "00" * 64}))])

    (decision,) = story_of(world, "refused").decisions

    assert decision.fault == "its signature is not that of this content"


def test_every_layer_has_words_in_both_languages():
    assert all(set(words) == set(Layer) for words in ASKED.values())
    assert set(ASKED) == {"id", "en"}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "id",
            [
                "24 November 2026, pukul",
                "Aturan yang dipakai: 2023.",
                "Terkunci bagi siapa pun sejak",
                "utuh",
            ],
        ),
        (
            "en",
            ["24 November 2026, at", "Rules that were used: 2023.", "Locked for everybody since", "complete"],
        ),
    ],
)
def test_a_person_is_told_in_plain_words(world, language, words):
    story = json.loads(reply_json(Story, story_of(world, "retaken")))
    told = "\n".join(told_lines(story, language))

    assert [word for word in words if word not in told] == []
    assert "WARNING" not in told
    assert "PERINGATAN" not in told
