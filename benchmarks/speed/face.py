"""Measures this worker's face pipeline against insightface's own, on the same pictures with the same weights.

    python -m benchmarks.speed.face [--insightface FOLDER] [--faces FOLDER] [--rounds 3] [--count 120] [--most 1000] …

(a) `insightface.app.FaceAnalysis`, one picture at a time, detection and recognition only; (b) the same work through
this worker's stages, and for information the whole evidence of a selfie and a card; (c) each graph alone at its best
batch. At one and at two cores, in turn, each in its own process; medians of the rounds. Weights come from a folder in
InsightFace's layout; without one only (b) and (c) are measured, on the default pack. Then the error rates of (a) and
(b), the growth of cost with count, and onnxruntime's settings. About four minutes, two more with a folder of people.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.goals import REPORTS, Goal, finish, goal
from benchmarks.speed.chart import ChartError, draw_rates
from benchmarks.speed.pictures import folder_pictures, made_pictures, write_pictures

WEIGHTS = Path(__file__).resolve().parents[2].parent / "shared" / "models"
DEFAULT_FILES = ("research_only/scrfd_500m_bnkps.onnx", "permissive/mobilefacenet_foamliu_ifcompat.onnx")
DISTINCT = 32  # pictures, over and over
RATIO, SHARE, GROWTH, FNMR_SLACK = 3.0, 0.90, 1.10, 0.005
FMR = 1e-3
REPEATS = {100: 9, 1000: 3, 10_000: 1}  # of runs of so many pictures
SETTINGS_SLACK = 1.05  # what binding values saves, for instance, is within the noise
CHANGES = {
    "median_cosine": "median cosine {:.4f}",
    "least_cosine": "least {:.4f}",
    "lost_share": "{:.1%} lost",
    "median_moved_share": "points moved {:.2%} of the eyes' distance",
}
LEAST_COSINE, MOST_MOVED = (
    0.999,
    0.005,
)  # beyond them a setting changes results, and is not chosen for its speed
NAMES = {
    "peer": "(a) insightface, one at a time",
    "ours": "(b) this worker, same work",
    "evidence": "whole evidence",
}
console = Console(width=None if Console().is_terminal else 140, highlight=False)


@dataclass(frozen=True, slots=True)
class Weights:
    """What is run: a pack's name, the folder it lies in when that is one in InsightFace's layout, and on what."""

    pack: str
    folder: Path | None
    pictures: Path


def main(
    *,
    insightface: Annotated[Path | None, typer.Option(help="A folder in InsightFace's layout.")] = None,
    faces: Annotated[Path | None, typer.Option(help="A folder of people, to compare error rates on.")] = None,
    rounds: Annotated[int, typer.Option(help="Of each contestant, in turn.", min=1)] = 3,
    count: Annotated[int, typer.Option(help="Pictures a round.", min=20)] = 120,
    most: Annotated[int, typer.Option(help="Pictures of the longest run.", min=100)] = 1000,
    sample: Annotated[int, typer.Option(help="Photographs of the folder, at most.", min=50)] = 1000,
) -> None:
    """Print the figures, end with the goals, and write both under build/reports."""
    with TemporaryDirectory() as made, TemporaryDirectory() as people:
        write_pictures(made_pictures(DISTINCT), Path(made))
        write_pictures(folder_pictures(faces, sample) if faces else made_pictures(DISTINCT), Path(people))
        _compare(_weights(insightface, Path(made)), Path(people), rounds, count, most)


def _compare(weights: Weights, people: Path, rounds: int, count: int, most: int) -> None:
    all_cores = [cores for cores in (1, 2) if cores <= len(os.sched_getaffinity(0))]
    results = {cores: _rounds(weights, cores, rounds, count) for cores in all_cores}
    stages = _run(weights, contestant="ours", cores=1, count=count, serial=True)["stage_ms"]
    _print_rates(results)
    _print_stages(stages, results[1]["floor"])
    growth = _growth(weights, all_cores[-1], most)
    goals = [*_speed_goals(results), growth, *_error_goals(replace(weights, pictures=people))]
    goals.append(_compare_settings(replace(weights, pictures=people)))
    _draw(results)
    console.print("GPU: not measured here (this benchmark runs on CPU cores).")
    (REPORTS / "bench-face-figures.json").parent.mkdir(parents=True, exist_ok=True)
    (REPORTS / "bench-face-figures.json").write_text(
        json.dumps({"cores": results, "stage_ms": stages}, indent=2)
    )
    finish("bench-face", goals)


def _weights(folder: Path | None, pictures: Path) -> Weights:
    if folder is None and all((WEIGHTS / name).exists() for name in DEFAULT_FILES):
        folder = REPORTS.parent / "insightface-layout"
        folder.mkdir(parents=True, exist_ok=True)
        for name in DEFAULT_FILES:
            link = folder / Path(name).name
            link.unlink(missing_ok=True)
            link.symlink_to(WEIGHTS / name)
    if folder is None:
        console.print(
            "[bold]No weights in InsightFace's layout[/bold] (INSIGHTFACE=folder): (a) is left out, and "
            "(b) and (c) run the default pack."
        )
        return Weights("default", None, pictures)
    console.print(
        f"Weights: {', '.join(sorted(path.name for path in folder.glob('*.onnx')))}", soft_wrap=True
    )
    return Weights("insightface", folder, pictures)


def _rounds(weights: Weights, cores: int, rounds: int, count: int) -> dict[str, Any]:
    """Return the medians of every contestant at so many cores; they take turns, so that all meet the same weather."""
    contestants = ["ours", "evidence", *(["peer"] if weights.folder else [])]
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in (*contestants, "floor")}
    for number in range(rounds):
        for name in (*contestants, "floor"):
            console.print(f"round {number + 1} of {rounds}, {cores} core(s): {name} …", style="dim")
            few = max(count // 4, 10) if name == "evidence" else count
            seen[name].append(_run(weights, contestant=name, cores=cores, count=few))
    medians: dict[str, Any] = {
        name: {
            "per_s": statistics.median(each["per_s"] for each in seen[name])
            * seen[name][0].get("photographs_per_request", 1),
            "cpu_ms": statistics.median(each["cpu_ms"] for each in seen[name])
            / seen[name][0].get("photographs_per_request", 1),
            "peak_mib": max(each["peak_mib"] for each in seen[name]),
            "rounds": [round(each["per_s"], 1) for each in seen[name]],
        }
        for name in contestants
    }
    graphs = seen["floor"][0]["graphs"]
    medians["floor"] = {
        graph: {
            "per_s": statistics.median(each["graphs"][graph]["per_s"] for each in seen["floor"]),
            "batch": graphs[graph]["batch"],
            "cpu_ms": statistics.median(each["graphs"][graph]["cpu_ms"] for each in seen["floor"]),
        }
        for graph in graphs
    }
    return medians


def _run(
    weights: Weights,
    module: str = "benchmarks.speed.contestants",
    **spec: Any,  # noqa: ANN401 - what JSON can hold
) -> dict[str, Any]:
    """Return what a contestant gave, in a process of its own."""
    wanted = spec | {"pack": weights.pack, "folder": str(weights.folder), "pictures": str(weights.pictures)}
    source = {"GELOMBANG_PACK_FILES": str(weights.folder)} if weights.folder else {}
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(wanted)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | source,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _floor_per_s(floor: Mapping[str, Any], *, exported: bool = False) -> float:
    """Return pictures a second if there were nothing but the graphs."""
    return 1 / sum(1 / float(floor[graph]["per_s"]) for graph in _graphs_run(floor, exported))


def _floor_cpu_ms(floor: Mapping[str, Any], *, exported: bool = False) -> float:
    """Return the processor's milliseconds a picture if there were nothing but the graphs."""
    return sum(float(floor[graph]["cpu_ms"]) for graph in _graphs_run(floor, exported))


