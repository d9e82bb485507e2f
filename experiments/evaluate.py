"""Algorithm 2: a task's metric on its test split over a channel at an SNR, as one row anyone can repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from channel_service.channels import Channel
from experiments.baselines import guesser_accuracy
from experiments.datasets import load_examples
from experiments.datasets.base import Examples
from experiments.link import LinkAnswer, SemanticLink
from experiments.metrics import METRICS
from experiments.provenance import current_commit
from shared.tasks import get_task
from transmitter.source import Source

_BATCH = 64

Sender = Callable[[str, Sequence[Source], Sequence[Channel], Sequence[int]], list[list[LinkAnswer]]]
"""Sends instances of one task over each of several channels, as the frames of the given numbers.

Returns for each channel the answers, in order.
"""


@dataclass(frozen=True)
class Figure:
    """One measured figure, with what it takes to repeat it.

    Attributes:
        snr_db: Es/N0 per complex symbol, unit mean symbol power [dB].
        value: Of the metric, over num_instances instances.
        seed: Of the link; instance i is frame i, so that every task and system meets the same draws.
        commit: Of the project at the time of measuring.
        channel_uses: Mean an instance.
        payload_bytes: Mean an instance, symbols as float32.
        realised_snr_db: Mean of the frames' measured SNRs [dB].
        guesser: What guessing without the picture, or the commonest label, reaches on this split.
        over_network: True where the three services answered, False in process.
    """

    task: str
    system: str
    dataset: str
    split: str
    channel: str
    fading: str
    csi: str
    snr_db: float
    metric: str
    value: float
    num_instances: int
    seed: int
    commit: str
    fingerprint: str
    channel_uses: float
    payload_bytes: float
    realised_snr_db: float
    guesser: float
    over_network: bool


def evaluate(
    task: str,
    channels: Sequence[Channel],
    *,
    system: str,
    fingerprint: str,
    send: Sender,
    over_network: bool = False,
    limit: int | None = None,
) -> list[Figure]:
    """Measure one task over several channels on its test split.

    Args:
        task: Name of the task.
        channels: Settings of the link, one a figure; perfect CSI.
        system: Name of the system behind `send`.
        fingerprint: Of its weights.
        send: In process or over the network.
        over_network: Which of the two, for the record.
        limit: Measure so many instances, drawn with seed 0, instead of all.

    Raises:
        DatasetMissing: If the data is not there.
    """
    examples = load_examples(task, "test")
    indices = _choose(len(examples), limit)
    answers: list[list[LinkAnswer]] = [[] for _ in channels]
    batches = np.array_split(indices, max(1, round(len(indices) / _BATCH)))
    title = f"{task} over {len(channels)} channels"
    for batch in track(batches, title, console=Console(stderr=True), transient=True):
        sent = send(task, examples.sources(batch), channels, [int(index) for index in batch])
        for of_channel, more in zip(answers, sent, strict=True):
            of_channel += more
    truths, guesser = _truths(examples, indices), guesser_accuracy(examples)
    metric = get_task(task).metric
    return [
        Figure(
            task=task,
            system=system,
            dataset=examples.dataset,
            split=examples.split,
            channel=channel.model,
            fading=channel.fading,
            csi="perfect",
            snr_db=channel.snr_db,
            metric=metric,
            value=METRICS[metric].measure([answer.answer.labels[0] for answer in of_channel], truths).value,
            num_instances=len(of_channel),
            seed=channel.seed,
            commit=current_commit(),
            fingerprint=fingerprint,
            channel_uses=float(np.mean([answer.channel_uses for answer in of_channel])),
            payload_bytes=float(np.mean([answer.payload_bytes for answer in of_channel])),
            realised_snr_db=float(np.mean([answer.realised_snr_db for answer in of_channel])),
            guesser=guesser,
            over_network=over_network,
        )
        for channel, of_channel in zip(channels, answers, strict=True)
    ]


def _choose(num_instances: int, limit: int | None) -> np.ndarray[Any, np.dtype[np.int64]]:
    if limit is None or limit >= num_instances:
        return np.arange(num_instances)
    return np.sort(np.random.default_rng(0).choice(num_instances, limit, replace=False))


def _truths(examples: Examples, indices: np.ndarray[Any, np.dtype[np.int64]]) -> list[str]:
    return [examples.labels[target] for target in examples.targets[indices]]


@contextmanager
def in_process(weights: Path, system: str) -> Iterator[tuple[Sender, str]]:
    """Senders that need no services.

    Yields:
        The sender and the fingerprint of its weights.
    """
    link = SemanticLink.load(weights, system)
    yield link.send, link.transmitter.fingerprint
