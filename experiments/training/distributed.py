"""Several processes, a GPU each, on one training run: `torchrun --nproc-per-node N -m experiments.cli train`.

Every process draws the same tasks, takes its share of each batch and averages gradients with the others, so
their weights stay the same without being sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Ranks:
    """The processes of a run.

    Attributes:
        rank: Number of this one, 0, 1, ...
        count: Of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """True for the one that writes files and shows progress."""
        return self.rank == 0

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes; a parameter without one counts as zero."""
        for parameter in parameters if self.count > 1 else ():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            self._average(parameter.grad)

    def average_statistics(self, network: nn.Module) -> None:
        """Replace what a network's norms have learnt of their batches by its mean over the processes."""
        for statistic in network.buffers() if self.count > 1 else ():
            if statistic.is_floating_point():
                self._average(statistic)

    def _average(self, tensor: Tensor) -> None:
        distributed.all_reduce(tensor)
        tensor /= self.count


ALONE = Ranks()


@contextmanager
def join_ranks(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the processes that torchrun started; alone where it started none.

    Args:
        device: Its type chooses the backend: NCCL for cuda, Gloo for cpu.

    Yields:
        The processes, and this one's own device.
    """
    if "WORLD_SIZE" not in os.environ:
        yield ALONE, device
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if device.type == "cuda" else device
        yield Ranks(distributed.get_rank(), distributed.get_world_size()), own
    finally:
        distributed.destroy_process_group()
