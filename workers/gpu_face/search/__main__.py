"""The operator's commands: `python -m workers.gpu_face.search --help`.

They work on a store's folder while no worker has it open. What `wave` writes names applications and likenesses and is
for nobody but auditors; to reviewers it sends names alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress, track

from gelombang.domain.errors import GelombangError
from gelombang.journey.wave_rows import load_wave, read_entries
from gelombang.wiring import ports_from_environment, programme_from_environment
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.search.clusters import Cluster, find_clusters, messages_of
from workers.gpu_face.search.engine import choose_engine
from workers.gpu_face.search.snapshot import open_whole, snapshots_at, take_snapshot
from workers.gpu_face.search.store import Store
from workers.gpu_face.search.wave import Likenesses, WaveProbes, join_wave

app = typer.Typer(help="Work on a gallery's folder.", no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Argument(help="the store's folder")]
Release = Annotated[str, typer.Argument(help="the model release whose faces it holds")]


@app.command()
def names(
    wave_id: Annotated[str, typer.Argument(help="which everybody has joined who is to be searched for")],
    out: Annotated[Path, typer.Argument(help="file to write, for `wave`")],
) -> None:
    """Write the application ids of a wave's entries, one a line."""
    try:
        ports = ports_from_environment()
        load_wave(ports, wave_id)
        found = sorted(entry.application_id for entry in read_entries(ports, wave_id))
    except (ValueError, GelombangError) as error:
        typer.echo(f"not done: {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    out.write_text("".join(f"{name}\n" for name in found), "utf-8")
    typer.echo(f"{len(found)} entries")


@app.command()
def wave(
    folder: Folder,
    release: Release,
    names: Annotated[Path, typer.Argument(help="file with the wave's application ids, one a line")],
    out: Annotated[Path, typer.Argument(help="folder for the work; the same again to go on")],
    *,
    threshold: Annotated[
        float | None, typer.Option(min=-1, max=1, help="least cosine of a pair; by default the release's own")
    ] = None,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    to_reviewers: Annotated[
        bool, typer.Option("--to-reviewers", help="then have people decide about every cluster")
    ] = False,
) -> None:
    """Find every pair of a wave's faces with everybody's, then the clusters; writes out/{pairs,clusters}.json.

    Sent to reviewers again, the same clusters change nothing.
    """
    least = _least(release, threshold, is_for_reviewers=to_reviewers)
    with Store(folder, release) as store, Progress() as bar:
        task = bar.add_task("units", total=None)
        choice = choose_engine()
        typer.echo(f"engine {choice}")
        wanted = sorted(set(names.read_text("utf-8").split()))
        enrolled = [(name, found[1]) for name in wanted if (found := store.find(name)) is not None]
        typer.echo(f"{len(enrolled)} of {len(wanted)} are enrolled, among {len(store)}")
        if not enrolled:
            raise typer.Exit(1)
        probes = WaveProbes([name for name, _ in enrolled], np.stack([vector for _, vector in enrolled]))
        pairs = join_wave(
            probes,
            store,
            least,
            out,
            choice.engine,
            threads=threads,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
    clusters = find_clusters(pairs, least)
    (out / "pairs.json").write_text(json.dumps(_rows(pairs)), "utf-8")
    (out / "clusters.json").write_text(json.dumps([asdict(cluster) for cluster in clusters]), "utf-8")
    typer.echo(f"{len(pairs)} pairs, {len(clusters)} clusters")
    if to_reviewers:
        _send(clusters)


@app.command()
def compact(folder: Folder, release: Release) -> None:
    """Write the store anew without the vectors of those erased or replaced."""
    with Store(folder, release) as store:
        store.compact()
        typer.echo(f"{len(store)} faces in {len(store.segments)} segments")


@app.command()
def erase(
    folder: Folder,
    release: Release,
    applications: Annotated[list[str] | None, typer.Argument(help="whose faces to erase")] = None,
    *,
    place: Annotated[
        str | None, typer.Option("--snapshot", help="folder or s3://bucket/prefix of the store's snapshot")
    ] = None,
) -> None:
    """Erase faces for good: from the table, from this store's files, and from its snapshot.

    Without applications it carries out what was asked for elsewhere. Done twice, or after a kill, it goes on. Other
    workers forget a face when they next read the table, and their disks lose it when they next start.
    """
    ports, names = ports_from_environment(), applications or []
    try:
        with Store(folder, release) as store, Progress() as bar:
            task = bar.add_task("erasing", total=len(names) + 2)
            gallery = Gallery(ports.rows, release, store, vault=ports.vault)
            gallery.refresh(ports.clock.now())
            for name in names:
                typer.echo(
                    f"{name} {'erased' if gallery.erase(name, ports.clock.now()) else 'was not enrolled'}"
                )
                bar.advance(task)
            store.compact()
            bar.advance(task)
            if place is not None:
                take_snapshot(store, snapshots_at(place))
            bar.advance(task)
    except (ValueError, GelombangError) as error:
        typer.echo(f"not done, begin again: {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error


@app.command()
def snapshot(
    folder: Folder,
    release: Release,
    place: Annotated[str, typer.Argument(help="folder or s3://bucket/prefix")],
) -> None:
    """Compact the store and copy it to a private place."""
    with Store(folder, release) as store:
        take_snapshot(store, snapshots_at(place))
        typer.echo(f"{len(store)} faces in {len(store.segments)} segments")


@app.command()
def restore(
    folder: Folder,
    release: Release,
    place: Annotated[str, typer.Argument(help="folder or s3://bucket/prefix")],
) -> None:
    """Check every byte of the store and replace what is damaged from a snapshot."""
    with open_whole(
        folder, release, snapshots_at(place), lambda name: typer.echo(f"refused {name}")
    ) as store:
        typer.echo(f"{len(store)} faces in {len(store.segments)} segments")


def _least(release: str, threshold: float | None, *, is_for_reviewers: bool) -> float:
    """Return the threshold to search with; for reviewers no less than what sends somebody there in their own check."""
    if threshold is not None and not is_for_reviewers:
        return threshold
    try:
        least = programme_from_environment().operating_point(release).same_person_min
    except (ValueError, GelombangError) as error:
        typer.echo(f"nothing was searched: {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    if threshold is not None and threshold < least:
        raise typer.BadParameter(f"for reviewers at least {least:g}, of the operating point of {release}")
    return least if threshold is None else threshold


def _send(clusters: Sequence[Cluster]) -> None:
    messages = messages_of(clusters)
    try:
        queues = ports_from_environment().queues
        for message in track(messages, "sending"):
            queues.send(message)
    except (ValueError, GelombangError) as error:
        typer.echo(f"not all are sent, begin again: {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{len(messages)} sent to reviewers")


def _rows(pairs: Likenesses) -> list[list[str | float]]:
    return [
        [bytes(first).decode(), bytes(second).decode(), round(float(similarity), 6)]
        for first, second, similarity in zip(
            pairs.firsts, pairs.seconds, pairs.similarities.tolist(), strict=True
        )
    ]


if __name__ == "__main__":
    app()
