"""The command ``offkey``: run a study, make and check data sets, judge files.

Heavy packages are imported inside the commands, so that help appears at once.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from offkey import __version__
from offkey.commands.benchmark import benchmark
from offkey.commands.compare import compare
from offkey.commands.export import export
from offkey.core.errors import BadInput, OffkeyError


class _Commands(TyperGroup):
    """Turns the errors a user can mend into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OffkeyError as error:
            typer.echo(f"offkey: error: {error}", err=True)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            typer.echo("offkey: stopped", err=True)
            raise typer.Exit(130) from error


app = typer.Typer(
    cls=_Commands,
    help="Is a detector of AI-generated music still right when the music is a little off?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Data sets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")
app.command()(benchmark)
app.command()(compare)
app.command()(export)

Data = Annotated[str, typer.Option(help="Folder of what can be built again.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="key=value; may be repeated.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"offkey {__version__}")
        raise typer.Exit


@app.callback()
def _offkey(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say which it is."),
    ] = False,
) -> None:
    pass


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A file, or a name in studies/.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Run or notebook, or the beginning of its name.")
    ] = None,
    settings: Settings = None,
    data: Data = "",
    out: Annotated[str, typer.Option(help="Folder of what a reader opens; else runs/STUDY.")] = "",
    notebooks: Annotated[str, typer.Option(help="Folder of the notebooks' sources.")] = "",
    jobs: Annotated[int, typer.Option(min=0, help="Processes at once; 0: one per core.")] = 0,
    scheduler: Annotated[
        str, typer.Option(envvar="OFFKEY_SCHEDULER", help="Address of a Dask scheduler.")
    ] = "",
    max_minutes: Annotated[
        float | None, typer.Option(min=0.001, help="Stop a notebook that takes longer.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run what is complete, too.")] = False,
) -> None:
    """Execute a study's notebooks; what is complete and unchanged is kept."""
    from offkey.core import cluster
    from offkey.core.workspace import Workspace
    from offkey.runner import pages, runs, studies
    from offkey.runner.execution import Resources

    plan = studies.load(study)
    space = Workspace.open(data, out or studies.folder("runs") / plan.study)
    code = runs.run_study(
        plan,
        space,
        notebooks=Path(notebooks).expanduser() if notebooks else studies.folder("notebooks"),
        settings=studies.parse_settings(settings or []),
        only=only,
        resources=Resources(jobs or cluster.jobs(), scheduler, max_minutes),
        force=force,
        say=typer.echo,
    )
    if code < 128:
        for line in pages.headline_lines(space.out):
            typer.echo(line)
        typer.echo(f"results: {space.out / 'index.html'}")
    raise typer.Exit(code)


@app.command(name="pages")
def make_pages(
    folders: Annotated[list[Path], typer.Argument(help="Results of studies, e.g. results/demo.")],
) -> None:
    """Make the pages of results anew from their notebooks and tables; nothing is executed."""
    from offkey.runner import pages

    for folder in folders:
        typer.echo(f"results: {pages.again(folder.resolve())}")


@data_app.command("list")
def data_list(data: Data = "") -> None:
    """Data sets, their licences, and where they are."""
    from offkey import datasets
    from offkey.core.workspace import Workspace

    root = Workspace.open(data).datasets
    made = datasets.made(root)
    rows = []
    for name in datasets.NAMES:
        info = datasets.info(name)
        own = made[made["name"] == name]
        places = list(zip(own["options"], own["folder"], strict=True))
        for options, where in places or [("", f"not made; {info.url}")]:
            rows.append([name, info.title, info.licence, options, where])
    _print_table(["name", "title", "licence", "options", "where"], rows)


@data_app.command("make")
def data_make(name: str, settings: Settings = None, data: Data = "") -> None:
    """Build a data set, e.g. offkey data make demo --set seed=1."""
    from offkey import datasets
    from offkey.core.workspace import Workspace
    from offkey.runner import studies

    name = _dataset(name)
    options = studies.parse_settings(settings or [])
    clips = datasets.ready(name, Workspace.open(data).datasets, **options)
    tracks = clips["track_id"].nunique()
    typer.echo(f"{name}: {len(clips)} clips of {tracks} tracks in {clips.attrs['folder']}")


