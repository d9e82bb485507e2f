"""Model cards are made of a manifest and of measured figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from measured_rows import rows_of

from experiments.report.model_card import write_model_card
from shared.errors import InvalidField
from shared.weights import load_manifest


def test_a_card_holds_training_figures_and_limits(tiny_weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mfmsc"
    shutil.copytree(tiny_weights / "mfmsc", folder)
    fields = json.loads((folder / "manifest.json").read_text())
    fields["training"] = {
        "command": "semcom train", "hours": 1, "machine": "2 threads of some CPU", "steps": {"vqa": 5},
        "datasets": {"vqa": "easy-vqa+own+own"}, "seed": 7, "commits": ["abc", "def"], "started_from": "",
        "remarks": ["It rained."],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(fields))
    mark = load_manifest(folder).fingerprint
    text = write_model_card(folder, rows_of("vqa", "easy-vqa", "accuracy", fingerprint=mark)).read_text()
    assert f"Fingerprint `{mark}`" in text
    assert "Command: `semcom train`, seed 7, commit abc, def." in text
    assert "1 hours on 2 threads of some CPU." in text
    assert "- It rained." in text
    assert "easy-VQA, drawings of one shape; stands for VQA v2; own: own, counted 2 times | 5 |" in text
    assert "| vqa | easy-vqa | 10 | accuracy | 0.470 |" in text
    assert "- Questions are about the one shape of a drawing; there are 13 answers." in text
    assert "Went on from" not in text
    with pytest.raises(InvalidField, match="figures of weights"):
        write_model_card(folder, rows_of("vqa", "easy-vqa", "accuracy", fingerprint="another's"))
