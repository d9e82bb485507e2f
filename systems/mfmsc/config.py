"""What both sides of MFMSC know, and those of the systems that are made from its network.

How each task is sent, and what a manifest says of the networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from shared.answers import LabelAnswer
from shared.tasks import Task
from systems.layers.config import NetworkConfig
from systems.layers.profiles import MIN_CHANNEL_USES_PER_TOKEN


def is_multimodal(task: Task) -> bool:
    """True where the fusion module joins several modalities."""
    return len(task.modalities) > 1


def is_mirror_proof(task: Task) -> bool:
    """True where a picture alone gets one label: seen in a mirror it gets the same."""
    return task.answer is LabelAnswer and task.modalities == ("image",)


def lowest_trained_rate(training: Mapping[str, Any], task: str) -> int:
    """Fewest symbols of a token that weights were trained to send for a task; below it the answer is noise.

    Args:
        training: What the training wrote into the manifest. Where it says nothing of rates, all are allowed.
        task: Name of the task.

    Returns:
        Channel uses a token.
    """
    rates = training.get("recipe", {}).get("tasks", {}).get(task, {}).get("symbols_per_token")
    return min(rates) if rates else MIN_CHANNEL_USES_PER_TOKEN


@dataclass(frozen=True)
class MfmscConfig(NetworkConfig):
    """What the networks are rebuilt from, beside the manifest's tasks and labels.

    Attributes:
        has_fusion: Whether several modalities are fused to one vector; else all their tokens are sent.
    """

    has_fusion: bool = True

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Read the config of a manifest; older weights do not state `has_fusion`; see the base class."""
        return replace(super().of(config), has_fusion=bool(config.get("has_fusion", True)))
