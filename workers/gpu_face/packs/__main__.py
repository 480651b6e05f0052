"""`python -m workers.gpu_face.packs default|open [--from FOLDER|ADDRESS]`: builds a pack and says what it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.packs.manifest import SOURCE_SETTING, Manifest, PackError, read_manifest

console = Console()


def build(
    name: Annotated[
        str,
        typer.Argument(help="The pack: default, open, insightface, buffalo_l, …", envvar="GELOMBANG_PACK"),
    ] = "default",
    source: Annotated[
        str | None, typer.Option("--from", help="Folder, or http(s) address, that holds the pack's files.")
    ] = None,
) -> None:
    """Build a model pack unless it is there, and say what it is good for."""
    try:
        folder = _build_with_bar(name, source)
    except PackError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(1) from error
    _describe(read_manifest(name, os.environ | ({SOURCE_SETTING: str(source)} if source else {})), folder)


def _build_with_bar(name: str, source: str | None) -> Path:
    columns = (TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = progress.add_task(step, total=total)
            progress.update(bars[step], completed=done)

        return build_pack(name, source, show)


def _describe(manifest: Manifest, folder: Path) -> None:
    console.print(f"Model pack [bold]{manifest.release}[/bold] in {folder}", soft_wrap=True)
    console.print(f"Licence: {manifest.licence}", style="bold red" if manifest.research_only else "")
    for limit in manifest.limits:
        console.print(f"  · {limit}", soft_wrap=True)


typer.run(build)