def _graphs_run(floor: Mapping[str, Any], exported: bool) -> list[str]:
    detector = "detector as exported" if exported and "detector as exported" in floor else "detector"
    return [detector, "embedder", *(["mesh"] if "mesh" in floor else [])]


def _print_rates(results: Mapping[int, Mapping[str, Any]]) -> None:
    table = Table("cores", "what", "photographs/s", "ratio to (a)", "share of (c)", "CPU ms each", "peak MiB")
    for cores, result in results.items():
        floor = _floor_per_s(result["floor"])
        for name, words in NAMES.items():
            if name in result:
                rate = result[name]["per_s"]
                ratio = f"{rate / result['peer']['per_s']:.2f}" if "peer" in result else "not measured"
                share = f"{rate / floor:.2f}" if name != "evidence" else ""
                cost = f"{result[name]['cpu_ms']:.1f}"
                row = (f"{rate:.1f}", ratio, share, cost, f"{result[name]['peak_mib']:.0f}")
                table.add_row(str(cores), words, *row)
        graphs_ms = f"{_floor_cpu_ms(result['floor']):.1f}"
        table.add_row(str(cores), "(c) graphs alone, shapes of (b)", f"{floor:.1f}", "", "1.00", graphs_ms)
        if "detector as exported" in result["floor"]:
            exported = _floor_per_s(result["floor"], exported=True)
            table.add_row(
                str(cores),
                "(c) graphs alone, shapes of (a)",
                f"{exported:.1f}",
                "",
                f"{exported / floor:.2f}",
                f"{_floor_cpu_ms(result['floor'], exported=True):.1f}",
            )
    console.print(table)


