"""The model card of shipped weights: made from their manifest and the measured figures, never by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.errors import InvalidField
from shared.weights import load_manifest

CARD_FILE = "README.md"
_SOURCES: Mapping[str, str] = {
    "sst2": "GLUE SST-2: 67,349 training phrases, figures on the 872 sentences of dev",
    "europarl": "Europarl, English, 1996 to 2001, 4 to 30 tokens: 150,000 training and 3,000 test sentences",
    "cifar10-lossless": "CIFAR-10, original pixels: 7,000 training pictures, 728 held out",
    "fsdd": "Free Spoken Digit Dataset joined to strings of one speaker, a stand-in for LibriSpeech: 1 to 7 "
    "digits in training, 3 to 7 for figures, those of recordings 1 to 4 of every digit and speaker",
    "speechocean762": "speechocean762, read English of non-native speakers, a stand-in for LibriSpeech: "
    "2,500 training utterances, 2,500 test utterances of other speakers",
    "espeak-digits": "4,000 strings of 1 to 6 digits spoken by espeak-ng in 64 voices, for training "
    "alone (experiments/speak_digits.py)",
    "weizmann": "Weizmann actions, four of them, a stand-in for HMDB51: subjects 0 to 5, figures on 6 to 8",
    "fights": "fights in surveillance clips, a stand-in for HMDB51: 300 clips, a fifth of them for figures",
    "movies": "plots and posters of films, a stand-in for MM-IMDb: 3,563 training and 500 test films",
    "cifar10-jpeg": "CIFAR-10 as JPEG of quality about 75: 50,000 training and 10,000 test pictures",
    "easy-vqa": "easy-VQA, a stand-in for VQA v2: 38,575 training and 9,673 test questions on 64x64 drawings",
}


def write_model_card(folder: Path, figures: Sequence[Mapping[str, Any]], notes: str) -> Path:
    """Write `folder`/README.md.

    Args:
        folder: Of the weights.
        figures: Rows as `semcom evaluate --output` writes them, of these very weights.
        notes: What the manifest cannot know, as Markdown.

    Raises:
        InvalidField: If a figure was measured with other weights, or two are of one kind at one SNR.
    """
    manifest = load_manifest(folder)
    foreign = {row["fingerprint"] for row in figures} - {manifest.fingerprint}
    if foreign:
        raise InvalidField(
            "results", ", ".join(sorted(foreign)), f"figures of weights {manifest.fingerprint}"
        )
    training, profile = manifest.training, manifest.config.get("profile")
    lines = [
        f"# {manifest.system}" + (f", profile {profile}" if profile else ""),
        "",
        f"Fingerprint `{manifest.fingerprint}`. Tasks: {', '.join(manifest.tasks)}.",
        "",
        "## Training",
        "",
        f"- Command: `{training['command']}` (Algorithm 1)",
        f"- {training['hours']} hours on {training['device']}",
        f"- Commits of the code, in order: {', '.join(training['commits'])}",
        f"- Started from earlier weights: {training['started_from'] or 'none'}",
        *_data(training),
        "",
        notes.strip(),
        "",
        "## Figures",
        "",
        *_tables(figures),
    ]  # fmt: skip
    path = folder / CARD_FILE
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _data(training: Mapping[str, Any]) -> list[str]:
    steps = training["steps"]
    return [
        f"- {task}: {steps[task]} steps on {_sources(names)}" for task, names in training["datasets"].items()
    ]


def _sources(names: str) -> str:
    """What joined data sets are; one that is named twice counts twice."""
    return "; ".join(
        _SOURCES.get(name, name) + (f", counted {times} times" if times > 1 else "")
        for name, times in Counter(names.split("+")).items()
    )


def _tables(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """One table a channel: tasks down, SNRs across."""
    commits = ", ".join(sorted({row["commit"] for row in figures}))
    seeds = ", ".join(sorted({str(row["seed"]) for row in figures}))
    lines = [
        f"Measured at commit {commits}, link seed {seeds}, perfect CSI, SNR = Es/N0 per complex symbol at "
        "unit mean symbol power, on the loaded int8/float16 weights. n x m: n instances, each over m channel "
        "realisations, of that seed and those after it."
    ]
    for channel in dict.fromkeys((row["channel"], row["fading"]) for row in figures):
        rows = [row for row in figures if (row["channel"], row["fading"]) == channel]
        snrs = sorted({row["snr_db"] for row in rows})
        lines += ["", f"### {channel[0]}, {channel[1]}", ""]
        lines += [
            "| task | set (split) | n | channel uses | metric | guesser | "
            + " | ".join(f"{s:g} dB" for s in snrs)
            + " |"
        ]
        lines += ["|---" * (6 + len(snrs)) + "|"]
        for head in dict.fromkeys(map(_head, rows)):
            own = [row for row in rows if _head(row) == head]
            values = {row["snr_db"]: f"{row['value']:.4f}" for row in own}
            if len(values) < len(own):
                raise InvalidField("results", " ".join(head), "one figure of a kind at each SNR")
            lines += ["| " + " | ".join([*head, *(values.get(snr_db, "") for snr_db in snrs)]) + " |"]
    return lines


def _head(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What the figures of one line share."""
    guess = "" if row["guesser"] is None else f"{row['guesser']:.4f}"
    uses = f"{row['channel_uses']:.4g}"
    data = f"{row['dataset']} ({row['split']})"
    num_realisations = row["num_realisations"]
    count = f"{row['num_instances']}" + (f" x {num_realisations}" if num_realisations > 1 else "")
    return row["task"], data, count, uses, row["metric"], guess
