"""`semcom campaign`: several systems side by side, at one commit; it goes on where it stopped."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.commands import campaign
from shared.weights import find_weights, load_joint_manifest

_COMMIT = "0123456789ab"


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two systems learn SST-2's layout, in folders of this test."""
    rows = [f"a {'good' if n % 2 else 'bad'} film {n} .\t{n % 2}" for n in range(400)]
    for name in ("train", "dev"):
        (tmp_path / "sst2").mkdir(exist_ok=True)
        (tmp_path / "sst2" / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *rows, ""]))
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path))
    monkeypatch.setattr(campaign, "current_commit", lambda: _COMMIT)
    own = ["--systems", "mmsc,tdeepsc", "--tasks", "sentiment", "--profile", "tiny"]
    return ["campaign", *own, "--runs", str(tmp_path / "runs")]


def test_a_campaign_that_was_stopped_goes_on_and_trains_every_system(
    tmp_path: Path, arguments: list[str]
) -> None:
    def stop_when_begun() -> None:
        log = tmp_path / "runs" / f"campaign-{_COMMIT}" / "mmsc.log"
        while not log.is_file():
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop_when_begun).start()
    stopped = CliRunner().invoke(app, [*arguments, "--at-once", "1"])
    assert stopped.exit_code == 1
    assert "waiting" in stopped.output  # the second system did not begin
    done = CliRunner().invoke(app, [*arguments, "--at-once", "2", "--length", "0.05"])
    assert done.exit_code == 0, done.output
    assert "100.0% of all steps" in done.output
    folder = tmp_path / "runs" / f"campaign-{_COMMIT}"
    manifests = {name: load_joint_manifest(own) for name, own in find_weights(folder / "weights").items()}
    assert {name: own.tasks for name, own in manifests.items()} == dict.fromkeys(
        ("mmsc", "tdeepsc"), ("sentiment",)
    )


def test_a_campaign_of_changed_code_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "current_commit", lambda: f"{_COMMIT}-dirty")
    refused = CliRunner().invoke(app, arguments)
    assert f"{_COMMIT}-dirty" in str(refused.exception)
