"""Algorithm 2: a task's metric on a split over a channel at an SNR, as one row anyone can repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from channel_service.radio.channels import Channel
from experiments.data import load_examples
from experiments.data.base import Examples
from experiments.evaluation.baselines import guesser
from experiments.evaluation.link import LinkAnswer
from experiments.evaluation.measures import measures_of
from experiments.evaluation.metrics import Measured
from shared.errors import InvalidField
from shared.provenance import current_commit
from shared.source import Source
from shared.weights import Manifest
from systems.registry import get_system
from systems.rows import Options

_BATCH = 64
_NUM_LABELS_NAMED = 8

Sender = Callable[[str, Sequence[Source], Sequence[Channel], Sequence[int], Options], list[list[LinkAnswer]]]
"""Sends instances of one task over each of several channels, as frames of the given numbers, with options.

Returns for each channel the answers, in order.
"""


_IN_ROW = ("model", "fading", "snr_db", "seed", "trace_gains")


@dataclass(frozen=True)
class Figure:
    """One measured figure, with what it takes to repeat it.

    Attributes:
        snr_db: As snr_definition says [dB].
        value: Of the metric, over num_instances instances; the mean of all channel realisations.
        low: Lower end of the value's 95 % confidence interval, over the choice of instances.
        high: Its upper end.
        seed: Of the link; instance i is frame i, so that every task and system meets the same draws.
        num_realisations: Of the channel for each instance, by seeds seed, seed + 1, ...
        commit: Of the project at the time of measuring.
        channel_uses: Mean an instance.
        payload_bytes: Mean an instance, symbols as float32.
        realised_snr_db: Mean of the frames' measured SNRs [dB].
        guesser: What guessing without the input reaches on this split; None where there is nothing to guess,
            or no training split to learn it from.
        over_network: True where the three services answered, False in process.
        config: Profile of the weights, options of the system, and the radio's other settings.
        information_bits: Of the source code, mean an instance; 0 without channel coding.
        coded_bits: That the symbols carry, mean an instance; 0 without channel coding.
        code_rate: Information bits a coded bit; None without channel coding.
        outage_share: Share of the answers that do without something that did not come across.
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
    low: float
    high: float
    num_instances: int
    seed: int
    num_realisations: int
    commit: str
    fingerprint: str
    channel_uses: float
    payload_bytes: float
    realised_snr_db: float
    guesser: float | None
    over_network: bool
    config: Mapping[str, Any]
    snr_definition: str = "Es/N0 per complex symbol, unit mean symbol power [dB]"
    information_bits: float = 0.0
    coded_bits: float = 0.0
    code_rate: float | None = None
    outage_share: float = 0.0


@dataclass(frozen=True)
class Scored:
    """A figure and what a paired difference needs of it.

    Attributes:
        figure: As result files hold it.
        resampled: Its value over instances drawn anew, as `Measured` has it, shape [num_resamples].
    """

    figure: Figure
    resampled: NDArray[np.float64]


def evaluate(
    task: str,
    channels: Sequence[Channel],
    *,
    manifest: Manifest,
    send: Sender,
    over_network: bool = False,
    num_realisations: int = 1,
    limit: int | None = None,
    dataset: str | None = None,
    split: str = "test",
    options: Options | None = None,
) -> list[Scored]:
    """Measure one task over several channels on one split.

    Args:
        task: Name of the task.
        channels: Settings of the link, one a figure; perfect CSI.
        manifest: Of the weights behind `send`.
        send: In process or over the network.
        over_network: Which of the two, for the record.
        num_realisations: Of each channel, by consecutive seeds: few instances at a low SNR need several.
        limit: Measure so many instances, drawn with seed 0, instead of all.
        dataset: Of the task; its first when absent.
        split: test, or validation for whatever is still to be chosen by its figures.
        options: Of the system; those that are absent take their default.

    Returns:
        A figure for each of the task's metrics and each channel.

    Raises:
        DatasetMissing: If the data is not there.
        InvalidField: If the system has no such option, a value is not allowed for the task, or the data set
            has no such split or other labels.
    """
    chosen = get_system(manifest.system).read_options(task, options or {})
    examples = load_examples(task, split, dataset)
    _check_labels(examples, manifest)
    measures = {measure: guesser(examples, measure) for measure in measures_of(examples)}
    indices = _choose(len(examples), limit)
    seeded = [replace(own, seed=own.seed + offset) for own in channels for offset in range(num_realisations)]
    answers = _send_all(examples, indices, seeded, send, chosen)
    stated = {
        "task": task,
        "system": manifest.system,
        "dataset": examples.dataset,
        "split": examples.split,
        "num_instances": len(indices),
        "num_realisations": num_realisations,
        "commit": current_commit(),
        "fingerprint": manifest.fingerprint,
        "over_network": over_network,
    }
    config = {"profile": manifest.config.get("profile", ""), "options": chosen}
    scored = []
    for measure, guessed in measures.items():
        for number, channel in enumerate(channels):
            own = answers[number * num_realisations : (number + 1) * num_realisations]
            measured = measure(examples, indices.tolist(), [[answer.answer for answer in row] for row in own])
            told = {**stated, "metric": measure.name, "guesser": guessed}
            scored.append(_score(measured, list(chain(*own)), channel, told, config))
    return scored


