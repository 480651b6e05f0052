"""The offline verifier accepts what was written and finds what was changed; it decides as the journey does."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks.drills.tampering import MUTATIONS, entries_of, tamper, write_fitting, written
from gelombang.audit_verifier import summary, verify_audit
from gelombang.audit_verifier.decisions import _conclude
from gelombang.audit_verifier.reading import canonical
from gelombang.domain.application import Photo, PhotoStatus, Slot
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.decision import SPEC, FaceGrounds, Grounds, Inputs, Place, conclude, machine_bundle
from gelombang.domain.eligibility import rule_set_for
from gelombang.domain.signature import message_to_sign
from gelombang.domain.verdict import FaceOutcome, FaceVerdict
from gelombang.journey import anchors, applications
from gelombang.journey.programme import load_programme
from gelombang.memory.signer import MemorySigner
from local.command import app
from tests.journey.audited import Audited, audited, next_day
from tests.journey.walking import begin, citizen

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
RULES = rule_set_for(load_programme("prakerja"), AT.date())


@pytest.fixture(scope="module")
def world():
    return audited()


@pytest.fixture(scope="module")
def everything(world, tmp_path_factory):
    return world.write(tmp_path_factory.mktemp("audit") / "all")


@pytest.fixture
def copy(everything, tmp_path):
    shutil.copytree(everything, tmp_path / "copy")
    return tmp_path / "copy"


def test_what_was_written_of_everybody_is_accepted(everything):
    decisions = Counter(
        json.loads(path.read_bytes())["bundle"]["decision"] for path in everything.glob("bundles/*/*")
    )

    assert verify_audit(everything, everything / "keys.json") == []
    assert set(decisions) >= {"verified", "refused", "correction_asked", "photo_refused", "sent_to_review"}
    assert set(decisions) >= {"review_decided", "appeal_decided"}
    assert "anchored until 2026-11-25" in summary(everything)


def test_what_was_written_of_one_application_is_accepted_and_holds_nothing_else(world, tmp_path):
    name = world.names["retaken"]

    folder = world.write(tmp_path / "one", name)

    assert verify_audit(folder) == []
    assert [path.name for path in folder.glob("chains/*")] == [f"{name}.jsonl"]
    assert not (folder / "leaves").exists()


def test_every_kind_of_change_is_found_and_its_place_is_named(world, tmp_path):
    targets = written(world, tmp_path)

    assert tamper(targets, 3 * len(MUTATIONS), seed=7) == []


def test_entries_that_an_anchor_has_cannot_be_cut_off_and_later_ones_can(world, copy):
    early, late = (copy / "chains" / f"{name}.jsonl" for name in (world.names["verified"], world.late))
    had = {}
    for path in (early, late):
        lines = path.read_bytes().splitlines(keepends=True)
        had[path] = len(lines)
        path.write_bytes(b"".join(lines[:2]))
    shutil.rmtree(copy / "bundles" / early.stem)
    shutil.rmtree(copy / "bundles" / late.stem)

    (fault,) = verify_audit(copy)  # the limit that docs/audit-spec.md names

    assert fault == f"chains/{early.name}: ends after 2 entries; on 2026-11-23 it had {had[early]}"
    assert had[early] > 2


@pytest.mark.parametrize("days_before", [0, 1, 400])
@pytest.mark.parametrize("kind", ["verified", "retaken"])
def test_an_entry_put_in_after_an_anchor_is_found_whatever_day_it_says(world, copy, kind, days_before):
    path = copy / "chains" / f"{world.names[kind]}.jsonl"
    entries = entries_of(path)
    at = AT - timedelta(days=days_before)  # on the first day that has an anchor, or before it
    entries.append({"at": at.isoformat(), "event": "wave_joined", "facts": {"wave_id": "g1"}})
    write_fitting(path, entries)

    (fault,) = verify_audit(copy)

    place, _, what = fault.partition(": ")
    assert place == f"chains/{path.name} line {len(entries)}"
    assert what.startswith(f"is of {at.date()}, but was not there when ")


def test_a_chain_older_than_the_anchors_is_accepted_with_and_without_a_leaf_and_takes_nothing_in_after_one(
    tmp_path,
):
    walk = begin(citizen(1), citizen(2))
    names = [walk.submit(citizen(number), f"+62812345678{number}") for number in (1, 2)]
    walk.deliver()
    for _ in range(3):
        next_day(walk)  # the first only begins with the anchors
    applications.save(walk.ports, walk.application(names[0]), "looked at")
    next_day(walk)
    walk.world.clock.advance(days=5)  # a late round makes up for these nights
    anchors.anchor_due(walk.ports, "prakerja")
    folder = Audited(walk, {"grew": names[0]}, names[1]).write(tmp_path)
    assert verify_audit(folder) == []
    path = folder / "chains" / f"{names[0]}.jsonl"
    entries = entries_of(path)
    write_fitting(path, [*entries, {**entries[0]}])

    (fault,) = verify_audit(folder)

    assert fault == (
        f"chains/{path.name} line {len(entries) + 1}: is of 2026-11-23, but was not there when 2026-11-26 was anchored"
    )


def test_clocks_that_differ_at_midnight_make_no_fault(tmp_path):
    walk = begin(citizen(1))
    anchors.anchor_due(walk.ports, "prakerja")
    name = walk.submit(citizen(1))
    walk.deliver()
    walk.world.clock.advance(hours=15, seconds=1)  # 09.00 until after midnight in Jakarta
    applications.save(walk.ports, walk.application(name), "looked at")
    walk.world.clock.advance(seconds=-2)  # another process, whose clock is behind
    applications.save(walk.ports, walk.application(name), "looked at")
    next_day(walk)
    next_day(walk)

    folder = Audited(walk, {}, name).write(tmp_path)

    *_, before, last = entries_of(folder / "chains" / f"{name}.jsonl")
    assert before["at"] > last["at"]
    assert verify_audit(folder) == []


def test_a_late_anchor_of_a_day_before_its_key_is_accepted(tmp_path):
    walk = begin(citizen(1))
    anchors.anchor_due(walk.ports, "prakerja")
    name = walk.submit(citizen(1))
    walk.deliver()
    walk.world.clock.advance(days=3)
    walk.world = replace(walk.world, ports=replace(walk.ports, signer=MemorySigner(2)))
    anchors.anchor_due(walk.ports, "prakerja")  # three nights at once, with the new key

    folder = Audited(walk, {}, name).write(tmp_path)

    first = json.loads(min(folder.glob("anchors/*")).read_bytes())
    key = json.loads((folder / "keys.json").read_bytes())["keys"][1]
    assert first["key_id"] == key["key_id"]
    assert (first["anchor"]["day"], key["valid_from"][:10]) == ("2026-11-23", "2026-11-26")
    assert verify_audit(folder) == []


def test_a_decision_that_does_not_follow_from_its_checks_is_found_though_it_is_signed(world, copy):
    chain = copy / "chains" / f"{world.late}.jsonl"
    (path,) = copy.glob(f"bundles/{world.late}/*")
    bundle = json.loads(path.read_bytes())["bundle"]
    for check in bundle["checks"]:
        if check["layer"] == "education":
            check |= {"outcome": "FAILED", "reason": "STILL_AT_SCHOOL"}
    signer = world.walk.ports.signer
    signature = signer.sign(message_to_sign(SPEC, canonical(bundle))).hex()
    signed = {"bundle": bundle, "key_id": signer.public_key().key_id, "signature": signature}
    path.write_bytes(canonical(signed))
    entries = entries_of(chain)
    entries[bundle["sequence"] - 1]["facts"]["bundle_sha256"] = hashlib.sha256(canonical(bundle)).hexdigest()
    write_fitting(chain, entries)

    (fault,) = verify_audit(copy)

    assert fault.endswith("says verified, but from its checks follows refused STILL_AT_SCHOOL")


def test_the_command_names_each_fault_and_ends_with_one(copy):
    path = min(copy.glob("bundles/*/*"))
    path.unlink()

    fine = CliRunner().invoke(app, ["audit", "verify", str(copy), "--json"])

    told = json.loads(fine.stdout)
    assert (fine.exit_code, told["accepted"]) == (1, False)
    assert told["faults"] == [f"bundles/{path.parent.name}/{path.name}: is missing"]


def test_the_verifier_runs_alone_wherever_it_is_copied(everything, tmp_path):
    home = Path(__file__).parents[2] / "gelombang" / "audit_verifier"
    shutil.copytree(home, tmp_path / "audit_verifier", ignore=shutil.ignore_patterns("__pycache__"))

    done = subprocess.run(
        [sys.executable, "-m", "audit_verifier", str(everything)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, f"accepted: {summary(everything)}\n")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS


@given(
    st.lists(LEAVES, max_size=5) | st.dictionaries(TEXTS, LEAVES | st.lists(LEAVES, max_size=2), max_size=5)
)
def test_the_verifier_writes_json_as_rfc_8785_says(value):
    assert canonical(value) == rfc8785.dumps(value)


REASONS = ("NIK_NOT_FOUND", "STILL_AT_SCHOOL")
LAYERS = [layer for layer in RULES.layers if layer is not Layer.FACE]


@st.composite
def grounds(draw):
    status = st.sampled_from(
        [PhotoStatus.ARRIVED, PhotoStatus.ACCEPTED, PhotoStatus.REFUSED, PhotoStatus.AWAITED]
    )
    photos = {slot: draw(status) for slot in Slot}
    photos = {
        slot: Photo(each, "k", ("BLURRED",) if each is PhotoStatus.REFUSED else ())
        for slot, each in photos.items()
    }
    good = [Outcome.PASSED] * 6
    checks = {}
    for layer in draw(st.sampled_from([LAYERS, LAYERS, LAYERS[:-1]])):
        outcome = draw(st.sampled_from([*good, *Outcome]))
        reason = draw(st.sampled_from(REASONS)) if outcome is Outcome.FAILED else ""
        checks[layer] = CheckResult(layer, outcome, "s", "v", AT, reason)
    verdict = draw(
        st.sampled_from(
            [
                None,
                FaceVerdict(FaceOutcome.MATCH),
                FaceVerdict(FaceOutcome.REVIEW, ("FACE_DIFFERS",)),
                FaceVerdict(FaceOutcome.RETAKE, ("TILTED",), {Slot.SELFIE: ("TILTED",)}),
            ]
        )
    )
    if verdict:
        is_match = verdict.outcome is FaceOutcome.MATCH
        outcome = Outcome.PASSED if is_match else Outcome.PENDING
        checks[Layer.FACE] = CheckResult(Layer.FACE, outcome, "face worker", "r", AT)
    elif draw(st.booleans()):
        checks[Layer.FACE] = CheckResult(Layer.FACE, Outcome.PASSED, "appeal 1", "r", AT)
    submission, correction_count = draw(st.integers(1, 7)), draw(st.integers(0, 7))
    return Grounds(photos, checks, verdict, submission, correction_count, draw(st.booleans()))


@given(grounds())
def test_the_verifier_decides_as_the_journey_does(given_grounds):
    concluded = conclude(given_grounds, RULES)
    if concluded.decided is None:
        return

    face = FaceGrounds("f", "r", "o") if given_grounds.verdict else None
    place = Place("prakerja", "app_1", 3, "ab", AT)
    bundle = machine_bundle(place, concluded, given_grounds, RULES, face=face, inputs=Inputs(b"salt"))

    assert _conclude("here", bundle) == (bundle["decision"], bundle["reasons"])
