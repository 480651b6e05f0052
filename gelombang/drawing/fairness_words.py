"""The audit of a draw in words: a plain text in Indonesian or English, and one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Literal

import rfc8785

from gelombang.drawing.fairness import FAMILY_WISE_RATE, FairnessReport, Finding, Measure, Verdict
from gelombang.drawing.fairness_sums import REST

Language = Literal["id", "en"]
LANGUAGES: tuple[Language, ...] = ("id", "en")
FORMAT = "gelombang-fairness-1"
SMALLEST_P = 1e-300
DIGITS = 6  # that are told of a figure: the last ones differ between machines

ABOUT = {
    "ticket": {"id": "tiket", "en": "ticket"},
    "person": {"id": "orang", "en": "person"},
    "household": {
        "id": "jumlah peserta dalam KK yang mendekati batas",
        "en": "entries of a household near its limit",
    },
    "arrival": {"id": "waktu bergabung", "en": "time of joining"},
    "arrival_day": {"id": "hari bergabung", "en": "day of joining"},
    "arrival_hour": {"id": "jam bergabung", "en": "hour of joining"},
    "id_order": {"id": "urutan nomor peserta", "en": "order of the entry numbers"},
    "attempts": {"id": "jumlah gelombang yang pernah diikuti", "en": "number of waves entered"},
    "mail": {"id": "jenis alamat surel", "en": "kind of e-mail address"},
    "nik_province": {"id": "provinsi pada awal NIK", "en": "province at the start of the NIK"},
    "region": {"id": "kabupaten/kota", "en": "region"},
}
TITLES = {
    Measure.PLACE: {"id": "Urutan undian menurut {about}", "en": "Place in the order, by {about}"},
    Measure.SEATS: {"id": "Kursi menurut {about}", "en": "Seats, by {about}"},
    Measure.TREND: {"id": "Urutan undian sepanjang {about}", "en": "Place in the order, along the {about}"},
    Measure.SPREAD: {"id": "Sebaran tiket", "en": "Spread of the tickets"},
    Measure.EQUAL: {"id": "Tiket yang sama", "en": "Equal tickets"},
    Measure.EXTRA: {
        "id": "Lebih dari satu peserta untuk satu orang",
        "en": "More than one entry of a person",
    },
    Measure.TOGETHER: {
        "id": "Anggota satu KK berdekatan dalam urutan",
        "en": "Members of a household near each other",
    },
}
EFFECTS = {
    Measure.PLACE: {
        "id": "Kelompok yang paling berbeda ({group}) rata-rata {percent} % dari panjang urutan lebih dekat ke {end} "
        "daripada yang seharusnya.",
        "en": "The group that differs most ({group}) is on average {percent} % of the order nearer "
        "to the {end} than due.",
    },
    Measure.SEATS: {
        "id": "Kelompok yang paling berbeda ({group}) mendapat kursi {percent} % lebih {more} daripada yang "
        "seharusnya.",
        "en": "The group that differs most ({group}) has {percent} % {more} seats than due.",
    },
    Measure.TREND: {
        "id": "Dari yang pertama sampai yang terakhir, tempat bergeser {percent} % dari panjang urutan ke arah {end}.",
        "en": "From the first to the last, the place moves by {percent} % of the order towards the {end}.",
    },
    Measure.SPREAD: {
        "id": "Tiket menyimpang paling banyak {percent} % dari sebaran yang merata.",
        "en": "The tickets stray by at most {percent} % from an even spread.",
    },
    Measure.EQUAL: {
        "id": "{count} tiket sama dengan tiket lain.",
        "en": "Tickets equal to another: {count}.",
    },
    Measure.EXTRA: {
        "id": "{count} peserta adalah tambahan dari orang yang sudah terdaftar.",
        "en": "Entries beyond a person's first: {count}.",
    },
    Measure.TOGETHER: {
        "id": "Keterkaitan tempat anggota satu KK: {percent} % (0 % bila tidak ada, 100 % bila selalu bersama).",
        "en": "The places of a household's members go together by {percent} % (0 % not at all, 100 % always).",
    },
}
ENDS = {"id": ("awal", "akhir"), "en": ("front", "back")}
MORE = {"id": ("sedikit", "banyak"), "en": ("fewer", "more")}
REST_WORD = {"id": "kelompok kecil digabung", "en": "small groups together"}
VERDICTS = {
    Verdict.NO_SIGN: {"id": "Tidak ada tanda ketidakadilan.", "en": "No sign of unfairness."},
    Verdict.SIGN: {
        "id": "ADA TANDA KETIDAKADILAN. Perlu diperiksa.",
        "en": "THERE IS A SIGN OF UNFAIRNESS. It needs to be looked into.",
    },
    Verdict.TOO_FEW: {
        "id": "Peserta terlalu sedikit untuk diperiksa.",
        "en": "There are too few entries to examine.",
    },
}
OPENING = {
    "id": "Apakah undian ini adil? {verdict}\n{entries} peserta, {seats} kursi, {regions} kabupaten/kota.",
    "en": "Was this draw fair? {verdict}\n{entries} entries, {seats} seats, {regions} regions.",
}
RATE = {
    "id": "{tests} uji bersama-sama: undian yang adil memicu tanda palsu paling sering pada {rate} dari 1.000 undian "
    "(koreksi Holm).",
    "en": "{tests} tests together: a fair draw sets off a false sign in at most {rate} of 1,000 draws "
    "(Holm's correction).",
}
P_VALUE = {"id": "p {p}, terkoreksi {corrected}", "en": "p {p}, corrected {corrected}"}
NOT_EXAMINED = {
    "id": "Tidak diperiksa, karena datanya tidak ada atau semua sama:",
    "en": "Not examined, because nothing is known of it or all are alike:",
}
MEANING = {
    "id": "Tanda berarti kebetulan hampir tidak dapat menjelaskannya; tanda bukan bukti kecurangan. Tanpa tanda juga "
    "bukan bukti keadilan: kesalahan yang kecil tidak terlihat.",
    "en": "A sign means that chance hardly explains it, and is no proof of fraud. No sign is no proof of fairness "
    "either: a small fault is not seen.",
}


def title_of(about: str, measure: Measure, language: Language) -> str:
    """Return what a test looks at."""
    return TITLES[measure][language].format(about=ABOUT[about][language])


def effect_words(finding: Finding, language: Language) -> str:
    """Return the size of the effect in plain words."""
    is_up = finding.effect > 0
    signed = finding.measure is Measure.TOGETHER
    share = finding.effect if signed else abs(finding.effect)
    return EFFECTS[finding.measure][language].format(
        group=group_word(finding.stands_out, language),
        percent=_number(f"{100 * share:.2f}", language),
        count=f"{finding.effect:.0f}",
        end=ENDS[language][is_up],
        more=MORE[language][is_up],
    )


def group_word(label: str, language: Language) -> str:
    """Return a category's label for people."""
    return REST_WORD[language] if label == REST else label


