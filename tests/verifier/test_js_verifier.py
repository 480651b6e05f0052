"""verifier/verify-draw.js under node: it accepts what the reference drew, and refuses everything else by name."""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gelombang.drawing.verify import verify_bundle
from tests.domain.draw_reference import canonical
from tests.domain.draw_reference import receipt as receipt_of
from tests.verifier.mutations import DAMAGES, FORGERIES, LISTED, VECTORS, Mutation, Parts, mutations, vector

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "verifier/verify-draw.js"
NODE = shutil.which("node")
MUTATIONS = 1000
DOCUMENTS = ("commitment.json", "draw.json", "manifest.json")  # that a phone can hold beside one's own two
pytestmark = [
    pytest.mark.skipif(NODE is None, reason="no node on this machine to run the JavaScript verifier"),
    pytest.mark.xdist_group("js-verifier"),  # the mutations are judged once
]


@pytest.fixture(scope="module")
def judged():
    """A thousand mutations, each with what was said of it."""
    made = list(mutations(random.Random(6), MUTATIONS))  # noqa: S311 - the same in every run
    return list(zip(made, verify_many(made), strict=True))


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed["name"])
def test_a_vector_gets_the_verdict_it_is_listed_with(listed):
    ran = node(VECTORS / listed["name"], "--commitment", listed["commitment"], "--json")
    report = json.loads(ran.stdout)

    assert report["accepted"] == (listed["verdict"] == "accepted"), report["differences"]
    assert ran.returncode == (0 if report["accepted"] else 1)
    assert {each["file"] for each in report["differences"]} == set(listed.get("places", ()))


@pytest.mark.parametrize("name", [each["name"] for each in LISTED if each["verdict"] == "accepted"])
def test_what_one_person_holds_is_accepted_alone_and_beside_the_bundle(name):
    for receipt in (VECTORS / name).glob("receipts/*.json"):
        held = ("--receipt", receipt, "--result", VECTORS / name / "results" / receipt.name, "--json")
        alone, beside = json.loads(node(*held).stdout), json.loads(node(VECTORS / name, *held).stdout)

        assert alone["accepted"], alone["differences"]
        assert beside["accepted"], beside["differences"]
        assert alone["facts"]["person"] == beside["facts"]["person"]
        assert "unbound" in codes(alone)
        assert "unbound" not in codes(beside)


def test_the_three_small_files_are_enough_beside_ones_own_documents_and_for_nothing_else(tmp_path):
    accepted = next(
        each["name"]
        for each in LISTED
        if each["verdict"] == "accepted" and (VECTORS / each["name"] / "receipts").is_dir()
    )
    receipt = min((VECTORS / accepted).glob("receipts/*.json"))
    result = VECTORS / accepted / "results" / receipt.name
    for name in DOCUMENTS:
        shutil.copy(VECTORS / accepted / name, tmp_path)

    for held in (("--result", result), ("--receipt", receipt), ("--receipt", receipt, "--result", result)):
        ran = node(tmp_path, *held, "--commitment", commitment_of(accepted), "--json")
        report = json.loads(ran.stdout)
        assert (ran.returncode, report["differences"]) == (0, [])
        assert "unbound" not in codes(report)

    forged = json.loads(result.read_text())
    (tmp_path / "forged.json").write_text(canonical(forged | {"seed": "0" * 64}).decode())
    refused = node(tmp_path, "--result", tmp_path / "forged.json")
    assert refused.returncode == 1
    assert "rules.json is missing." not in refused.stdout

    alone = node(tmp_path)
    assert alone.returncode == 1
    assert "rules.json is missing." in alone.stdout
    (tmp_path / "draw.json").unlink()
    partial = node(tmp_path, "--result", result)
    assert partial.returncode == 1
    assert "draw.json is missing." in partial.stdout


def test_every_one_of_a_thousand_mutations_is_refused(judged):
    assert [mutation.kind for mutation, report in judged if report["accepted"]] == []
    assert {mutation.kind for mutation, _ in judged} == {*DAMAGES, *FORGERIES}


