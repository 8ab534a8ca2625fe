"""``offkey benchmark``: somebody's detector is taken through the whole bench."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from offkey.core.errors import BadInput


def benchmark(
    detector: Annotated[
        str,
        typer.Option(
            help="A YAML file that says how your detector is asked, or the YAML itself, e.g. "
            "'command: python infer.py --list {list} --out {scores}'; see docs/detectors."
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            help="The music: a data set by name, a folder with human/ and ai/, or a CSV of files."
        ),
    ] = "demo",
    edits: Annotated[
        list[str] | None, typer.Option(help="E.g. pitch or codec_mp3_64; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the detector is called in the results.")] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value; may be repeated.")
    ] = None,
    work: Annotated[
        str, typer.Option(help="Folder of what can be built again, --data of other commands.")
    ] = "",
    out: Annotated[str, typer.Option(help="Folder of the results; else runs/NAME.")] = "",
    jobs: Annotated[int, typer.Option(min=0, help="Processes at once; 0: one per core.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the edited clips.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Make all calls that may cost money.")] = False,
) -> None:
    """Ask any detector about music before and after every edit, and make the pages."""
    from offkey.core import cluster
    from offkey.core.workspace import Workspace
    from offkey.runner import benchmarking, pages, runs, studies
    from offkey.runner.execution import Resources

    bench = benchmarking.bench(detector, data, name=name, edits=edits or [], keep=keep)
    bench.settings.update(studies.parse_settings(settings or []))
    plan = bench.study()
    space = Workspace.open(work, out or studies.folder("runs") / plan.study)
    if bench.detector.COSTS:
        total, left = bench.calls(space)
        typer.echo(f"{left} calls of {bench.detector.words}, {total - left} are answered already")
        if left and not yes:
            _agree(left)
        # the same number in every run: what is complete stays complete
        bench.settings["calls_agreed"] = total
    code = runs.run_study(
        plan,
        space,
        notebooks=studies.folder("notebooks"),
        settings=bench.settings,
        resources=Resources(jobs or cluster.jobs()),
        say=typer.echo,
    )
    if code < 128:
        for line in pages.headline_lines(space.out):
            typer.echo(line)
        typer.echo(f"results: {space.out / 'index.html'}")
    raise typer.Exit(code)


def _agree(calls: int) -> None:
    if not sys.stdin.isatty():
        raise BadInput(f"{calls} calls may cost money: agree with --yes.")
    if not typer.confirm(f"Make {calls} calls?"):
        raise BadInput("nothing was asked.")
