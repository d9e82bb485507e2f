"""`semcom data` on folders that hold some of the data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.commands.data import app, take_stock
from experiments.data.catalogue import DATASETS
from shared.tasks import TASKS


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_what_is_found_and_missing(root: Path) -> None:
    for file in ("europarl/val.txt.xz", "europarl/test.txt.xz", "europarl-v7/europarl-v7.de-en.en"):
        _write(root / file)
    findings = {finding.dataset: finding for finding in take_stock(root)}
    assert findings["europarl"].found == ("validation", "test")
    assert findings["europarl"].missing == ("europarl/train.txt.xz",)
    assert findings["europarl-v7"].found == ("train", "validation", "test")
    assert not findings["europarl-v7"].missing
    assert not findings["easy-vqa"].found
    assert [finding.task for finding in take_stock(None)] == sorted(
        (dataset.task for dataset in DATASETS.values()), key=list(TASKS).index
    )


def test_the_list_names_every_missing_file_and_its_source(root: Path) -> None:
    _write(root / "fsdd" / "recordings.tar.xz")
    shown = CliRunner().invoke(app, ["data"], env={"COLUMNS": "100"}).stdout
    assert f"Looked in {root}. Unpacked into {root / 'cache'}." in shown
    for name, dataset in DATASETS.items():
        assert (f"{name}: get it from {dataset.source}" in shown) == (name != "fsdd")
    assert "missing fsdd" not in shown
    assert "  missing hmdb51/testTrainMulti_7030_splits/*_test_split1.txt" in shown


def test_json_without_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMCOM_DATA", raising=False)
    rows = json.loads(CliRunner().invoke(app, ["data", "--json"]).stdout)
    assert [row["dataset"] for row in rows if row["found"]] == []
    assert all(row["missing"] and row["source"] for row in rows)
