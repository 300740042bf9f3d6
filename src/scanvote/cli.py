"""The command `scanvote`, for everything that is not a stage."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from scanvote.commands.repository import in_repository, root_of_project
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.home import use_writable_home
from scanvote.core.runtimes import Runtime as RuntimeName
from scanvote.core.terminal import one_line_errors
from scanvote.params import Family, load_params
from scanvote.params.compute import SCHEDULER
from scanvote.params.whole import Method

Model = Annotated[
    str | None,
    typer.Option(
        help="A folder, champion, or an MLflow URI; by default models/package, else the champion."
    ),
]
Runtime = Annotated[
    RuntimeName | None,
    typer.Option(
        help="What computes the networks: by default onnx, and keras for a package without graphs."
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="A smoke run: minutes, and no result.")]

app = typer.Typer(
    help=f"Raw medical scans to an ensemble that can be defended. {DISCLAIMER}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

data_app = typer.Typer(help="Look at data before they are used.", no_args_is_help=True)
app.add_typer(data_app, name="data")

recipe_app = typer.Typer(
    help="Named experiments: published classifiers, and ours.", no_args_is_help=True
)
app.add_typer(recipe_app, name="recipe")


@app.callback()
def main() -> None:
    """The pipeline itself runs with `dvc repro`."""
    # to look for plugins of Pydantic among all packages takes a tenth of a second, and none is used
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    use_writable_home()


@app.command()
@one_line_errors
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Open the MLflow UI on the runs of this repository, on 127.0.0.1."""
    from scanvote.tracking import ui_address, ui_command

    if "MLFLOW_TRACKING_URI" not in os.environ:
        root_of_project()  # no store is made where there is no repository
    command = ui_command(port)
    typer.echo(f"experiments side by side: {ui_address(port)}")
    os.execv(command[0], command)


@data_app.command()
@one_line_errors
@in_repository
def check(
    path: Path,
    task: Annotated[Literal["classification", "segmentation"] | None, typer.Option()] = None,
) -> None:
    """Check your own data in PATH, a folder or a table.

    Shows what the data hold, what is wrong with them, and what to change in params.yaml to use
    them.
    """
    from scanvote.commands.data_check_report import check_and_show

    check_and_show(path, task)


@data_app.command()
@one_line_errors
@in_repository
def take(
    task: Annotated[Literal["classification", "segmentation"] | None, typer.Argument()] = None,
) -> None:
    """Have the next `dvc repro` take your own data of TASK anew, as they are now.

    By default that of both tasks.
    """
    from scanvote.pipeline.sources.stage import take_anew

    for line in take_anew([task] if task else ["classification", "segmentation"], load_params()):
        typer.echo(line)


@data_app.command()
@one_line_errors
@in_repository
def card(
    task: Annotated[
        Literal["classification", "segmentation"] | None,
        typer.Argument(help="By default the first task of the study.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File, instead of the standard output.")
    ] = None,
) -> None:
    """Write a data card of TASK in Markdown.

    It states what is known, and what is not, of the scans that `dvc repro download` has fetched;
    also of duplicates and splits, once these stages have run.
    """
    from scanvote.core.files import write_text
    from scanvote.params import load_params
    from scanvote.pipeline.report.data_card import data_card

    params = load_params()
    text = data_card(task or params.tasks[0], params, Path())
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)


@app.command()
@one_line_errors
@in_repository
def trials(
    family: Annotated[Family | None, typer.Argument()] = None,
    best: Annotated[bool, typer.Option("--best", help="Only the best of each family.")] = False,
) -> None:
    """List the trials of the last search with their cost, best first."""
    from scanvote.commands.trials import show_trials

    show_trials(family, best, load_params())


@app.command()
@one_line_errors
@in_repository
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Experiments, branches or commits, or `workspace`; none: all experiments."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the table to it: .csv or .json.")] = None,
) -> None:
    """Compare NAMES with the first of them: figures, settings, and differences beyond chance.

    Without NAMES, the workspace is compared with every experiment, also those of other commits.
    """
    from scanvote.commands.compare_report import show_comparison

    show_comparison(names or [], out)