def test_every_refusal_has_a_sentence_that_names_the_place(judged):
    unnamed = [
        (
            mutation.kind,
            mutation.place,
            mutation.line,
            [each["sentence"]["en"] for each in report["differences"]],
        )
        for mutation, report in judged
        if not any(mutation.is_named_by(each) for each in report["differences"])
    ]

    assert unnamed == []
    for each in (difference for _, report in judged for difference in report["differences"]):
        for sentence in each["sentence"].values():
            assert each["file"] in sentence
            assert str(each["line"] or "") in sentence
            assert "undefined" not in sentence


def test_a_forged_signature_of_the_beacon_is_shown_and_said_not_to_be_checked():
    files = vector("beacon")
    forged = json.loads(files["draw.json"])["beacon_signature"].replace("b44679", "b44678")
    parts = Parts(files)
    parts.draw["beacon_signature"] = forged
    parts.draw_again()
    (report,) = verify_many([Mutation("signature", parts.files, commitment_of("beacon"), "draw.json")])

    assert report["accepted"]
    assert "not-signature" in codes(report)
    assert report["facts"]["beacon"]["signature"] == forged
    assert report["facts"]["beacon"]["round"] == 1000


def test_a_round_that_came_before_the_wave_closed_is_refused():
    parts = Parts(vector("beacon"))
    parts.rules["closes_at"] = "2023-08-23T23:00:00+07:00"  # half a minute after round 1000
    parts.draw_again()
    (report,) = verify_many([Mutation("early", parts.files, None, "commitment.json")])

    assert [(each["code"], each["file"]) for each in report["differences"]] == [
        ("early-round", "commitment.json")
    ]


def test_any_character_of_ones_result_that_changes_is_noticed_beside_the_small_files():
    receipt = min((VECTORS / "households/receipts").iterdir())
    document = (VECTORS / "households/results" / receipt.name).read_bytes()
    small = {name: vector("households")[name] for name in DOCUMENTS} | {"receipt": receipt.read_bytes()}
    chance = random.Random(7)  # noqa: S311
    made = [
        Mutation(
            "character",
            small | {"result": changed(chance, document, at)},
            commitment_of("households"),
            "result",
        )
        for at in range(len(document))
    ]

    (kept,) = verify_many([Mutation("none", small | {"result": document}, commitment_of("households"), "")])
    assert kept["accepted"], kept["differences"]
    assert kept["notes"] == [note for note in kept["notes"] if note["code"] == "no-beacon"]
    reports = verify_many(made)
    assert [at for at, report in enumerate(reports) if report["accepted"]] == []
    assert all(any(each["file"] == "result" for each in report["differences"]) for report in reports)


def test_any_character_of_a_receipt_but_its_time_that_changes_is_noticed():
    receipt = min((VECTORS / "restored/receipts").iterdir()).read_bytes()
    joined = receipt.index(b'"joined_at":"') + len(b'"joined_at":"')
    places = [at for at in range(len(receipt)) if not joined <= at < receipt.index(b'"', joined)]
    chance = random.Random(8)  # noqa: S311
    made = [
        Mutation(
            "character",
            vector("restored") | {"receipt": changed(chance, receipt, at)},
            commitment_of("restored"),
            "receipt",
        )
        for at in places
    ]

    reports = verify_many(made)

    assert [places[i] for i, report in enumerate(reports) if report["accepted"]] == []
    assert all({each["file"] for each in report["differences"]} == {"receipt"} for report in reports)


def test_a_result_of_another_draw_that_is_right_in_itself_is_refused_beside_this_one():
    """Somebody shows the document that a forger made: it fits the forged draw, and not the published one."""
    entry = min((VECTORS / "beacon/receipts").iterdir()).name
    of_entry, of_result = (
        (VECTORS / name / "results" / file.name).read_bytes()
        for name, file in (
            ("forged-entry", Path(entry)),
            ("forged-result", min((VECTORS / "households/receipts").iterdir())),
        )
    )
    alone, beside, swapped = (
        {each["member"] for each in report["differences"]}
        for report in verify_many(
            [
                Mutation("alone", {"result": of_entry}, commitment_of("beacon"), ""),
                Mutation("beside", vector("beacon") | {"result": of_entry}, commitment_of("beacon"), ""),
                Mutation(
                    "beside", vector("households") | {"result": of_result}, commitment_of("households"), ""
                ),
            ]
        )
    )

    assert alone == {"commitment_sha256"}
    assert {"commitment_sha256", "root", "results_root", "seed", "result.ticket"} <= beside
    assert swapped == {"results_root", "result.outcome", "result.rule"}


