"""``offkey export``: edited clips to be scored elsewhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Sound(StrEnum):
    """Formats that clips are written in."""

    wav = "wav"
    flac = "flac"


def export(
    variants: Annotated[
        list[str], typer.Argument(metavar="VARIANTS", help="E.g. clean pitch codec_mp3_64.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the clips and their list.")],
    data: Annotated[
        str,
        typer.Option(
            help="The music: a data set by name, a folder with human/ and ai/, or a CSV of files."
        ),
    ] = "demo",
    split: Annotated[str, typer.Option(help="train, val or test; else all clips.")] = "",
    sound: Annotated[Sound, typer.Option(help="16 bit, at the source's own rate.")] = Sound.wav,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Options of the data set, key=value.")
    ] = None,
    work: Annotated[
        str, typer.Option(help="Folder of what can be built again, --data of other commands.")
    ] = "",
) -> None:
    """Write edited clips and their list, to score elsewhere and come back with offkey score."""
    from offkey import datasets, perturbations
    from offkey.core import manifest
    from offkey.core.workspace import Workspace
    from offkey.detectors.external import exporting
    from offkey.runner import benchmarking, studies

    conditions = perturbations.find(variants)
    music = benchmarking.music_of(data)
    options = {**music.get("dataset_options", {}), **studies.parse_settings(settings or [])}
    seed = options.pop("seed", 0)
    clips = datasets.ready(music["dataset"], Workspace.open(work).datasets, seed=seed, **options)
    clips = manifest.select(clips, split)
    listing = exporting.export(clips, conditions, out, seed=seed, sound=sound.value)
    typer.echo(f"{len(clips)} clips under {len(conditions)} conditions: {listing}")
    typer.echo("Add a column 'probability' (of AI) to that file, then: offkey score FILE.csv")
