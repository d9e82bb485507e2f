"""Rates: a transmitter refuses what its weights were not trained for, in plain words, and sends the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.errors import InvalidField
from shared.weights import MANIFEST_FILE
from systems.mfmsc.transmitter import Transmitter

RATES = {"text_reconstruction": [16], "image_reconstruction": [8, 16]}
WEIGHTS = Path(__file__).parents[4] / "weights"


@pytest.fixture
def transmitter(tiny_weights: Path, tmp_path: Path) -> Transmitter:
    """Weights whose training tells of two tasks' rates and is silent on speech."""
    folder = tmp_path / "mfmsc"
    shutil.copytree(tiny_weights, tmp_path, dirs_exist_ok=True)
    training = {"recipe": {"tasks": {task: {"symbols_per_token": rates} for task, rates in RATES.items()}}}
    fields = json.loads((folder / MANIFEST_FILE).read_text("utf-8")) | {"training": training}
    (folder / MANIFEST_FILE).write_text(json.dumps(fields), "utf-8")
    return Transmitter.load(folder)


@pytest.mark.parametrize(
    ("task", "rate"),
    [("text_reconstruction", 16), ("image_reconstruction", 8), ("image_reconstruction", 12)]
    + [("speech_recognition", 4)],
)
def test_a_trained_rate_is_sent(
    transmitter: Transmitter, sources: list[dict[str, Any]], task: str, rate: int
) -> None:
    for encoded in transmitter.encode(task, sources, {"symbols_per_token": rate}):
        assert encoded.symbols.shape[1] == rate


@pytest.mark.parametrize(
    ("task", "rate", "lowest"), [("text_reconstruction", 15, 16), ("image_reconstruction", 7, 8)]
)
def test_a_lower_rate_is_refused_by_name(
    transmitter: Transmitter, sources: list[dict[str, Any]], task: str, rate: int, lowest: int
) -> None:
    with pytest.raises(InvalidField) as refusal:
        transmitter.encode(task, sources, {"symbols_per_token": rate})
    assert (refusal.value.field, refusal.value.value) == ("symbols_per_token", str(rate))
    assert f"at least {lowest} for {task}" in refusal.value.allowed


def test_the_shipped_weights_send_words_at_the_rate_they_were_trained_for_alone(
    sources: list[dict[str, Any]],
) -> None:
    shipped = Transmitter.load(WEIGHTS / "mfmsc")
    for task in ("text_reconstruction", "speech_recognition"):
        with pytest.raises(InvalidField, match="symbols_per_token"):
            shipped.encode(task, sources, {"symbols_per_token": 8})
    assert shipped.encode("image_reconstruction", sources, {"symbols_per_token": 8})
