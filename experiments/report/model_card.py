"""The model card of shipped weights: made from their manifest and the measured figures, never by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.report.measured import NO_NOISE_DB, Row, table_of
from shared.errors import InvalidField
from shared.systems import get_system
from shared.weights import Manifest, load_manifest

CARD_FILE = "README.md"


@dataclass(frozen=True)
class _Set:
    """What a card says of a data set: what it is, and what weights that learnt from it cannot do."""

    about: str
    limit: str = ""


_SETS: Mapping[str, _Set] = {
    "sst2": _Set("GLUE SST-2, sentences of film reviews", "Sentiment is that of English film reviews."),
    "europarl": _Set(
        "Europarl, English, 1996 to 2001, 4 to 30 tokens",
        "Text comes back in lower case, and word pieces at -6 dB do not come back: 16 symbols carry about 5 "
        "bits there.",
    ),
    "cifar10-jpeg": _Set("CIFAR-10 as JPEG of quality about 75", "Pictures are of ten kinds of things."),
    "cifar10-lossless": _Set(
        "a part of CIFAR-10 in its original pixels", "Pictures come back at 32x32 pixels."
    ),
    "fsdd": _Set(
        "Free Spoken Digit Dataset, joined to strings; stands for LibriSpeech",
        "Speech knows ten words, the English digits, and answers with them whatever is said.",
    ),
    "made-digits": _Set(
        "digits spoken by eSpeak NG, for figures by Flite in voices that training lacks; stands for "
        "LibriSpeech"
    ),
    "weizmann": _Set(
        "Weizmann, four actions; stands for HMDB51",
        "Clips are of six kinds before a fixed camera; other actions get one of these labels.",
    ),
    "fights": _Set(
        "surveillance clips with and without fights; stands for HMDB51",
        "Fights are learnt from some 200 clips; figures of 61 clips differ by points between trainings.",
    ),
    "easy-vqa": _Set(
        "easy-VQA, drawings of one shape; stands for VQA v2",
        "Questions are about the one shape of a drawing; there are 13 answers.",
    ),
    "movies": _Set(
        "plots and posters of films; stands for MM-IMDb", "Genres are learnt from 3,563 films, which is few."
    ),
}


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
    return [
        "## Training",
        "",
        f"- Command: `{training['command']}`, seed {training['seed']}, commit "
        f"{', '.join(training['commits'])}.",
        f"- {training['hours']} hours on {training['machine']}.",
        *([f"- Went on from weights {training['started_from']}."] if training["started_from"] else []),
        *(f"- {remark}" for remark in training.get("remarks", ())),
        "",
        "| task | trained on | steps |",
        "|---|---|---|",
        *(
            f"| {task.replace('_', ' ')} | {_sets(names)} | {training['steps'][task]} |"
            for task, names in training["datasets"].items()
        ),
    ]


def _sets(names: str) -> str:
    """What joined data sets are; one that is named twice counts twice."""
    return "; ".join(
        f"{name}: {_about(name).about or name}" + (f", counted {times} times" if times > 1 else "")
        for name, times in Counter(names.split("+")).items()
    )


def _about(name: str) -> _Set:
    return _SETS.get(name, _Set(""))


def _figures(manifest: Manifest, figures: Sequence[Row]) -> list[str]:
    def stated(name: str) -> str:
        return ", ".join(sorted({str(row[name]) for row in figures}))

    return [
        "## Figures",
        "",
        f"Test splits, measured by `semcom figures` at commit {stated('commit')}, link seed "
        f"{stated('seed')}, {stated('csi')} CSI, {stated('fading')} fading. SNR is Es/N0 per complex symbol "
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
    limits = [_about(name).limit for name in dict.fromkeys(names)]
    return ["## What these weights cannot do", "", *(f"- {limit}" for limit in limits if limit)]
