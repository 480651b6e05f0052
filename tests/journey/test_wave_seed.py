"""Secrets of other parties, and draws held anew by two operators."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from gelombang.api.forms import AnewForm, PartyForm
from gelombang.domain.application import State
from gelombang.domain.draw_bundle import BUNDLE
from gelombang.domain.errors import InvalidFormError, MoveNotAllowedError, NotReadyError
from gelombang.domain.wave import WaveState
from gelombang.drawing.verify import verify_bundle
from gelombang.journey import applications, selection, wave_seed
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    Crash,
    Writes,
    close_and_run,
    crashing,
    run_step,
    wave_with_entries,
)

OMBUDSMAN = b"o" * 32
NOTARY = b"n" * 32
WHY = AnewForm(reason="The notary's safe does not open.")
ANOTHER = "operator-2"


@pytest.fixture
def joined():
    return wave_with_entries()


def promise(world, party, secret):
    given = PartyForm(party=party, sha256=sha256(secret).hexdigest())
    return wave_seed.keep_secret(world.ports, WAVE, given, OPERATOR)


def tell(world, party, secret):
    return wave_seed.keep_secret(world.ports, WAVE, PartyForm(party=party, secret=secret.hex()), OPERATOR)


def anew(world, operator, why=WHY):
    return wave_seed.hold_anew(world.ports, WAVE, why, operator)


def file(world, name):
    return json.loads(world.documents.files[f"waves/{WAVE}/{name}"])


def bundle(world, folder, draw=""):
    for name in BUNDLE:
        (folder / name).write_bytes(world.documents.files[f"waves/{WAVE}/{draw}{name}"])
    return folder


# --- parties


def test_every_partys_secret_goes_into_the_seed_and_the_bundle_is_accepted(joined, tmp_path):
    promise(joined, "Ombudsman", OMBUDSMAN)
    promise(joined, "Notaris", NOTARY)
    close_and_run(joined.ports, steps=["freeze", "commit"])
    tell(joined, "Ombudsman", OMBUDSMAN)
    for act in (run_step, lambda *asked: selection.ask_step(*asked, OPERATOR)):
        with pytest.raises(NotReadyError) as refused:
            act(joined.ports, WAVE, "draw")
        assert refused.value.missing == ("SECRET_MISSING",)

    tell(joined, "Notaris", NOTARY)
    tell(joined, "Notaris", NOTARY)  # told twice is told once
    for step in ("draw", "publish"):
        run_step(joined.ports, WAVE, step)

    page = selection.find_wave(joined.ports, WAVE)
    assert [each["party"] for each in file(joined, "draw.json")["secrets"]] == [
        "Notaris",
        "Ombudsman",
        "programme",
    ]
    assert page.parties == {"Ombudsman": sha256(OMBUDSMAN).hexdigest(), "Notaris": sha256(NOTARY).hexdigest()}
    assert [step.event for step in page.history].count("secret_told: Notaris") == 1
    assert verify_bundle(bundle(joined, tmp_path), page.commitment_sha256) == []


def test_a_party_may_change_its_mind_until_the_commitment_and_not_after(joined):
    promise(joined, "Ombudsman", NOTARY)
    promise(joined, "Ombudsman", OMBUDSMAN)
    close_and_run(joined.ports, steps=["freeze", "commit"])

    with pytest.raises(MoveNotAllowedError):
        promise(joined, "Ombudsman", NOTARY)
    with pytest.raises(MoveNotAllowedError):
        promise(joined, "Latecomer", NOTARY)
    assert {each["party"]: each["sha256"] for each in file(joined, "commitment.json")["secrets"]}[
        "Ombudsman"
    ] == (sha256(OMBUDSMAN).hexdigest())


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        (PartyForm(party="Ombudsman", secret=NOTARY.hex()), "/secret"),
        (PartyForm(party="Nobody", secret=NOTARY.hex()), "/party"),
        (PartyForm(party="Ombudsman"), "/secret"),
        (PartyForm(party="Ombudsman", sha256="0" * 64, secret="0" * 64), "/secret"),
        (PartyForm(party="programme", sha256="0" * 64), "/party"),
    ],
)
def test_what_is_not_the_partys_secret_is_refused_and_changes_nothing(joined, given, pointer):
    promise(joined, "Ombudsman", OMBUDSMAN)
    close_and_run(joined.ports, steps=["freeze", "commit"])
    before = selection.find_wave(joined.ports, WAVE)

    with pytest.raises(InvalidFormError) as refused:
        wave_seed.keep_secret(joined.ports, WAVE, given, OPERATOR)

    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert selection.find_wave(joined.ports, WAVE) == before


def test_a_secret_is_not_taken_before_the_commitment_is_public(joined):
    promise(joined, "Ombudsman", OMBUDSMAN)
    close_and_run(joined.ports, steps=["freeze"])

    with pytest.raises(MoveNotAllowedError):
        tell(joined, "Ombudsman", OMBUDSMAN)


# --- anew


def test_a_draw_is_held_anew_by_two_operators_with_a_public_reason(joined, tmp_path):
    promise(joined, "Notaris", NOTARY)
    close_and_run(joined.ports, steps=["freeze", "commit"])
    first = selection.find_wave(joined.ports, WAVE).commitment_sha256

    anew(joined, OPERATOR)
    anew(joined, OPERATOR)  # one person twice is one person
    assert selection.find_wave(joined.ports, WAVE).state is WaveState.COMMITTED
    anew(joined, ANOTHER)
    anew(joined, ANOTHER)  # asked again after a lost answer
    assert selection.find_wave(joined.ports, WAVE).state is WaveState.FROZEN
    for step in STEPS[1:]:
        run_step(joined.ports, WAVE, step)

    page = selection.find_wave(joined.ports, WAVE)
    promised = file(joined, "draw-2/commitment.json")
    assert (page.draw, page.replaced, page.parties) == (2, (first,), {})
    assert (promised["draw"], promised["replaces"], promised["reason"]) == (2, first, WHY.reason)
    assert promised["approvers"] == [OPERATOR, ANOTHER]
    assert sha256(joined.documents.files[f"waves/{WAVE}/commitment.json"]).hexdigest() == first  # still there
    files = {each.name: each.sha256 for each in selection.bundle_files(joined.ports, WAVE)}
    assert files["commitment-1.json"] == first
    assert verify_bundle(bundle(joined, tmp_path, "draw-2/"), page.commitment_sha256) == []
    own = selection.result_of(joined.ports, "app-000", WAVE)
    assert own.document_url.endswith(f"draw-2/results/{own.entry_id}.json")
    states = [applications.load(joined.ports, f"app-{number:03d}").state for number in range(14)]
    assert State.JOINED not in states


def test_results_that_nobody_was_told_yet_can_be_replaced_and_are_other_ones(joined):
    close_and_run(joined.ports, steps=STEPS[:3])
    before = file(joined, "draw.json")["seed"]

    anew(joined, OPERATOR)
    anew(joined, ANOTHER)
    for step in STEPS[1:3]:
        run_step(joined.ports, WAVE, step)

    assert file(joined, "draw.json")["seed"] == before
    assert file(joined, "draw-2/draw.json")["seed"] != before


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_nothing_is_held_anew_before_a_commitment_or_after_people_were_told(joined, steps):
    close_and_run(joined.ports, steps=STEPS[:steps])

    with pytest.raises(MoveNotAllowedError):
        anew(joined, OPERATOR)


def test_nothing_is_held_anew_while_people_are_being_told(joined):
    close_and_run(joined.ports, steps=STEPS[:3])
    selection.ask_step(joined.ports, WAVE, "publish", OPERATOR)

    with pytest.raises(MoveNotAllowedError):
        anew(joined, OPERATOR)


def test_another_reason_is_another_wish(joined):
    close_and_run(joined.ports, steps=["freeze", "commit"])

    anew(joined, OPERATOR)
    anew(joined, ANOTHER, AnewForm(reason="The beacon does not answer."))

    assert selection.find_wave(joined.ports, WAVE).state is WaveState.COMMITTED


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("crash_at", range(1, 5))
def test_a_crash_while_it_is_confirmed_leaves_one_draw_or_the_other(joined, crash_at, is_done):
    close_and_run(joined.ports, steps=["freeze", "commit"])
    anew(joined, OPERATOR)

    with pytest.raises(Crash):
        wave_seed.hold_anew(crashing(joined.ports, Writes(crash_at, is_done)), WAVE, WHY, ANOTHER)
    anew(joined, ANOTHER)
    for step in STEPS[1:]:
        run_step(joined.ports, WAVE, step)

    page = selection.find_wave(joined.ports, WAVE)
    assert (page.state, page.draw) == (WaveState.PUBLISHED, 2)


def test_a_commitment_left_behind_by_the_draw_before_is_not_taken_for_the_new_one(joined):
    close_and_run(joined.ports, steps=["freeze"])
    stale = crashing(joined.ports, Writes(crash_at=3))  # its last write, after the file: the wave's row
    with pytest.raises(Crash):
        run_step(stale, WAVE, "commit")
    run_step(joined.ports, WAVE, "commit")
    anew(joined, OPERATOR)
    anew(joined, ANOTHER)

    run_step(joined.ports, WAVE, "commit")

    promised = file(joined, "draw-2/commitment.json")
    assert promised["draw"] == 2
    assert promised["secrets"] != file(joined, "commitment.json")["secrets"]
