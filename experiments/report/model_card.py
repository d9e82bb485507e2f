"""The model card of shipped weights: made from their manifest and the measured figures, never by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.data.catalogue import DATASETS
from experiments.report.measured import NO_NOISE_DB, Row, markdown_table, stated, table_of
from shared.errors import InvalidField
from shared.weights import Manifest, load_manifest
from systems.registry import get_system

CARD_FILE = "README.md"


def write_model_card(folder: Path, figures: Sequence[Row]) -> Path:
    """Write `folder`/README.md.

    Args:
        folder: Of the weights.
        figures: Rows as `semcom figures` stores them, of these very weights.

    Raises:
        InvalidField: If a figure was measured with other weights.
    """
    manifest = load_manifest(folder)
    foreign = {row["fingerprint"] for row in figures} - {manifest.fingerprint}
    if foreign:
        raise InvalidField(
            "results", ", ".join(sorted(foreign)), f"figures of weights {manifest.fingerprint}"
        )
    lines = [
        f"# Weights of {manifest.system}",
        "",
        f"{get_system(manifest.system).description} Fingerprint `{manifest.fingerprint}`.",
        "",
        *_training(manifest),
        "",
        *_figures(manifest, figures),
        "",
        *_limits(manifest),
    ]
    path = folder / CARD_FILE
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _training(manifest: Manifest) -> list[str]:
    training = manifest.training
    rows = [
        (task.replace("_", " "), _sets(names), str(training["steps"][task]))
        for task, names in training["datasets"].items()
    ]
    return [
        "## Training",
        "",
        f"- Command: `{training['command']}`, seed {training['seed']}, commit "
        f"{', '.join(training['commits'])}.",
        f"- {training['hours']} hours on {training['machine']}.",
        *([f"- Went on from weights {training['started_from']}."] if training["started_from"] else []),
        *(f"- {remark}" for remark in training.get("remarks", ())),
        "",
        *markdown_table("task | trained on | steps", rows),
    ]


def _sets(names: str) -> str:
    """What joined data sets are; one that is named twice counts twice."""
    abouts = {name: dataset.about for name, dataset in DATASETS.items()}
    return "; ".join(
        f"{name}: {abouts.get(name) or name}" + (f", counted {times} times" if times > 1 else "")
        for name, times in Counter(names.split("+")).items()
    )


def _figures(manifest: Manifest, figures: Sequence[Row]) -> list[str]:
    commit, seed, csi, fading = (stated(figures, field) for field in ("commit", "seed", "csi", "fading"))
    return [
        "## Figures",
        "",
        f"Test splits, measured by `semcom figures` at commit {commit}, link seed "
        f"{seed}, {csi} CSI, {fading} fading. SNR is Es/N0 per complex symbol "
        f"at unit mean symbol power; no noise means {NO_NOISE_DB:g} dB. Weights are those of this folder "
        "(int8 and float16). A guesser never sees the input. Of large sets n instances are measured, drawn "
        "with seed 0; each instance of a set with fewer than 100 is sent over 20 channel realisations.",
        "",
        *table_of(figures),
        "",
        f"All rows, with 95 % intervals, over AWGN and Rayleigh from -6 to 18 dB: `results/{manifest.system}."
        f"json`, drawn in `results/{manifest.system}.png`.",
    ]


def _limits(manifest: Manifest) -> list[str]:
    names = [name for datasets in manifest.training["datasets"].values() for name in datasets.split("+")]
    limits = [DATASETS[name].limit for name in dict.fromkeys(names) if name in DATASETS]
    return ["## What these weights cannot do", "", *(f"- {limit}" for limit in limits if limit)]