def _print_stages(stages: Mapping[str, float], floor: Mapping[str, Any]) -> None:
    table = Table("stage of (b), one thread", "ms a picture", "of it the graph")
    graphs = {"detect": "detector", "mesh": "mesh", "embed": "embedder"}
    for stage, stage_ms in stages.items():
        graph = graphs.get(stage)
        table.add_row(stage, f"{stage_ms:.2f}", f"{1000 / floor[graph]['per_s']:.2f}" if graph else "")
    console.print(table)


def _growth(weights: Weights, cores: int, most: int) -> Goal:
    """Return whether a picture costs the same in a long run as in a short one; short runs are repeated, in turns."""
    counts = [count for count in REPEATS if count <= most]
    runs = sorted((turn / REPEATS[count], count) for count in counts for turn in range(REPEATS[count]))
    seen: dict[int, list[dict[str, Any]]] = {count: [] for count in counts}
    for _, count in runs:
        console.print(f"growth, {count:,} pictures …", style="dim")
        seen[count].append(_run(weights, contestant="ours", cores=cores, count=count))
    costs_ms = {count: statistics.median(1000 / each["per_s"] for each in seen[count]) for count in counts}
    cpu_ms = {count: statistics.median(each["cpu_ms"] for each in seen[count]) for count in counts}
    for count, cost_ms in costs_ms.items():
        times = f"median of {len(seen[count])} runs"
        console.print(
            f"{count:,} pictures: {cost_ms:.2f} ms each, {cpu_ms[count]:.2f} of a processor ({times})"
        )
    growth = costs_ms[counts[-1]] / costs_ms[counts[0]]
    wanted = f"≤ {GROWTH:.2f} from {counts[0]} to {counts[-1]:,}"
    return goal("face cost growth", f"{growth:.2f}", wanted, growth <= GROWTH)


def _speed_goals(results: Mapping[int, Mapping[str, Any]]) -> list[Goal]:
    cores = max(results)
    result = results[cores]
    share = result["ours"]["per_s"] / _floor_per_s(result["floor"])
    goals = [
        goal(f"face share of the graphs, {cores} core(s)", f"{share:.2f}", f"≥ {SHARE:.2f}", share >= SHARE)
    ]
    if "peer" in result:
        ratio = result["ours"]["per_s"] / result["peer"]["per_s"]
        name = f"face ratio to insightface, {cores} core(s)"
        goals.insert(0, goal(name, f"{ratio:.2f}", f"≥ {RATIO:.1f}", ratio >= RATIO))
    return goals


