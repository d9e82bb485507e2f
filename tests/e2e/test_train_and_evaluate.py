"""`semcom train` and `semcom evaluate`, from the command to its rows, on a data set in GLUE's layout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from semcom.stack import Stack

_GOOD, _BAD = ("warm", "funny", "lovely", "moving"), ("dull", "noisy", "tired", "empty")
_STATED = {
    "task": "sentiment", "system": "mfmsc", "dataset": "sst2", "split": "dev", "metric": "accuracy",
    "num_instances": 16, "seed": 3, "num_realisations": 2, "channel_uses": 16, "payload_bytes": 128,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences in GLUE's layout."""
    root = tmp_path_factory.mktemp("data")
    (root / "sst2").mkdir()
    lines = [f"a {word} film\t{label}" for label, words in enumerate((_BAD, _GOOD)) for word in words]
    for name, repeats in (("train", 16), ("dev", 2)):
        text = "\n".join(["sentence\tlabel", *lines * repeats]) + "\n"
        (root / "sst2" / f"{name}.tsv").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def weights(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command trains, as a process of its own."""
    folder = tmp_path_factory.mktemp("run")
    command = [
        sys.executable, "-m", "semcom.cli", "train", "--profile=tiny", "--tasks=sentiment",
        f"--run-folder={folder}", f"--output={folder / 'weights' / 'mfmsc'}",
    ]  # fmt: skip
    environment = {**os.environ, "SEMCOM_DATA": str(data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "weights"


@pytest.fixture(autouse=True)
def _data(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_DATA", str(data))


def test_profile_steps_only_measure(semcom: Any, tmp_path: Path) -> None:
    folders = ("--run-folder", str(tmp_path / "run"), "--output", str(tmp_path / "weights"))
    done = semcom("train", "--profile=tiny", "--tasks=sentiment", "--profile-steps=2", "--json", *folders)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    (timing,) = shown["tasks"]
    assert (timing["task"], timing["planned_steps"]) == ("sentiment", 200)
    assert shown["hours"] == timing["planned_hours"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_trained_system_is_measured_alike_in_process_and_over_the_network(
    semcom: Any, lend: Any, weights: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    def evaluate(*args: str) -> list[dict[str, Any]]:
        done = semcom(
            "evaluate", "--weights", str(weights), "--channels=awgn,rayleigh", "--snr-db=0,12",
            "--seed=3", "--realisations=2", "--json", *args,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    kept = tmp_path / "figures.json"
    rows = evaluate("--output", str(kept))
    assert json.loads(kept.read_text(encoding="utf-8")) == rows
    places = [("awgn", 0), ("awgn", 12), ("rayleigh", 0), ("rayleigh", 12)]
    assert [(row["channel"], row["snr_db"]) for row in rows] == places
    for row in rows:
        assert {name: row[name] for name in _STATED} == _STATED
        assert (row["config"]["profile"], row["config"]["options"]) == ("tiny", {"symbols_per_token": 16})
        assert row["commit"]
    assert rows[1]["value"] >= 0.9
    with Stack.start(weights=weights, free_ports=True) as stack:
        with stack.client() as client:  # another's settings, left alone
            client.set_link(fading="symbol", coherence_symbols=2, snr_db=-20.0, seed=9)
        lend(stack)
        for option in (("--over-network",), ("--url", stack.base_url)):
            networked = evaluate(*option)
            assert [row["over_network"] for row in networked] == [True] * 4
            assert [row["value"] for row in networked] == [row["value"] for row in rows]
            assert [row["realised_snr_db"] for row in networked] == pytest.approx(
                [row["realised_snr_db"] for row in rows], abs=1e-5
            )
        others = ("--weights", str(tiny_weights), "--tasks=sentiment", "--url", stack.base_url)
        refused = semcom("evaluate", *others)
    assert refused.returncode == 1
    assert "fingerprint" in refused.stderr
