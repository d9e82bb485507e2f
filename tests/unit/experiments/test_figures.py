"""Model cards of measured figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.report.model_card import write_model_card
from shared.errors import InvalidField
from shared.weights import load_manifest


def _figure(fingerprint: str, **changes: Any) -> dict[str, Any]:
    row = {
        "task": "vqa", "dataset": "easy-vqa", "split": "test", "channel": "awgn", "fading": "block",
        "snr_db": 12.0,
        "metric": "accuracy", "value": 0.5, "num_instances": 10, "channel_uses": 16.0, "seed": 0,
        "num_realisations": 1,
        "commit": "abc", "fingerprint": fingerprint, "guesser": 0.25,
    }  # fmt: skip
    return {**row, **changes}


def test_card_holds_the_figures_it_was_given(tiny_weights: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "mfmsc"
    shutil.copytree(tiny_weights / "mfmsc", folder)
    fields = json.loads((folder / "manifest.json").read_text())
    fields["training"] = {
        "command": "semcom train", "hours": 1, "device": "cpu", "steps": {"vqa": 5},
        "datasets": {"vqa": "easy-vqa+own+own"},
        "commits": ["abc", "def"], "started_from": "beef",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(fields))
    mark = load_manifest(folder).fingerprint
    text = write_model_card(
        folder,
        [
            _figure(mark),
            _figure(mark, snr_db=-6.0, value=0.25),
            _figure(mark, dataset="vqa-v2", num_realisations=20),
        ],
        "Notes.",
    ).read_text()
    assert "| vqa | easy-vqa (test) | 10 | 16 | accuracy | 0.2500 | 0.2500 | 0.5000 |" in text
    assert "| vqa | vqa-v2 (test) | 10 x 20 | 16 | accuracy |" in text
    assert "Notes." in text
    assert "test questions on 64x64 drawings; own, counted 2 times\n" in text
    assert "in order: abc, def\n- Started from earlier weights: beef\n" in text
    with pytest.raises(InvalidField, match="results.*easy-vqa.*one figure"):
        write_model_card(folder, [_figure(mark), _figure(mark, commit="other")], "")
    with pytest.raises(InvalidField, match="figures of weights"):
        write_model_card(folder, [_figure("someone else's")], "")
