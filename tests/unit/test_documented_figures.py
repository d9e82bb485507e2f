"""Figures that a document states beside its own words are those of the stored measurements."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Data set and measure of each task in the table of joint against alone training.
MEASURES = {
    "sentiment": ("sst2", "accuracy"),
    "image_classification": ("cifar10-jpeg", "accuracy"),
    "speech_recognition": ("fsdd", "word_accuracy"),
    "vqa": ("easy-vqa", "accuracy"),
    "movie_genres": ("movies", "micro_f1"),
    "text_reconstruction": ("europarl", "bleu_4"),
    "image_reconstruction": ("cifar10-lossless", "psnr_db"),
    "video_classification": ("weizmann", "accuracy"),
}
COMPARED = ("vqa", "movie_genres")


def rows_of(name):
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def value_of(rows, **wanted):
    wanted = {"snr_db": 12.0, "csi": "perfect", "fading": "block", "seed": 0, **wanted}
    (value,) = {row["value"] for row in rows if all(row[key] == wanted[key] for key in wanted)}
    return value


@pytest.fixture(scope="module")
def table():
    lines = (ROOT / "docs" / "systems.md").read_text().splitlines()
    start = next(
        number for number, line in enumerate(lines) if line.startswith("| task | data set, n, measure")
    )
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 : start + 10]]
    return {task: figures for task, _, *figures in cells}


@pytest.mark.parametrize("task", list(MEASURES))
def test_joint_against_alone(table, task):
    dataset, metric = MEASURES[task]
    files = ("compare", "compare") if task in COMPARED else ("one-run", "alone")
    expected = [
        value_of(
            rows_of(name),
            task=task,
            system=system,
            dataset=dataset,
            channel=channel,
            metric=metric,
        )
        for channel in ("awgn", "rayleigh")
        for name, system in zip(files, ("mfmsc", "mfsc"), strict=True)
    ]
    half_a_digit = 0.5 * 10.0 ** -len(table[task][0].split(".")[1])
    assert [float(figure) for figure in table[task]] == pytest.approx(expected, abs=1.001 * half_a_digit)


@pytest.mark.parametrize(
    ("stated", "name", "wanted"),
    [
        ("answers 0.975 of", "compare", {"task": "vqa", "system": "separate", "snr_db": 18.0}),
        ("reads 0.995 of", "separate-clean", {"task": "vqa", "system": "mfmsc", "snr_db": 60.0}),
        ("it is 0.993.", "separate-clean", {"task": "vqa", "config": {"quality": 90}, "snr_db": 18.0}),
        ("reads 0.572 (micro", "compare", {"task": "movie_genres", "system": "separate", "snr_db": 18.0}),
        ("model 0.578.", "separate-clean", {"task": "movie_genres", "system": "mfmsc", "snr_db": 60.0}),
        ("to 0.23 at", "cliff", {"task": "vqa", "config": {"mcs": "qpsk-1/2"}, "snr_db": 0.0}),
        ("to 0.05 at -3", "cliff", {"task": "vqa", "config": {"mcs": "auto"}, "snr_db": -3.0}),
    ],
)
def test_separate_beside_its_clean_model(stated, name, wanted):
    options = wanted.pop("config", {})
    chosen = [row for row in rows_of(name) if options.items() <= row["config"]["options"].items()]
    metric = MEASURES[wanted["task"]][1]
    value = value_of(chosen, channel="awgn", metric=metric, **wanted)
    text = " ".join((ROOT / "docs" / "systems.md").read_text().split())
    assert stated in text
    (figure,) = re.findall(r"\d\.\d+", stated)
    assert float(figure) == pytest.approx(value, abs=1.001 * 0.5 * 10.0 ** -len(figure.split(".")[1]))
