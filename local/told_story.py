"""Tells a person the decisions about their application, and their appeals, in plain words, Indonesian or English."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from gelombang.domain.wave import JAKARTA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.client import Json

MONTHS = {
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split(),  # noqa: SIM905 - read as words
    "en": "January February March April May June July August September October November December".split(),  # noqa: SIM905 - likewise
}
ASKED = {
    "id": {
        "population": "data kependudukan Dukcapil",
        "age": "data kependudukan Dukcapil",
        "kk": "data kependudukan Dukcapil",
        "education": "data sekolah dan kampus Kementerian Pendidikan",
        "religious_education": "data madrasah Kementerian Agama",
        "aid": "data bantuan sosial",
        "excluded_occupation": "data pekerjaan yang tidak boleh ikut",
        "earlier_recipient": "data penerima program ini",
        "blacklist": "daftar hitam program ini",
        "household_cap": "data penerima per kartu keluarga",
        "face": "pemeriksaan wajah",
    },
    "en": {
        "population": "Dukcapil's population register",
        "age": "Dukcapil's population register",
        "kk": "Dukcapil's population register",
        "education": "the Ministry of Education's schools and universities",
        "religious_education": "the Ministry of Religious Affairs' madrasahs",
        "aid": "the register of social aid",
        "excluded_occupation": "the register of occupations that may not take part",
        "earlier_recipient": "this programme's earlier recipients",
        "blacklist": "this programme's blacklist",
        "household_cap": "recipients by family card",
        "face": "the face check",
    },
}
WORDS = {
    "id": {
        "now": "Sekarang",
        "at": "pukul",
        "why": "Alasan",
        "next": "Langkah berikutnya",
        "rules": "Aturan yang dipakai",
        "asked": "Yang ditanya",
        "people": "Diputuskan oleh orang, bukan mesin: {count} petugas",
        "machine": "Diputuskan oleh mesin menurut aturan; menolak wajah hanya boleh dilakukan orang",
        "right": "Tanda tangan digital benar: catatan ini tidak diubah sejak dibuat",
        "wrong": "PERINGATAN, catatan ini tidak benar",
        "anchored": "Terkunci bagi siapa pun sejak {day}",
        "waiting": "Dikunci malam setelah hari keputusan",
        "none": "Belum ada keputusan.",
        "chain": "Seluruh riwayat utuh.",
        "broken": "PERINGATAN: riwayat tidak utuh",
        "versions": "versi {version}",
        "filed": "Anda mengajukan banding {number}",
        "disputed": "Yang disanggah",
        "appeal": "Banding {number} sekarang",
        "until": "Dijawab paling lambat {day}",
        "wanted": "Yang diminta",
        "outcome": "Hasil banding {number}",
        "left": "Karena keputusan ini Anda keluar dari gelombang {wave}",
        "questioned": "Anda keluar dari gelombang {wave}; petugas memeriksa pendaftaran Anda sekali lagi",
    },
    "en": {
        "now": "Now",
        "at": "at",
        "why": "Reason",
        "next": "What comes next",
        "rules": "Rules that were used",
        "asked": "Who was asked",
        "people": "Decided by people, not by a machine: {count} of the staff",
        "machine": "Decided by the machine according to the rules; only people may refuse a face",
        "right": "The digital signature is right: this record was not changed since it was made",
        "wrong": "WARNING, this record is not right",
        "anchored": "Locked for everybody since {day}",
        "waiting": "Will be locked in the night after the day of the decision",
        "none": "Nothing was decided yet.",
        "chain": "The whole history is complete.",
        "broken": "WARNING: the history is not complete",
        "versions": "version {version}",
        "filed": "You filed appeal {number}",
        "disputed": "What it disputes",
        "appeal": "Appeal {number} now",
        "until": "Answered by {day}",
        "wanted": "What is asked for",
        "outcome": "Outcome of appeal {number}",
        "left": "Because of this decision you left wave {wave}",
        "questioned": "You left wave {wave}; reviewers look at your application once more",
    },
}


def told_lines(story: Json, language: str) -> Iterator[str]:
    """Give the lines of `GET /v1/explanations/{application_id}` for the person whom it is about."""
    words, state = WORDS[language], story["status"]["state"]
    yield f"{words['now']}: {state['sentence'][language]}"
    yield f"{words['next']}: {state['next_step'][language]}"
    for _, lines in sorted(_happened(story, language), key=lambda each: each[0]):
        yield ""
        yield from lines
    if not story["decisions"]:
        yield words["none"]
    yield ""
    yield f"{words['broken']}: {story['audit_fault']}" if story["audit_fault"] else words["chain"]


def _happened(story: Json, language: str) -> Iterator[tuple[int, list[str]]]:
    """Give the lines of each appeal, each wave left for reviewers and each decision, with its audit entry's number."""
    appeals = {appeal["number"]: appeal for appeal in story["told_appeals"]}
    followed, wave = {}, ""
    for number, event in enumerate(story["happened"], start=1):
        facts = event["facts"]
        appeal = appeals.get(facts.get("number", ""))
        wave = facts["wave_id"] if event["event"] == "wave_joined" else wave
        if appeal and event["event"] == "appeal_filed":
            yield number, [*_filed(appeal, language)]
        if facts.get("left_wave_id"):
            left = WORDS[language]["questioned"].format(wave=facts["left_wave_id"])
            yield number, [f"{_moment(event['at'], language)}: {left}."]
        if "bundle_sha256" in facts:
            followed[facts["bundle_sha256"]] = [*_followed(facts, wave, appeal, language)]
    for decision in story["decisions"]:
        lines = [*_decision(decision, language)]
        lines[1:1] = followed.get(decision["bundle_sha256"], [])
        yield decision["entry"], lines