def _score(
    measured: Measured,
    answers: Sequence[LinkAnswer],
    channel: Channel,
    stated: Mapping[str, Any],
    config: Mapping[str, Any],
) -> Scored:
    """A measured metric with what its answers cost over a channel, and with the fields stated already."""

    def mean(name: str) -> float:
        return float(np.mean([getattr(answer, name) for answer in answers]))

    radio = {name: value for name, value in asdict(channel).items() if name not in _IN_ROW}
    radio |= radio.pop("parameters")
    coded_bits = mean("coded_bits")
    figure = Figure(
        **stated,
        channel=channel.model,
        fading=channel.fading,
        csi="perfect",
        snr_db=channel.snr_db,
        seed=channel.seed,
        value=measured.value,
        low=measured.low,
        high=measured.high,
        channel_uses=mean("channel_uses"),
        payload_bytes=mean("payload_bytes"),
        realised_snr_db=mean("realised_snr_db"),
        config={**config, "radio": radio},
        information_bits=mean("information_bits"),
        coded_bits=coded_bits,
        code_rate=mean("information_bits") / coded_bits if coded_bits else None,
        outage_share=float(np.mean([answer.answer.outage for answer in answers])),
    )
    return Scored(figure, measured.resampled)


def _send_all(
    examples: Examples,
    indices: NDArray[np.int64],
    links: Sequence[Channel],
    send: Sender,
    options: Options,
) -> list[list[LinkAnswer]]:
    """For each channel the answers to the instances of these indices, without scores.

    No figure is of the scores, and those of many instances and channels would fill the memory.
    """
    answers: list[list[LinkAnswer]] = [[] for _ in links]
    batches = np.array_split(indices, max(1, round(len(indices) / _BATCH)))
    title = f"{examples.task} over {len(links)} channels"
    for batch in track(batches, title, console=Console(stderr=True), transient=True):
        sent = send(examples.task, examples.sources(batch), links, batch.tolist(), options)
        for of_channel, more in zip(answers, sent, strict=True):
            of_channel += [replace(own, answer=replace(own.answer, scores=())) for own in more]
    return answers


def _check_labels(examples: Examples, manifest: Manifest) -> None:
    """Refuse a data set whose labels the weights were never taught: each answer would count as wrong."""
    learnt = manifest.labels.get(examples.task, ())
    if examples.task in manifest.tasks and tuple(examples.labels) != tuple(learnt):
        raise InvalidField(
            "dataset",
            f"{examples.dataset}, with {_few(examples.labels)}",
            f"one with the labels of weights {manifest.fingerprint}: {_few(learnt)}",
        )


def _few(labels: Sequence[str]) -> str:
    return ", ".join([*labels[:_NUM_LABELS_NAMED], *(["..."] if len(labels) > _NUM_LABELS_NAMED else [])])


def _choose(num_instances: int, limit: int | None) -> NDArray[np.int64]:
    if limit is None or limit >= num_instances:
        return np.arange(num_instances)
    return np.sort(np.random.default_rng(0).choice(num_instances, limit, replace=False))
