"""Systems within the channel uses of another one: the best quality that fits, found on the validation split.

A system can be matched where its registry row has an option that trades channel uses for quality. Its options
that can be left to the link are left to it. Only instances of the validation split choose; the test split is
measured with what was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from channel_service.radio.channels import Channel
from experiments.data import load_examples
from experiments.evaluation.link import SemanticLink
from shared.source import Source
from systems.registry import get_system
from systems.rows import Option, Options

_NUM_INSTANCES = 16


@dataclass(frozen=True)
class Match:
    """What fits into a number of channel uses over one channel.

    Attributes:
        options: With the highest quality that fits; None where nothing fits.
        channel_uses: Mean of an instance with these options, or with the lowest quality where nothing fits.
    """

    options: Options | None
    channel_uses: float


def quality_option(system: str, task: str) -> Option | None:
    """The option that trades channel uses for quality in this task; None where the system has none."""
    for option in get_system(system).options:
        if option.trades_channel_uses and task in option.tasks:
            return option
    return None


def validation_sources(task: str) -> list[Source]:
    """The instances that choose: some of the validation split, drawn with seed 0."""
    examples = load_examples(task, "validation")
    count = min(_NUM_INSTANCES, len(examples))
    return examples.sources(np.random.default_rng(0).choice(len(examples), count, replace=False))


def mean_channel_uses(
    link: SemanticLink, task: str, sources: Sequence[Source], channel: Channel, options: Options
) -> float:
    """Channel uses of an instance, mean over some; nothing is sent.

    Args:
        link: Of the system.
        task: Name of the task.
        sources: Instances.
        channel: To which the system may adapt.
        options: Of the system; those that are absent take their default.
    """
    encoded = link.encode(task, sources, channel, options)
    return float(np.mean([instance.symbols.size for instance in encoded]))


def match(
    link: SemanticLink, task: str, sources: Sequence[Source], channel: Channel, channel_uses: float
) -> Match:
    """The highest quality whose channel uses fit, by bisection: more quality never takes fewer symbols.

    Args:
        link: Of a system with a `quality_option`.
        task: Name of the task.
        sources: Instances over whose mean the channel uses must fit.
        channel: The one to be measured.
        channel_uses: Of an instance, at most.
    """
    option = quality_option(link.transmitter.name, task)
    if option is None or option.minimum is None or option.maximum is None:
        raise ValueError(f"{link.transmitter.name} has no option with limits that trades channel uses")
    rest = {
        own.name: own.adaptive_value
        for own in get_system(link.transmitter.name).options
        if own.adaptive_value is not None
    }
    low, high = int(option.minimum), int(option.maximum)
    found = mean_channel_uses(link, task, sources, channel, {**rest, option.name: low})
    if found > channel_uses:
        return Match(None, found)
    while low < high:
        middle = (low + high + 1) // 2
        uses = mean_channel_uses(link, task, sources, channel, {**rest, option.name: middle})
        if uses <= channel_uses:
            low, found = middle, uses
        else:
            high = middle - 1
    return Match({**rest, option.name: low}, found)