def _filed(appeal: Json, language: str) -> Iterator[str]:
    words, number, state = WORDS[language], appeal["number"], appeal["state"]
    yield f"{_moment(appeal['filed_at'], language)}: {words['filed'].format(number=number)}."
    yield f"  {words['disputed']}: {appeal['reason']['sentence'][language]}"
    is_under_way = state["code"] in {"APPEAL_OPEN", "APPEAL_ASKED"}
    # What comes after an answer is told beside the decision.
    then = f" {state['next_step'][language]}" if is_under_way else ""
    yield f"  {words['appeal'].format(number=number)}: {state['sentence'][language]}{then}"
    if is_under_way and appeal["outcome"]:
        yield f"  {words['wanted']}: {appeal['outcome']['sentence'][language]}"
    if appeal["deadline"]:
        yield f"  {words['until'].format(day=day_told(date.fromisoformat(appeal['deadline']), language))}."


def _followed(facts: Json, wave: str, appeal: Json | None, language: str) -> Iterator[str]:
    """Give what the audit entry of a decision says beside it: an appeal's outcome, a wave that was left by a list."""
    words = WORDS[language]
    if appeal and appeal["outcome"]:
        told = (appeal["state"]["sentence"], appeal["outcome"]["sentence"], appeal["outcome"]["next_step"])
        outcome = " ".join(each[language] for each in told)
        yield f"  {words['outcome'].format(number=appeal['number'])}: {outcome}"
    if facts.get("effect") == "left_wave":
        yield f"  {words['left'].format(wave=wave)}."


def _decision(decision: Json, language: str) -> Iterator[str]:
    words, told = WORDS[language], decision["decision"]
    yield f"{_moment(decision['decided_at'], language)}: {told['sentence'][language]}"
    for reason in decision["reasons"]:
        yield f"  {words['why']}: {reason['sentence'][language]} {reason['next_step'][language]}"
    if not decision["reasons"]:
        yield f"  {words['next']}: {told['next_step'][language]}"
    count = len(decision["people"])
    yield f"  {words['people'].format(count=count) if count else words['machine']}."
    if decision["rule_set"]:
        yield f"  {words['rules']}: {decision['rule_set']}."
    asked = {
        ASKED[language].get(each["layer"], each["source"]): each["list_version"]
        for each in decision["lists"]
        if each["list_version"]
    }
    if asked:
        yield f"  {words['asked']}:"
    for who, version in asked.items():
        yield f"    {who} ({words['versions'].format(version=version)})"
    yield f"  {words['wrong']}: {decision['fault']}." if decision["fault"] else f"  {words['right']}."
    day = decision["anchored_on"]
    locked = (
        words["anchored"].format(day=day_told(date.fromisoformat(day), language)) if day else words["waiting"]
    )
    yield f"  {locked}."


def _moment(moment: str, language: str) -> str:
    at = datetime.fromisoformat(moment).astimezone(JAKARTA)
    return f"{day_told(at.date(), language)}, {WORDS[language]['at']} {at:%H.%M} WIB"


def day_told(day: date, language: str) -> str:
    """Return a day in words: 5 November 2026."""
    return f"{day.day} {MONTHS[language][day.month - 1]} {day.year}"