@data_app.command("verify")
def data_verify(name: str, data: Data = "") -> None:
    """Compare every sound file of a data set, in all its recipes, with its recorded hash."""
    from offkey import datasets
    from offkey.core.workspace import Workspace

    name = _dataset(name)
    datasets.module(name)  # refuses an unknown one
    root = Workspace.open(data).datasets
    folders = list(datasets.made(root, name)["folder"])
    if not folders:
        raise BadInput(f"no data set '{name}' in {root}: make it with 'offkey data make' first.")
    bad = []
    for folder in folders:
        problems = datasets.verify(Path(folder))
        for problem in problems.itertuples():
            typer.echo(f"{problem.path}: {problem.problem}", err=True)
        if len(problems):
            bad.append(f"{len(problems)} files in {folder}")
        else:
            typer.echo(f"{folder}: every file is as it was made")
    if bad:
        raise OffkeyError(
            f"{', '.join(bad)} are missing or changed: remove what is named and run "
            f"'offkey data make {name}' again, with the options that 'offkey data list' shows."
        )


@app.command()
def detect(
    files: Annotated[list[Path], typer.Argument(help="Sound files.")],
    model: Annotated[
        str,
        typer.Option(help="Folder of a detector; else the one that comes with offkey."),
    ] = "",
    data: Data = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say for each file how likely it is AI-generated; exit code 2 if any could not be judged."""
    from offkey.core import store
    from offkey.core.workspace import Workspace
    from offkey.detectors import detection, trained, verdicts
    from offkey.sound.soundfiles import shown

    folder = trained.find(Workspace.open(data).models, model)
    detector = trained.load(folder)
    known = verdicts.read(store.read_json(folder / "model.json"))
    for note in trained.notes(folder):
        typer.echo(f"offkey: note: {shown(note)}", err=True)
    answers: list[dict[str, Any]] = []
    for file in files:
        try:
            answers.append(detection.detect(detector, file, known))
        except OffkeyError as error:
            answers.append({"file": shown(file), "error": str(error)})
    judged = [answer for answer in answers if "error" not in answer]
    failed = [answer for answer in answers if "error" in answer]
    if as_json:
        typer.echo(json.dumps(answers, indent=2))
    elif judged:
        words = f"{trained.named(folder)}, trained on {trained.described(folder)}"
        typer.echo(f"detector: {shown(words)}")
        for line in known.sentences() if known else []:
            typer.echo(line)
        _print_table(*detection.table(judged))
    for answer in failed:
        typer.echo(f"offkey: error: {answer['error']}", err=True)
    raise typer.Exit(BadInput.exit_code if failed else 0)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns label, probability.")],
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="From which probability a clip is called AI.")
    ] = 0.5,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap over tracks.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    out: Annotated[str, typer.Option(help="Write all scores here, .csv or .parquet.")] = "",
) -> None:
    """Score any detector's answers: a CSV of label (1 AI, 0 human) and probability of AI.

    Rows of one track are drawn together where there is a column track; a column condition gives
    a line per condition and, clip by clip, the differences to the one called clean or none: name
    the clips in a column clip.
    """
    from offkey import evaluation
    from offkey.evaluation import outside, terminal

    target = outside.place(out, file) if out else None
    predictions = outside.read(file, threshold=threshold)
    scores = evaluation.score(predictions, n_resamples=resamples, seed=seed, subsets=("all",))
    for number, table in enumerate(terminal.summary(scores)):
        if number:
            typer.echo()
        _print_table([str(name) for name in table], table.astype(str).to_numpy().tolist())
    typer.echo(
        f"\nA clip is called AI from a probability of {threshold:g}; [95 % interval] over tracks, "
        f"exact for rates, else from {resamples} resamples, seed {seed}."
    )
    if not predictions.attrs["paired"]:
        typer.echo(
            "Differences between conditions need a column 'clip' that names each clip: these rows "
            "cannot be paired."
        )
    if not predictions.attrs["has_tracks"]:
        typer.echo(
            "There is no column 'track': every clip counts as a track of its own, which makes the "
            "intervals too narrow where clips share one."
        )
    if target:
        typer.echo(f"scores: {outside.write(scores, target)}")


@app.command(name="warm-up")
def warm_up() -> None:
    """Compile what is compiled on first use: half a minute, once after an installation."""
    from offkey.runner import warming

    typer.echo("compiling what is compiled on first use (half a minute, once) ...")
    typer.echo(f"done in {warming.warm_up():.0f} s")


def _dataset(name: str) -> str:
    return name.replace("-", "_")


def _print_table(columns: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in [columns, *rows]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def main() -> None:
    """Entry point of the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name the terminal cannot show stops nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
