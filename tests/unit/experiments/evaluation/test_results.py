"""Result files are written whole, read back, and refused by name where they are something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from measured_rows import rows_of
from typer.testing import CliRunner

from experiments import cli
from experiments.data.base import DatasetMissing
from experiments.evaluation.evaluate import Figure, Scored
from experiments.evaluation.results import check_writable, read_figures, write_json
from shared.errors import InvalidField

_FIGURES = rows_of("vqa", "easy-vqa", "accuracy")[:3]


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures.json"
    check_writable(path)
    for count in (1, 3):
        write_json(path, _FIGURES[:count])
    assert read_figures([path, path]) == _FIGURES * 2
    assert [file.name for file in path.parent.iterdir()] == ["figures.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(_FIGURES[0]) + "\n" + json.dumps(_FIGURES[1]), "Extra data"),
        ("{}", "JSON array"),
        ("[1]", "JSON array"),
        (json.dumps([_FIGURES[0], {**_FIGURES[0], "other": 1}]).replace('"metric"', '"meter"'), "no metric"),
        (None, "No such file"),
    ],
)
def test_what_is_no_result_file_is_refused(content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidField, match=f"figures.json.*{said}"):
        read_figures([path])


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "figures.json"):
        with pytest.raises(InvalidField, match="output"):
            check_writable(path)
    check_writable(Path("/dev/null"))


def test_figures_of_a_task_are_kept_when_a_later_one_fails(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures.json"

    def evaluate(task: str, *_: object, **__: object) -> list[Scored]:
        assert path.exists() is (task == "vqa")
        if task == "vqa":
            raise DatasetMissing("easy-vqa", "train.json", "somewhere")
        return [Scored(Figure(**_FIGURES[0]), np.zeros(1))]

    monkeypatch.setattr("experiments.commands.evaluate.evaluate", evaluate)
    command = ["evaluate", "--weights", str(tiny_weights), "--tasks", "sentiment,vqa", "--output"]
    done = CliRunner().invoke(cli.app, [*command, str(path)])
    assert isinstance(done.exception, DatasetMissing)
    assert read_figures([path])[0]["value"] == _FIGURES[0]["value"]
    refused = CliRunner().invoke(cli.app, [*command, str(tmp_path)])
    assert isinstance(refused.exception, InvalidField)
    assert refused.exception.field == "output"
