"""Charts of a draw's audit, one SVG a category: what chance gives, the band around it, and what came out.

Each is readable without colour (points outside the band are crosses) and without sight: its title and a description
with every figure are in the file, where screen readers look for them.
"""

from __future__ import annotations

import io
from pathlib import Path
from xml.sax.saxutils import escape

from gelombang.drawing.fairness import BAND, FairnessReport, Finding, Group, Measure
from gelombang.drawing.fairness_words import Language, effect_words, group_word, title_of

SIZE_INCHES = (8.0, 4.0)
LABELS_AT_MOST = 40  # more would lie upon each other
AXIS = {
    Measure.PLACE: {"id": "tempat rata-rata (0 = awal, 1 = akhir)", "en": "mean place (0 = front, 1 = back)"},
    Measure.SEATS: {"id": "bagian yang mendapat kursi (%)", "en": "share with a seat (%)"},
}
INSIDE = {"id": "dalam rentang", "en": "inside the band"}
OUTSIDE = {"id": "di luar rentang", "en": "outside the band"}
DUE = {"id": "yang seharusnya", "en": "due"}
BAND_WORDS = {"id": "rentang {percent} % bila kebetulan", "en": "{percent} % band of chance"}
BY_CHANCE = {
    "id": "Secara kebetulan kira-kira satu dari {one_of} titik berada di luar rentangnya. {count} dari {all} di luar.",
    "en": "By chance about one point in {one_of} is outside its band. {count} of {all} are outside.",
}
POINT = {
    "id": "{label}: {value} (seharusnya {expected} ± {band}, {entries} peserta)",
    "en": "{label}: {value} (due {expected} ± {band}, {entries} entries)",
}


class ChartError(Exception):
    """The chart cannot be drawn; the argument says what to install."""


def draw_charts(report: FairnessReport, folder: Path, language: Language) -> tuple[Path, ...]:
    """Write a chart of each test by category and return the files, named by the test.

    Raises:
        ChartError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for finding in report.findings:
        if finding.groups:
            path = folder / f"{finding.name}.{language}.svg"
            path.write_text(chart(finding, language), "utf-8")
            paths.append(path)
    return tuple(paths)


def text_alternative(finding: Finding, language: Language) -> str:
    """Return in words what the chart shows, every point of it."""
    scale = _scale(finding.measure)
    outside = sum(map(_is_outside, finding.groups))
    said = BY_CHANCE[language].format(one_of=round(1 / (1 - BAND)), count=outside, all=len(finding.groups))
    points = "; ".join(
        POINT[language].format(
            label=group_word(group.label, language),
            value=f"{scale * group.value:.4g}",
            expected=f"{scale * group.expected:.4g}",
            band=f"{scale * group.band:.2g}",
            entries=group.entries,
        )
        for group in finding.groups
    )
    return f"{effect_words(finding, language)} {said} {AXIS[finding.measure][language]}. {points}."


def chart(finding: Finding, language: Language) -> str:
    """Return the chart of a test by category as SVG.

    Raises:
        ChartError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context  # noqa: PLC0415 - heavy, and only charts need it
        from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ChartError("no chart: install matplotlib with pip install 'gelombang[bench]'") from error
    title = title_of(finding.about, finding.measure, language)
    scale, at = _scale(finding.measure), range(len(finding.groups))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": finding.name}):
        figure = Figure(SIZE_INCHES, layout="constrained")
        axes = figure.subplots()
        due = [scale * group.expected for group in finding.groups]
        bands = [scale * group.band for group in finding.groups]
        words = BAND_WORDS[language].format(percent=round(100 * BAND))
        axes.errorbar(at, due, bands, fmt="none", ecolor="0.8", elinewidth=6, label=words)
        axes.plot(at, due, "_", color="0.3", label=DUE[language])
        for is_out, mark, label in ((False, "o", INSIDE[language]), (True, "X", OUTSIDE[language])):
            shown = [i for i in at if _is_outside(finding.groups[i]) is is_out]
            values = [scale * finding.groups[i].value for i in shown]
            axes.plot(shown, values, mark, color="#b00020" if is_out else "#00457c", label=label)
        step = -(-len(finding.groups) // LABELS_AT_MOST)
        shown_labels = [group_word(group.label, language) for group in finding.groups][::step]
        axes.set_xticks(at[::step], shown_labels, rotation=90 if len(shown_labels) > len("0123456789") else 0)
        axes.set(title=title, ylabel=AXIS[finding.measure][language])
        figure.legend(loc="outside lower center", ncols=4)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return _described(written.getvalue(), title, text_alternative(finding, language), finding.name, language)


def _described(svg: str, title: str, description: str, name: str, language: Language) -> str:
    """Return the picture with a name and a description, as SVG 2 and WAI-ARIA want them: first in the root.

    Their ids begin with the test's name, so that several charts can stand in one page.
    """
    start = svg.index("<svg")
    end = svg.index(">", start)
    words = f'<title id="{name}.title">{escape(title)}</title>\n<desc id="{name}.desc">{escape(description)}</desc>'
    of_root = f'role="img" lang="{language}" aria-labelledby="{name}.title" aria-describedby="{name}.desc"'
    named = f" {of_root}>\n{words}"
    return svg[:end] + named + svg[end + 1 :]


def _is_outside(group: Group) -> bool:
    return abs(group.value - group.expected) > group.band


def _scale(measure: Measure) -> int:
    return 100 if measure is Measure.SEATS else 1
