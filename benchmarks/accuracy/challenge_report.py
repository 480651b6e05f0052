"""Measures what the active challenge lets pass and what it catches: `make report-challenge`.

    python -m benchmarks.accuracy.challenge_report [--faces FOLDER] [--pack NAME] [--sample N] [--write]

Without a folder of people (one folder of photographs each) the few people in installed packages sit. Limits are set
on every other person (`--write`) and everything is reported on the people between them. One point missing is enough
for NOT_SHOWN, so "caught" counts sequences that are not PASSED; beside it stands how many the point in question named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.challenge_trials import REAL_TURN_DEG, Trial, play, real_pairs, sitters
from benchmarks.accuracy.degradations import Pixels
from benchmarks.accuracy.operating_points import point_path
from benchmarks.accuracy.people import halves, photographs, read_picture
from benchmarks.goals import Goal, finish, goal
from gelombang.domain.challenge import (
    AXES,
    SEQUENCES,
    ChallengeLimits,
    ChallengeOutcome,
    ChallengePoint,
    Pose,
    judge_challenge,
)
from local.faces import bundled_subjects
from workers.gpu_face.models import Pack, load_pack

SEED = 20261121
LEAST_TURN_DEG = 10.0
FLAT_QUANTILE, DEPTH_QUANTILE, COPY_QUANTILE, OWN_QUANTILE = 0.99, 0.05, 0.02, 0.02
WANTED = {  # by kind of trial: the point that ought to name it, the least share that ought not to pass
    "flat print": (ChallengePoint.FLAT, 0.99),
    "bent print": (ChallengePoint.FLAT, 0.95),
    "another order": (ChallengePoint.POSES_DIFFER, 0.99),
    "repeated": (ChallengePoint.FRAME_REPEATED, 0.99),
    "other person": (ChallengePoint.OTHER_PERSON, 0.99),
    "other's selfie": (ChallengePoint.OTHER_PERSON, 0.99),
}
GENUINE_MIN = 0.95
console = Console(width=None if Console().is_terminal else 120, highlight=False)


def run(
    *,
    faces: Annotated[Path | None, typer.Option(help="Folder of people, one folder each.")] = None,
    pack: Annotated[str, typer.Option(help="The pack to measure.", envvar="GELOMBANG_PACK")] = "default",
    sample: Annotated[int, typer.Option(help="How many people sit, of each half.")] = 40,
    write: Annotated[bool, typer.Option(help="Set the limits anew and write them.")] = False,
) -> None:
    """Measure, print, and end with the goals."""
    loaded = load_pack(pack, threads=1)
    setting, reported = people(faces)
    path = point_path(loaded.release)
    if write:
        with console.status("setting the limits on the other half"):
            trials = list(play(loaded, sitters(loaded, setting, sample), SEED))
        _write(path, trials, f"benchmarks.accuracy.challenge_report --pack {pack}")
    limits = ChallengeLimits(**json.loads(path.read_text("utf-8"))["challenge"])
    with console.status("playing challenges"):
        sat = sitters(loaded, reported, sample)
        goals = report(list(play(loaded, sat, SEED + 1)), limits)
        _report_pairs(loaded, reported[: 4 * sample], limits)
    console.print(f"limits of {loaded.release}: {limits}")
    finish(f"challenge-{pack}", goals)


def _write(path: Path, trials: Sequence[Trial], command: str) -> None:
    stored = json.loads(path.read_text("utf-8"))
    said = f"{command}, {datetime.now(UTC):%Y-%m-%d}"
    limits = limits_from(trials, said)
    path.write_text(json.dumps(stored | {"challenge": asdict(limits)}, indent=2) + "\n", "utf-8")


def people(folder: Path | None) -> tuple[list[list[Pixels]], list[list[Pixels]]]:
    """Return the photographs of each person, (height, width, 3) BGR: those limits are set on, and those reported."""
    if folder is None:
        bundled = [[np.ascontiguousarray(np.asarray(each.selfie)[..., ::-1])] for each in bundled_subjects(8)]
        return bundled[0::2], bundled[1::2]
    setting, reported = (_by_person(half) for half in halves(photographs(folder)))
    return setting, reported


def limits_from(trials: Sequence[Trial], said: str) -> ChallengeLimits:
    """Return limits: turns that hardly a flat print seems to make; else half way between due and undue."""
    flat = [trial for trial in trials if trial.kind == "flat print"]
    own = [trial for trial in trials if trial.kind == "as asked"]
    others = [trial for trial in trials if trial.kind == "other's selfie"]
    changes = {"yaw_deg": [0.0], "pitch_deg": [0.0]}
    for trial in flat:
        for pose, change in _changes(trial):
            changes[AXES[pose][0]].append(abs(change))
    flat_depths, own_depths = _depths(flat), _depths(own)
    copies = [
        frame.sameness
        for trial in trials
        if trial.kind == "repeated"
        for frame in trial.evidence.frames[-1:]
        if frame.sameness is not None
    ]
    alike = [
        frame.sameness for trial in own for frame in trial.evidence.frames[1:] if frame.sameness is not None
    ]
    return ChallengeLimits(
        turn_min_deg=_beyond(changes["yaw_deg"]),
        nod_min_deg=_beyond(changes["pitch_deg"]),
        parallax_min=round(
            float(np.quantile(flat_depths, 1 - DEPTH_QUANTILE) + np.quantile(own_depths, DEPTH_QUANTILE)) / 2,
            4,
        ),
        similarity_min=round(
            float(np.quantile(_least(own), OWN_QUANTILE) + np.quantile(_least(others), 1 - OWN_QUANTILE)) / 2,
            4,
        ),
        sameness_max=round(float(np.quantile(copies, COPY_QUANTILE) + max(alike)) / 2, 3),
        set_by=f"{said}: {len(own)} people of the half that is not reported",
    )


def _depths(trials: Sequence[Trial]) -> list[float]:
    frames = [frame for trial in trials for frame in trial.evidence.frames[1:]]
    return [frame.parallax for frame in frames if frame.parallax is not None]


def _least(trials: Sequence[Trial]) -> list[float]:
    """Return the least similarity in each sequence."""
    seen = [[f.similarity for f in trial.evidence.frames if f.similarity is not None] for trial in trials]
    return [min(each) for each in seen if each]


def _beyond(changes_deg: Sequence[float]) -> float:
    """Return more degrees than nearly any flat print seems to turn, and never fewer than a person would call a turn."""
    return max(LEAST_TURN_DEG, round(float(np.quantile(changes_deg, FLAT_QUANTILE)) + 1, 1))


def report(trials: Sequence[Trial], limits: ChallengeLimits) -> list[Goal]:
    """Print what each kind of trial came to and return the goals."""
    own = [trial for trial in trials if trial.kind == "as asked"]
    passed = sum(_points(trial, limits) == set() for trial in own)
    rows = [("as asked", passed, len(own), None, GENUINE_MIN)]
    for kind, (point, least) in WANTED.items():
        found = (
            [
                _points(trial, limits, poses)
                for trial in own
                for poses in SEQUENCES
                if poses not in (trial.poses, _mirrored(trial.poses))
            ]
            if kind == "another order"
            else [_points(trial, limits) for trial in trials if trial.kind == kind]
        )
        rows.append(
            (kind, sum(bool(points) for points in found), len(found), sum(point in p for p in found), least)
        )
    table = Table("sequence", "passed or caught", "by its own point", title="Challenges")
    for kind, count, total, named, _ in rows:
        table.add_row(kind, f"{count} of {total}", "" if named is None else f"{named} of {total}")
    console.print(table)
    missing = sorted(point for trial in own for point in _points(trial, limits))
    console.print(f"not shown by people who did as asked: {', '.join(missing) or 'nothing'}")
    return [
        goal(
            f"{'passed' if named is None else 'caught'} {kind}",
            f"{count / total:.1%}",
            f">= {least:.0%}",
            count / total >= least,
        )
        for kind, count, total, named, least in rows
    ]


def _report_pairs(pack: Pack, photos: Sequence[Sequence[Pixels]], limits: ChallengeLimits) -> None:
    pairs = real_pairs(pack, photos)
    if pairs:
        deep = sum(depth >= limits.parallax_min for depth, _ in pairs)
        alike = sum(similarity >= limits.similarity_min for _, similarity in pairs)
        console.print(
            f"real photographs of one person, turned by {REAL_TURN_DEG:.0f} degrees or more against each other: "
            f"parallax enough in {deep} of {len(pairs)}, similar enough in {alike} of {len(pairs)}"
        )


def _points(
    trial: Trial, limits: ChallengeLimits, poses: tuple[Pose, ...] | None = None
) -> set[ChallengePoint]:
    verdict = judge_challenge(poses or trial.poses, trial.evidence, limits)
    if verdict.outcome is ChallengeOutcome.NOT_ASSESSED:
        raise ValueError("a trial is always assessed")
    return set(verdict.points)


def _changes(trial: Trial) -> list[tuple[Pose, float]]:
    """Return how far each measured frame turned along the axis its pose asks for, degrees."""
    first, *others = trial.evidence.frames
    return [
        (pose, frame.photo.measures[AXES[pose][0]] - first.photo.measures[AXES[pose][0]])
        for pose, frame in zip(trial.poses[1:], others, strict=True)
        if frame.parallax is not None
    ]


def _mirrored(poses: tuple[Pose, ...]) -> tuple[Pose, ...]:
    swapped = {Pose.LEFT: Pose.RIGHT, Pose.RIGHT: Pose.LEFT}
    return tuple(swapped.get(pose, pose) for pose in poses)


def _by_person(photos: Sequence[tuple[str, Path]]) -> list[list[Pixels]]:
    found: dict[str, list[Pixels]] = {}
    for person, path in photos:
        found.setdefault(person, []).append(read_picture(path))
    return list(found.values())


if __name__ == "__main__":
    cv2.setNumThreads(1)
    typer.run(run)