def test_a_receipt_of_another_wave_or_with_another_region_is_refused_beside_the_bundle():
    receipt = json.loads(min((VECTORS / "beacon/receipts").iterdir()).read_bytes())
    document = (VECTORS / "beacon/results" / f"{receipt['entry']['entry_id']}.json").read_bytes()
    moved = canonical(receipt | {"entry": receipt["entry"] | {"region": "9171"}})
    told = (
        receipt["application_id"],
        bytes.fromhex(receipt["salt"]),
        ("3171", False, False),
        receipt["joined_at"],
    )
    other = canonical(receipt_of("contoh-2", *told))

    alone, beside, with_result, of_other = verify_many(
        [
            Mutation(
                "alone", {"receipt": moved}, None, ""
            ),  # nothing in it tells: the region is no part of the id
            Mutation("beside", vector("beacon") | {"receipt": moved}, commitment_of("beacon"), ""),
            Mutation("result", {"receipt": moved, "result": document}, None, ""),
            Mutation("other", vector("beacon") | {"receipt": other}, commitment_of("beacon"), ""),
        ]
    )

    assert codes(alone) == {"no-commitment", "not-drawn"}
    assert [each["member"] for each in beside["differences"]] == ["entry.region"]
    assert [each["member"] for each in with_result["differences"]] == ["entry.region"]
    assert [(each["code"], each["member"]) for each in of_other["differences"]] == [
        ("differs", "wave_id"),
        ("no-entry", "entry.entry_id"),
    ]


def test_what_differs_a_thousand_times_is_named_ten_times_and_counted():
    files = vector("none")
    files["results.csv"] = (
        files["results.csv"].replace(b",SELECTED,", b",CHOSEN,").replace(b",NOT_DRAWN,", b",CHOSEN,")
    )
    (report,) = verify_many([Mutation("many", files, commitment_of("none"), "results.csv")])

    outcomes = [each for each in report["differences"] if each["member"] == "outcome"]
    wrong = files["results.csv"].count(b"CHOSEN")
    assert wrong > 10
    assert len(outcomes) == 11
    assert (
        outcomes[-1]["sentence"]["en"] == f"results.csv, outcome: {wrong - 10} more differences of this kind."
    )


def test_an_older_node_hashes_alike(tmp_path):
    older = tmp_path / "older.js"
    older.write_text('require("node:crypto").hash = undefined; // as before node 20.12\n')
    words = (VECTORS / "redraw", "--commitment", commitment_of("redraw"), "--json")

    ran = subprocess.run(
        [NODE, "--require", older, SCRIPT, *words], capture_output=True, text=True, check=True
    )

    assert ran.stdout == node(*words).stdout
    assert json.loads(ran.stdout)["accepted"]


def test_the_published_hash_is_taken_in_either_case_as_by_the_other_verifier():
    typed = f" {commitment_of('redraw').upper()} "

    report = json.loads(node(VECTORS / "redraw", "--commitment", typed, "--json").stdout)

    assert report["accepted"]
    assert "no-commitment" not in codes(report)
    assert verify_bundle(VECTORS / "redraw", typed) == []


def test_it_answers_in_two_languages_and_says_when_it_could_not_be_asked(tmp_path):
    refused = node(VECTORS / "forged-result", "--lang", "id", "--commitment", "0" * 64)

    assert refused.returncode == 1
    assert "results.csv, baris" in refused.stdout
    assert "padahal yang diumumkan " + "0" * 64 in refused.stdout
    missing = node(tmp_path)
    assert missing.returncode == 1
    assert "manifest.json is missing." in missing.stdout
    for words in (
        [],
        [tmp_path, tmp_path],
        ["--receipt", tmp_path / "none.json"],
        [tmp_path, "--commitment", "A"],
        ["--x"],
    ):
        assert node(*words).returncode == 2


