"""The receiver half of a system whose tasks were trained one by one: a half for each of them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import TaskNotTrained
from shared.weights import Manifest, join_manifests
from systems.receiver_base import ManyAtATime, Received, ReceiverSystem, TaskAnswer


class TrainedApart:
    """Hands a frame to the half that was trained for its task.

    Args:
        halves: Each with tasks of its own, all with one kind of equaliser.
        manifests: Of their weights, in the same order.
    """

    def __init__(self, halves: Sequence[ReceiverSystem], manifests: Sequence[Manifest]) -> None:
        joint = join_manifests(manifests)
        self.name, self.tasks, self.fingerprint = joint.system, joint.tasks, joint.fingerprint
        self.profile, self.equaliser = halves[0].profile, halves[0].equaliser
        self.symbols_at_a_time = min(
            half.symbols_at_a_time if isinstance(half, ManyAtATime) else 0 for half in halves
        )
        self._half_of = {task: half for half in halves for task in half.tasks}

    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order; see `ReceiverSystem.decode`."""
        if task not in self._half_of:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        return self._half_of[task].decode(task, frames)
