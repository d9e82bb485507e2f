"""`semcom train`: the command that a manifest states repeats its training."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from torch import Tensor
from typer.testing import CliRunner

from experiments import cli
from experiments.training import train
from shared.weights import load_manifest


def _train(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Run the command; the losses of its steps, in order."""
    losses: list[float] = []
    take_step = train.train_step

    def noted(*arguments: object, **named: object) -> tuple[Tensor, Tensor]:
        loss, quality = take_step(*arguments, **named)  # type: ignore[arg-type]
        losses.append(float(loss))
        return loss, quality

    with monkeypatch.context() as patched:
        patched.setattr(train, "train_step", noted)
        patched.setattr(sys, "argv", ["semcom", *arguments])
        done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return losses


@pytest.mark.usefixtures("small_data")
def test_the_command_of_a_manifest_repeats_the_training_loss_for_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    tasks = ["--tasks", "sentiment,vqa", "--length", "0.03", "--threads", "1"]
    folders = ["--run-folder", str(first / "run"), "--output", str(first / "weights")]
    losses = _train(["train", "--profile", "tiny", *tasks, *folders], monkeypatch)
    stated = load_manifest(first / "weights").training["command"]
    command = shlex.split(stated.replace(str(first), str(again)))
    assert command[0] == "semcom"
    assert _train(command[1:], monkeypatch) == losses
    assert len(losses) == 15
    assert load_manifest(again / "weights").fingerprint == load_manifest(first / "weights").fingerprint
