"""What a published wave tells each applicant and everybody."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from gelombang.domain.application import State
from gelombang.domain.draw import canonical, entry_id_of
from gelombang.domain.draw_bundle import BEFORE_THE_DRAW, COMMITMENT
from gelombang.domain.draw_signature import SIGNATURES
from gelombang.domain.errors import NotFoundError, NotReadyError
from gelombang.domain.merkle import is_proven
from gelombang.domain.signature import keys_document
from gelombang.domain.wave import WaveState
from gelombang.drawing.verify import verify_bundle, verify_signatures
from gelombang.journey import applications, selection
from gelombang.journey.wave_rows import household_key, read_entries
from gelombang.memory.signer import MemorySigner
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    add_applicant,
    close_and_run,
    definition_of,
    new_world,
    wave_with_entries,
)


@pytest.fixture
def world():
    return new_world()


@pytest.fixture
def joined():
    return wave_with_entries()


def test_every_application_gets_its_place_and_every_seat_is_filled(joined):
    close_and_run(joined.ports)

    page = selection.find_wave(joined.ports, WAVE)
    everybody = [applications.load(joined.ports, f"app-{number:03d}") for number in range(14)]
    states = Counter(application.state for application in everybody)
    assert page.state is WaveState.PUBLISHED
    assert page.filled == {"3171": 3, "3578": 2}
    assert (states[State.SELECTED], states[State.RESERVE], states[State.NOT_DRAWN]) == (5, 3, 6)
    assert all(application.rank > 0 for application in everybody)
    assert all(bool(one.reasons) is (one.state is State.NOT_DRAWN) for one in everybody)


def test_the_seats_of_a_household_are_counted_under_the_wave(joined):
    close_and_run(joined.ports)

    seats = Counter()
    for entry in read_entries(joined.ports, WAVE):
        if entry.result.outcome == "SELECTED":
            seats[entry.kk_tag] += 1
    for kk_tag, count in seats.items():
        assert joined.rows.read(household_key(kk_tag)).fields == {"seats": {WAVE: count}}


def test_an_own_result_is_found_under_the_root_of_the_wave(joined):
    close_and_run(joined.ports)

    page = selection.find_wave(joined.ports, WAVE)
    manifest = json.loads(joined.documents.files[f"waves/{WAVE}/manifest.json"])
    for number in range(14):
        own = selection.result_of(joined.ports, f"app-{number:03d}", WAVE)
        key = own.document_url.removeprefix("memory://documents/")
        document = json.loads(joined.documents.files[key])
        assert document["commitment_sha256"] == own.commitment_sha256 == page.commitment_sha256
        assert document["entry"]["entry_id"] == document["result"]["entry_id"] == own.entry_id
        for kind, root in (("entry", page.root), ("result", manifest["results_root"])):
            leaf, proof = canonical(document[kind]), map(bytes.fromhex, document[f"{kind}_proof"])
            assert is_proven(leaf, document["index"], 14, list(proof), bytes.fromhex(root))
        assert document["result"]["rank"] == own.result.rank
        assert own.result.rank == applications.load(joined.ports, f"app-{number:03d}").rank


@pytest.mark.parametrize("done", range(len(STEPS)))
def test_no_result_is_shown_before_all_are(joined, done):
    close_and_run(joined.ports, steps=STEPS[:done])

    with pytest.raises(NotReadyError) as refused:
        selection.result_of(joined.ports, "app-000", WAVE)

    assert refused.value.missing == ("NOT_PUBLISHED",)
    page = selection.find_wave(joined.ports, WAVE)
    assert (page.outcomes, page.filled) == ({}, {})
    names = {file.name for file in selection.bundle_files(joined.ports, WAVE)}
    assert names == ({*BEFORE_THE_DRAW, SIGNATURES[COMMITMENT]} if done >= 2 else set())


def test_a_receipt_shows_whose_an_entry_is_and_its_leaf_is_the_frozen_one(joined):
    receipts = [selection.join(joined.ports, f"app-{number:03d}", WAVE) for number in range(14)]
    close_and_run(joined.ports)

    frozen = joined.documents.files[f"waves/{WAVE}/entries.csv"].decode().splitlines()[1:]
    for receipt in receipts:
        kept = json.loads(receipt.kept)
        entry = kept["entry"]
        assert len(receipt.kept) < 2048
        assert canonical(kept) == receipt.kept.encode()
        assert entry_id_of(WAVE, bytes.fromhex(kept["salt"]), kept["application_id"]) == receipt.entry_id
        assert entry["entry_id"] == receipt.entry_id
        assert f"{entry['entry_id']},{entry['region']},{entry['priority']:d},{entry['restored']:d}" in frozen
    assert len({json.loads(receipt.kept)["salt"] for receipt in receipts}) == 14


def test_the_result_of_somebody_who_did_not_join_is_not_found(joined):
    applicant = add_applicant(joined.ports, 99)

    with pytest.raises(NotFoundError):
        selection.result_of(joined.ports, applicant, WAVE)


def test_the_published_bundle_is_accepted_against_the_commitment_of_the_page(joined, tmp_path):
    published(joined, tmp_path)
    page = selection.find_wave(joined.ports, WAVE)

    assert verify_bundle(tmp_path, page.commitment_sha256) == []
    assert verify_signatures(tmp_path, joined.documents.files["audit/keys.json"]) == []
    assert verify_bundle(tmp_path, page.root) != []


def published(joined, folder):
    """Let the wave be published, and save what anybody can."""
    close_and_run(joined.ports)
    for file in selection.bundle_files(joined.ports, WAVE):
        assert file.url.endswith(f"waves/{WAVE}/{file.name}")
        (folder / file.name).write_bytes(joined.documents.files[f"published/waves/{WAVE}/{file.name}"])


FORGED = {
    "another hash": lambda told: told["statement"].update(sha256="0" * 64),
    "another wave": lambda told: told["statement"].update(wave_id="gelombang-other"),
    "another file": lambda told: told["statement"].update(file="rules.json"),
    "another kind": lambda told: told["statement"].update(spec="gelombang-decision-1"),
    "more is said": lambda told: told["statement"].update(also="this"),
    "another key": lambda told: told.update(key_id="0" * 16),
    "another signature": lambda told: told.update(signature="00" * 64),
    "no signature": lambda told: told.pop("signature"),
}


@pytest.mark.parametrize("name", SIGNATURES.values())
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_signature_is_refused_and_named(joined, tmp_path, name, forge):
    published(joined, tmp_path)
    told = json.loads((tmp_path / name).read_bytes())
    forge(told)
    (tmp_path / name).write_bytes(canonical(told))

    found = verify_signatures(tmp_path, joined.documents.files["audit/keys.json"])

    assert found
    assert all(each.startswith(f"{name}: ") for each in found)


def test_what_somebody_else_signed_is_refused(joined, tmp_path):
    published(joined, tmp_path)
    stranger = keys_document("prakerja", [(MemorySigner(2).public_key(), datetime.now(UTC))])

    assert len(verify_signatures(tmp_path, canonical(stranger))) == 2
    with pytest.raises(ValueError, match="spec"):
        verify_signatures(tmp_path, canonical({"spec": "other"}))


def test_the_bundle_names_nobody(joined):
    close_and_run(joined.ports)

    published = b"".join(joined.documents.files.values()).decode()
    for number in range(14):
        application = applications.load(joined.ports, f"app-{number:03d}")
        for secret in (
            application.application_id,
            application.form.nik_tag,
            application.form.kk_tag,
            application.form.sealed["name"],
        ):
            assert secret not in published


def test_two_of_a_household_over_two_waves_is_all_it_gets(world):
    family = [add_applicant(world.ports, number, household=1) for number in range(4)]
    selection.open_wave(world.ports, definition_of(world, quota={"3171": 5}), OPERATOR)
    selection.join(world.ports, family[0], WAVE)
    close_and_run(world.ports)

    selection.open_wave(
        world.ports, definition_of(world, wave_id="gelombang-10", quota={"3171": 5}), OPERATOR
    )
    for applicant in family[1:]:
        selection.join(world.ports, applicant, "gelombang-10")
    close_and_run(world.ports, "gelombang-10")

    states = Counter(applications.load(world.ports, applicant).state for applicant in family)
    assert states == {State.SELECTED: 2, State.NOT_DRAWN: 2}
    full = [one for one in family if applications.load(world.ports, one).reasons == ("HOUSEHOLD_FULL",)]
    assert len(full) == 2


def test_whoever_was_not_drawn_joins_the_next_wave_with_one_call(joined):
    close_and_run(joined.ports)
    missed = next(
        f"app-{number:03d}" for number in range(14)
        if applications.load(joined.ports, f"app-{number:03d}").state is State.NOT_DRAWN
    )  # fmt: skip
    selection.open_wave(joined.ports, definition_of(joined, wave_id="gelombang-10"), OPERATOR)

    selection.join(joined.ports, missed, "gelombang-10")

    application = applications.load(joined.ports, missed)
    assert (application.state, application.wave_id, application.rank, application.reasons) == (
        State.JOINED, "gelombang-10", 0, (),
    )  # fmt: skip


def test_a_wave_that_nobody_joined_can_be_drawn_and_verified(world, tmp_path):
    selection.open_wave(world.ports, definition_of(world), OPERATOR)

    close_and_run(world.ports)

    for key, content in world.documents.files.items():
        (tmp_path / key.rsplit("/", 1)[1]).write_bytes(content)
    assert verify_bundle(tmp_path) == []
    assert selection.find_wave(world.ports, WAVE).filled == {"3171": 0, "3578": 0}