@app.command()
@one_line_errors
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Images, volumes (DICOM, NIfTI, NRRD, MetaImage), and folders."),
    ],
    model: Model = None,
    out: Annotated[
        Path | None, typer.Option(help="The table: .csv, .json, or .jsonl, one object per line.")
    ] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder for a mask of each scan.")] = None,
    explain: Annotated[
        Method | None, typer.Option(help="Explain the vote on each scan by this method.")
    ] = None,
    explanations: Annotated[Path, typer.Option(help="Folder for the maps of --explain.")] = Path(
        "explanations"
    ),
    batch: Annotated[
        int, typer.Option(min=1, help="Scans at once: changes time and memory only.")
    ] = 32,
    runtime: Runtime = None,
    scheduler: Annotated[
        str,
        typer.Option(
            envvar=SCHEDULER, help="tcp://HOST:PORT of a Dask scheduler, whose workers then help."
        ),
    ] = "processes",
) -> None:
    """Predict class and tumour mask of the scans in PATHS.

    The table holds the vote, its probabilities, the votes of the members, the area of the tumour
    and the distance to the training scans. A file that cannot be read is a row with its reason,
    and the exit code then is 1.
    """
    from scanvote.commands.model_option import default_model, package_folder
    from scanvote.predict.run import PredictOptions, predict

    options = PredictOptions(out, masks, explain, explanations, batch, runtime, scheduler)
    if predict(paths, package_folder(model or default_model()), options):
        raise typer.Exit(1)


@app.command()
@one_line_errors
def export(
    out: Annotated[Path, typer.Argument(help="A folder, new or with an older package.")],
    model: Model = None,
    onnx: Annotated[bool, typer.Option(help="With the networks as ONNX too.")] = True,
) -> None:
    """Copy a finished model to OUT, for use without repository and network."""
    from scanvote.commands.model_option import default_model, package_folder
    from scanvote.predict.export import export

    export(package_folder(model or default_model()), out, onnx)
    typer.echo(f"{out}: scanvote predict SCANS --model {out}")


@app.command()
@one_line_errors
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    model: Model = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let anybody in who reaches HOST.")
    ] = False,
    runtime: Runtime = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="Name that it is also called by, as behind a proxy, with its port if that is not"
            " 80 or 443; may be repeated."
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Prefix of its addresses behind a proxy, such as /scanvote.")
    ] = "",
) -> None:
    """Serve a web page and a REST interface, by default on 127.0.0.1.

    If other machines can reach HOST, they need the secret in SCANVOTE_TOKEN. Behind a proxy it is
    told the name, and the prefix if it has one: --name scans.lab --root-path /scanvote.
    """
    from scanvote.serving.fork_server import start_fork_server

    start_fork_server()  # it imports beside what follows
    from scanvote.commands.model_option import default_model, package_folder
    from scanvote.serving.engine import EngineOptions
    from scanvote.serving.options import ServeOptions
    from scanvote.serving.server import serve

    folder = package_folder(model or default_model())
    options = ServeOptions(names=tuple(name or ()), root_path=root_path)
    serve(folder, host, port, options, EngineOptions(runtime), no_token)


@recipe_app.command("list")
@one_line_errors
@in_repository
def list_recipes() -> None:
    """List the recipes, each with its published result."""
    from scanvote.commands.recipe_report import show_recipes

    show_recipes()


@recipe_app.command("show")
@one_line_errors
@in_repository
def show_recipe(name: str, quick: Quick = False) -> None:
    """Show recipe NAME, its changes of params.yaml, and its command."""
    from scanvote.commands.recipe_report import show_recipe

    show_recipe(name, quick)


@recipe_app.command("run", context_settings={"ignore_unknown_options": True})
@one_line_errors
@in_repository
def run_recipe(
    name: str,
    quick: Quick = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Number of experiments, NAME-fold0…"),
    ] = None,
    sites: Annotated[
        bool, typer.Option("--sites", help="One experiment per institution, NAME-site-…")
    ] = False,
    extra: Annotated[list[str] | None, typer.Argument(help="Options of `dvc exp run`.")] = None,
) -> None:
    """Print the `dvc exp run` of recipe NAME, and run it.

    Options after NAME are passed on to DVC: --queue, --temp, -S lr=1e-4.
    """
    from scanvote.commands import recipe_report, recipes

    if folds and sites:
        raise typer.BadParameter("--folds and --sites are two ways; choose one")
    parts = recipes.folds(folds) if folds else []
    if sites:
        parts = recipes.sites(recipe_report.institutions(name))
    recipe_report.run_recipe(name, quick, extra or [], parts)


@app.command()
@one_line_errors
@in_repository
def pool(
    names: Annotated[list[str], typer.Argument(help="Recipes that were run with --folds.")],
    out: Annotated[Path, typer.Option(file_okay=False)] = Path("pooled"),
    sites: Annotated[bool, typer.Option("--sites", help="Those run with --sites.")] = False,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Also if folds or institutions are missing.")
    ] = False,
) -> None:
    """Evaluate all folds of each of NAMES together, and compare the NAMES.

    The first is compared with each of the others, and with the baseline. Of experiments of several
    commits those of the one that is checked out are taken; NAME@1a2b3c4 is of another one.
    """
    from scanvote import tracking
    from scanvote.commands.pool import cross_validate

    params = load_params()
    with tracking.stage_run("pool", params=params, sections=("seed", "evaluate")) as run:
        run.log_metrics(cross_validate(names, params, out, sites, incomplete))
        run.log_folder(out)