def test_a_folder_that_is_not_there_is_said_to_be_none_as_by_the_other_verifier(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "elsewhere", tmp_path / "file"):
        ran = node(folder, "--commitment", "0" * 64)

        assert ran.returncode == 2
        assert ran.stderr.startswith(f"There is no folder {folder}.\n")
        assert ran.stdout == ""


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_asked_for_help_it_tells_its_usage(word):
    ran = node(word)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("node verify-draw.js [BUNDLE_FOLDER] [--commitment SHA256]")


def test_nobodys_result_is_told_from_refused_files_and_what_else_they_say_is_marked(tmp_path):
    receipt = min((VECTORS / "households/receipts").iterdir())
    result = VECTORS / "households/results" / receipt.name
    bundle = Path(shutil.copytree(VECTORS / "households", tmp_path / "households"))
    words = (bundle, "--receipt", receipt, "--result", result, "--commitment", commitment_of("households"))
    accepted = node(*words)
    assert re.search("^accepted$", accepted.stdout, re.MULTILINE)
    assert {"person", "outcomes"} <= facts_of(accepted)

    results = (bundle / "results.csv").read_text()
    (bundle / "results.csv").write_text(results.replace(",NOT_DRAWN,", ",SELECTED,"))
    refused, indonesian = node(*words), node(*words, "--lang", "id")

    assert re.search("^refused; what the refused files say:\n  wave_id: ", refused.stdout, re.MULTILINE)
    assert "\nditolak; berkas yang ditolak itu menyatakan:\n" in indonesian.stdout
    assert facts_of(refused) == facts_of(accepted) - {"person", "outcomes"}
    assert facts_of(refused) == {*json.loads(node(*words, "--json").stdout)["facts"]}


def test_without_the_published_hash_accepted_is_no_more_than_consistent():
    for language, verdict in (
        ("en", "accepted (no --commitment given: consistent in itself)"),
        ("id", "diterima (tanpa --commitment: hanya cocok satu sama lain)"),
    ):
        ran = node(VECTORS / "none", "--lang", language)

        assert ran.returncode == 0
        assert verdict in ran.stdout.splitlines()


def test_the_page_has_words_for_every_stage_and_outcome():
    script, page = SCRIPT.read_text(), SCRIPT.with_suffix(".html").read_text()

    stages = set(re.findall(r'\.stage\("(\w+)"\)', script))
    outcomes = set(re.findall(r'[A-Z]_[A-Z_]+: "([A-Z_]+)"', script))
    assert {"files", "tickets"} <= stages
    assert {"SELECTED", "RESERVE"} <= outcomes
    assert [name for name in stages | outcomes if f"{name}: [" not in page] == []


def verify_many(made):
    """Return the report of each mutation, all judged by one node."""
    asked = "".join(
        json.dumps(
            {
                "files": {name: base64.b64encode(content).decode() for name, content in each.files.items()},
                "commitment": each.commitment,
            }
        )
        + "\n"
        for each in made
    )
    script = Path(__file__).with_name("verify_many.js")
    ran = subprocess.run([NODE, script], input=asked, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def node(*words):
    return subprocess.run([NODE, SCRIPT, *map(str, words)], capture_output=True, text=True, check=False)


def facts_of(ran):
    return set(re.findall(r"^  (\w+): ", ran.stdout, re.MULTILINE))


def changed(chance, content, at):
    """Put another character of the same kind where one stands, as a forger would."""
    old = chr(content[at])
    kind = "0123456789abcdef" if old in "0123456789abcdef" else "ghijklmnopqrstuvwxyz{}[],:"
    return content[:at] + chance.choice([one for one in kind if one != old]).encode() + content[at + 1 :]


def codes(report):
    return {note["code"] for note in report["notes"]}


def commitment_of(name):
    return next(each["commitment"] for each in LISTED if each["name"] == name)
