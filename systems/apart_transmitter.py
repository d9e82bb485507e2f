"""The transmitter half of a system whose tasks were trained one by one: a half for each of them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import TaskNotTrained
from shared.weights import Manifest, join_manifests
from systems.base import (
    EncodedInstance,
    LinkAdaptive,
    LinkState,
    Source,
    TransmitterSystem,
    is_thread_safe,
)
from systems.registry import Options


class TrainedApart:
    """Hands an instance to the half that was trained for its task.

    Args:
        halves: Each with tasks of its own.
        manifests: Of their weights, in the same order.
    """

    def __init__(self, halves: Sequence[TransmitterSystem], manifests: Sequence[Manifest]) -> None:
        joint = join_manifests(manifests)
        self.name, self.tasks, self.fingerprint = joint.system, joint.tasks, joint.fingerprint
        self.profile = halves[0].profile
        self.is_thread_safe = all(is_thread_safe(half) for half in halves)
        self._half_of = {task: half for half in halves for task in half.tasks}
        self._adaptive = next((half for half in halves if isinstance(half, LinkAdaptive)), None)

    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        if task not in self._half_of:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        return self._half_of[task].encode(task, sources, options)

    def needs_link(self, options: Options) -> bool:
        """See `LinkAdaptive.needs_link`; the halves are of one class."""
        return self._adaptive is not None and self._adaptive.needs_link(options)

    def adapt(self, options: Options, link: LinkState) -> Options:
        """The options for a link, as each half takes them; see `LinkAdaptive.adapt`."""
        return options if self._adaptive is None else self._adaptive.adapt(options, link)
