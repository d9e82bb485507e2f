"""`semcom data` on folders that hold some of the data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.commands.data import app, take_stock
from experiments.data.catalogue import DATASETS
from shared.tasks import TASKS


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_what_is_found_and_missing(root: Path) -> None:
    for file in ("europarl/val.txt.xz", "europarl/test.txt.xz", "europarl-v7/europarl-v7.de-en.en"):
        _touch(root / file)
    findings = {finding.dataset: finding for finding in take_stock(root)}
    assert findings["europarl"].found == ("validation", "test")
    assert findings["europarl"].missing == ("europarl/train.txt.xz",)
    assert findings["europarl-v7"].found == ("train", "validation", "test")
    assert not findings["europarl-v7"].missing
    assert not findings["easy-vqa"].found
    assert [finding.task for finding in take_stock(None)] == sorted(
        (dataset.task for dataset in DATASETS.values()), key=list(TASKS).index
    )


@pytest.fixture
def no_programs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is installed, and nothing was made before."""
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("no_programs")
def test_the_list_names_every_missing_file_and_its_source(root: Path) -> None:
    _touch(root / "fsdd" / "recordings.tar.xz")
    shown = CliRunner().invoke(app, ["data"], env={"COLUMNS": "100"}).stdout
    assert f"Data sets are read from {root}. Decoded files are kept in {root / 'cache'}." in shown
    for name, dataset in DATASETS.items():
        assert (f"{name}, source: {dataset.source}" in shown) == (name != "fsdd")
    assert "missing file fsdd" not in shown
    assert "  missing file hmdb51/testTrainMulti_7030_splits/*_test_split1.txt" in shown


def test_the_table_shows_each_split(root: Path) -> None:
    _touch(root / "europarl" / "test.txt.xz")
    lines = CliRunner().invoke(app, ["data"], env={"COLUMNS": "120"}).stdout.splitlines()
    cells = [[cell.strip() for cell in line.strip("┃│").replace("┃", "│").split("│")] for line in lines]
    header = next(row for row in cells if row[0] == "task")
    assert header[1:4] == ["data set", "found", "instead of"]
    europarl = next(row for row in cells if row[1:2] == ["europarl"])
    assert europarl[2:4] == ["test", DATASETS["europarl"].stands_for]


def test_a_folder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_DATA", "/nowhere")
    assert "read from /nowhere, which is no folder." in CliRunner().invoke(app, ["data"]).stdout


@pytest.mark.usefixtures("no_programs")
def test_a_missing_program_comes_with_how_to_install_it(root: Path) -> None:
    (made,) = (finding for finding in take_stock(root) if finding.dataset == "made-digits")
    assert (made.found, made.missing, made.missing_programs) == ((), (), ("espeak-ng", "flite"))
    shown = CliRunner().invoke(app, ["data"]).stdout
    for program in made.missing_programs:
        assert f"  missing program {program}, install it: apt install {program}" in shown


@pytest.mark.usefixtures("no_programs")
def test_a_split_that_was_made_needs_no_program(root: Path) -> None:
    _touch(root / "cache" / "made-digits" / "test.tar")
    (made,) = (finding for finding in take_stock(None) if finding.dataset == "made-digits")
    assert (made.found, made.missing_programs) == (("test",), ("espeak-ng",))


@pytest.mark.usefixtures("no_programs")
def test_json_without_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMCOM_DATA")
    rows = json.loads(CliRunner().invoke(app, ["data", "--json"]).stdout)
    assert [row["dataset"] for row in rows if row["found"]] == []
    assert all((row["missing"] or row["missing_programs"]) and row["source"] for row in rows)