def _error_goals(weights: Weights) -> list[Goal]:
    """Return whether (b) decides pairs as well as (a), on the same pictures with the same weights."""
    if weights.folder is None:
        return []
    spec = {"cores": len(os.sched_getaffinity(0)), "count": 1, "embeddings": True}
    peer, ours = (_run(weights, contestant=name, **spec) for name in ("peer", "ours"))
    people = np.array(peer["people"])
    vectors = [_vectors(each["embeddings"]) for each in (peer, ours)]
    both = ~(np.isnan(vectors[0]).any(axis=1) | np.isnan(vectors[1]).any(axis=1))
    cosines = (vectors[0][both] * vectors[1][both]).sum(axis=1)
    console.print(
        f"{len(people)} pictures of {len(set(people))} people; cosine between (a)'s and (b)'s embedding: median "
        f"{np.median(cosines):.4f}, lowest hundredth {np.percentile(cosines, 1):.4f}"
    )
    rates = [_fnmr_and_auc(each, people) for each in vectors]
    for words, each, (fnmr, auc) in zip(("(a)", "(b)"), vectors, rates, strict=True):
        missed = int(np.isnan(each).any(axis=1).sum())
        console.print(f"{words}: no face in {missed}, AUC {auc:.5f}, FNMR {fnmr:.2%} at FMR {FMR:g}")
    moved = rates[1][0] - rates[0][0]
    wanted = f"≤ {FNMR_SLACK * 100:.1f} points above (a)'s"
    return [goal(f"face FNMR at FMR {FMR:g}", f"{moved * 100:+.2f} points", wanted, moved <= FNMR_SLACK)]


def _compare_settings(weights: Weights) -> Goal:
    """Print what onnxruntime's settings cost and change; return whether those in use are the fastest that may be."""
    found = _run(weights, module="benchmarks.speed.runtime_settings")
    has_bfloat16 = found.pop("runs_bfloat16")
    table = Table("onnxruntime on the CPU", "graph", "processor ms", "clock ms", "what it changes")
    totals: dict[str, float] = {}
    for graph, settings in found.items():
        for words, figures in settings.items():
            changes = ", ".join(CHANGES[name].format(figures[name]) for name in CHANGES if name in figures)
            cost = f"{figures['processor_ms']:.2f}", f"{figures['clock_ms']:.2f}"
            table.add_row(words, graph, *cost, changes)
            spent_ms = figures["processor_ms"] if _changes_little(figures) else math.inf
            totals[words] = totals.get(words, 0.0) + spent_ms
    console.print(table)
    console.print(
        f"bfloat16: onnxruntime has {'a' if has_bfloat16 else 'no'} convolution in it on this processor."
    )
    fastest = min(totals, key=totals.__getitem__)
    ratio = next(iter(totals.values())) / totals[fastest]
    name = f"face settings in use over the fastest ({fastest.partition(':')[0]})"
    return goal(name, f"{ratio:.2f}", f"≤ {SETTINGS_SLACK:.2f}", ratio <= SETTINGS_SLACK)


def _changes_little(figures: Mapping[str, float]) -> bool:
    return (
        figures.get("median_cosine", 1.0) >= LEAST_COSINE
        and figures.get("lost_share", 0.0) == 0
        and figures.get("median_moved_share", 0.0) <= MOST_MOVED
    )


def _vectors(embeddings: Sequence[Sequence[float] | None]) -> NDArray[np.float64]:
    """Return the embeddings (N, D), not-a-number where no face was found."""
    size = next(len(each) for each in embeddings if each)
    return np.array([each or [np.nan] * size for each in embeddings])


def _fnmr_and_auc(vectors: NDArray[np.float64], people: NDArray[np.str_]) -> tuple[float, float]:
    """Return FNMR at `FMR` and the area under the curve over all pairs; a picture without a face matches nobody."""
    similarities = np.nan_to_num(vectors @ vectors.T, nan=-1.0)
    rows, columns = np.triu_indices(len(people), 1)
    scores, mated = similarities[rows, columns], people[rows] == people[columns]
    strangers, mates = np.sort(scores[~mated]), scores[mated]
    threshold = strangers[min(int(np.ceil(len(strangers) * (1 - FMR))), len(strangers) - 1)]
    auc = np.searchsorted(strangers, mates).mean() / len(strangers)
    return float((mates <= threshold).mean()), float(auc)


def _draw(results: Mapping[int, Mapping[str, Any]]) -> None:
    rates = {
        cores: {words: result[name]["per_s"] for name, words in NAMES.items() if name in result}
        | {"(c) graphs alone": _floor_per_s(result["floor"])}
        for cores, result in results.items()
    }
    try:
        console.print(f"chart: {draw_rates(rates, REPORTS / 'bench-face.png')}", soft_wrap=True)
    except ChartError as error:
        console.print(str(error))


if __name__ == "__main__":
    typer.run(main)
