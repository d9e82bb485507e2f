"""Result files are written whole, read back, and refused by name where they are something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.results import check_writable, read_figures, write_figures
from shared.errors import InvalidField

_FIGURES = json.loads((Path(__file__).parents[3] / "results" / "mfmsc-compact.json").read_text())[:3]


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures.json"
    check_writable(path)
    for count in (1, 3):
        write_figures(path, _FIGURES[:count])
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


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "figures.json"):
        with pytest.raises(InvalidField, match="output"):
            check_writable(path)
