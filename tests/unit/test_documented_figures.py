"""Figures that a document states beside its own words are those of the stored measurements."""

import json
from pathlib import Path

import pytest

from shared.tasks import TASKS

ROOT = Path(__file__).parents[2]
# The data set of each task in the table of joint against alone training, and the file of each of its columns.
DATA_SETS = {
    "sentiment": "sst2",
    "image_classification": "cifar10-jpeg",
    "speech_recognition": "fsdd",
    "vqa": "easy-vqa",
    "movie_genres": "movies",
    "text_reconstruction": "europarl",
    "image_reconstruction": "cifar10-lossless",
    "video_classification": "weizmann",
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


@pytest.mark.parametrize("task", list(DATA_SETS))
def test_joint_against_alone(table, task):
    files = ("compare", "compare") if task in COMPARED else ("one-run", "alone")
    expected = [
        value_of(
            rows_of(name),
            task=task,
            system=system,
            dataset=DATA_SETS[task],
            channel=channel,
            metric=TASKS[task].metric,
        )
        for channel in ("awgn", "rayleigh")
        for name, system in zip(files, ("mfmsc", "mfsc"), strict=True)
    ]
    half_a_digit = 0.5 * 10.0 ** -len(table[task][0].split(".")[1])
    assert [float(figure) for figure in table[task]] == pytest.approx(expected, abs=1.001 * half_a_digit)
