"""Two processes that share every batch learn what one learns from the whole batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

_SCRIPT = """
import sys, torch
from torch import nn
from experiments.training.distributed import join_ranks

with join_ranks(torch.device("cpu")) as (ranks, device):
    layer = nn.Linear(3, 1, bias=False)
    nn.init.ones_(layer.weight)
    unused = nn.Parameter(torch.zeros(2))
    rows = torch.arange(12.0).view(4, 3)[ranks.rank :: ranks.count]
    layer(rows).square().mean().backward()
    ranks.average_gradients([layer.weight, unused])
    norm = nn.BatchNorm1d(3, momentum=1.0)
    norm(rows)
    ranks.average_statistics(norm)
    if ranks.is_first:
        found = {"count": ranks.count, "weight": layer.weight.grad, "unused": unused.grad}
        torch.save({**found, "mean": norm.running_mean}, sys.argv[1])
"""


def test_gradients_and_statistics_are_averaged_over_processes(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(tmp_path / "first.pt")],
            env={
                **os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
            },
        )
        for rank in range(2)
    ]  # fmt: skip
    assert [process.wait(120) for process in processes] == [0, 0]
    found = torch.load(tmp_path / "first.pt", weights_only=True)
    layer = torch.nn.Linear(3, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    layer(torch.arange(12.0).view(4, 3)).square().mean().backward()
    assert found["count"] == 2
    assert layer.weight.grad is not None
    torch.testing.assert_close(found["weight"], layer.weight.grad)
    assert found["unused"].tolist() == [0.0, 0.0]
    torch.testing.assert_close(found["mean"], torch.arange(12.0).view(4, 3).mean(0))


@pytest.mark.usefixtures("small_data")
def test_shares_of_a_batch_make_the_batch() -> None:
    from small_data import small_examples

    from experiments.training.recipes import TaskRecipe
    from experiments.training.sampling import Sampler
    from systems.layers.profiles import get_profile
    from systems.layers.text import SPECIAL, Vocabulary
    from systems.mfmsc.training import Mfmsc

    vocabulary = Vocabulary([*SPECIAL, *"abc"], 32)
    examples = small_examples("image_classification", "train")
    sampler = Sampler(
        examples, TaskRecipe(steps=1, batch=8), get_profile("tiny"), vocabulary, Mfmsc.speech, seed=0
    )
    _, (whole,) = sampler.batch(1)
    shares = [sampler.batch(1, rank=rank, num_ranks=2)[1][0] for rank in range(2)]
    assert [len(share) for share in shares] == [4, 4]
    assert sorted(torch.cat(shares).tolist()) == sorted(whole.tolist())
