"""A training process that a scheduler ends leaves its checkpoint behind, and goes on from it."""

from __future__ import annotations

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


def test_sigterm_saves_the_checkpoint_and_the_run_goes_on_from_it(tmp_path, data, semcom, monkeypatch):
    monkeypatch.setenv("SEMCOM_DATA", str(data))
    monkeypatch.setenv("SEMCOM_CACHE", str(tmp_path / "cache"))
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    train = ("train", "--profile=tiny", "--tasks=sentiment", "--length=1000", "--threads=1")
    train += (f"--run-folder={tmp_path / 'run'}", f"--output={tmp_path / 'weights'}")
    command = [sys.executable, "-m", "semcom.cli", *train]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
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
    resumed = semcom(*train, "--limit-steps=1")
    assert resumed.returncode == 0, resumed.stderr
    found = re.search(r"resumed at step (\d+) of", resumed.stdout)
    assert found is not None
    assert int(found[1]) >= _STEPS_BETWEEN_LINES