def p_words(p: float) -> str:
    """Return a p-value with its sign; what is too small for a float, or ruled out by the rules, as that."""
    return f"= {p:.2g}" if p >= SMALLEST_P else f"< {SMALLEST_P:g}"


def report_text(report: FairnessReport, language: Language) -> str:
    """Return the report as plain text, the tests that chance explains worst first."""
    return "\n".join(_lines(report, language)) + "\n"


def report_json(report: FairnessReport) -> bytes:
    """Return the report as canonical JSON (RFC 8785), figures to `DIGITS` digits."""
    findings = [
        {
            **asdict(finding),
            "name": finding.name,
            "verdict": finding.verdict,
            "title": {each: title_of(finding.about, finding.measure, each) for each in LANGUAGES},
            "effect_words": {each: effect_words(finding, each) for each in LANGUAGES},
        }
        for finding in report.findings
    ]
    document = {
        "format": FORMAT,
        "family_wise_rate": FAMILY_WISE_RATE,
        "entries": report.entries,
        "seats": report.seats,
        "regions": report.regions,
        "verdict": report.verdict,
        "verdict_words": VERDICTS[report.verdict],
        "findings": findings,
        "not_examined": report.not_examined,
    }
    return rfc8785.dumps(_rounded(document))  # type: ignore[arg-type]  # its type is a closed union of what JSON can hold


def _lines(report: FairnessReport, language: Language) -> Iterator[str]:
    counts = {"entries": report.entries, "seats": report.seats, "regions": report.regions}
    yield OPENING[language].format(verdict=VERDICTS[report.verdict][language], **counts)
    if report.findings:
        rate = _number(f"{1000 * FAMILY_WISE_RATE:g}", language)
        yield RATE[language].format(tests=len(report.findings), rate=rate)
        yield ""
    for finding in sorted(report.findings, key=lambda each: (each.corrected_p, each.p)):
        p, corrected = (_number(p_words(value), language) for value in (finding.p, finding.corrected_p))
        yield f"- {title_of(finding.about, finding.measure, language)}: {VERDICTS[finding.verdict][language]}"
        yield f"  {effect_words(finding, language)} {P_VALUE[language].format(p=p, corrected=corrected)}"
    if report.not_examined:
        yield ""
        yield NOT_EXAMINED[language]
        for name in report.not_examined:
            about, _, measure = name.partition(".")
            yield f"- {title_of(about, Measure(measure), language)}"
    yield ""
    yield MEANING[language]


def _number(text: str, language: Language) -> str:
    return text.replace(".", ",") if language == "id" else text


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {str(key): _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return str(value) if isinstance(value, str) else value
