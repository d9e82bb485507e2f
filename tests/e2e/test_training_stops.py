"""A training process that a scheduler ends leaves its checkpoint behind, and goes on from it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_STEPS_BETWEEN_LINES = 100


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """SST-2 of a few sentences, in its own layout."""
    folder = tmp_path / "data" / "sst2"
    folder.mkdir(parents=True)
    rows = [f"a {'good' if label else 'bad'} film number {n}\t{label}" for n in range(16) for label in (0, 1)]
    (folder / "train.tsv").write_text("sentence\tlabel\n" + "\n".join(rows) + "\n")
    return folder.parent


def _train(tmp_path: Path, data: Path, *options: str) -> subprocess.Popen[str]:
    arguments = ("--profile=tiny", "--tasks=sentiment", "--length=1000", "--threads=1", *options)
    folders = (f"--run-folder={tmp_path / 'run'}", f"--output={tmp_path / 'weights'}")
    return subprocess.Popen(
        [sys.executable, "-m", "semcom.cli", "train", *arguments, *folders],
        env={**os.environ, "SEMCOM_DATA": str(data), "SEMCOM_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sigterm_saves_the_checkpoint(tmp_path: Path, data: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    with _train(tmp_path, data) as process:
        try:
            assert process.stdout is not None
            assert any(f"step {_STEPS_BETWEEN_LINES}/" in line for line in process.stdout)
            assert not checkpoint.exists()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode not in (0, -signal.SIGTERM), errors
    assert "Traceback" not in errors
    assert checkpoint.is_file()
    assert not (tmp_path / "weights").exists()  # an unfinished run is not for serving
    resumed = _train(tmp_path, data, "--limit-steps=1")
    shown, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    found = re.search(r"resumed at step (\d+) of", shown)
    assert found is not None
    assert int(found[1]) >= _STEPS_BETWEEN_LINES
