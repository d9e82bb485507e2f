"""A system whose tasks were trained one by one: each task goes to the side that was trained for it."""

from __future__ import annotations

from collections.abc import Sequence

from shared.source import Source
from shared.weights import Manifest, join_manifests
from systems.base import EncodedInstance, KnownLink, Received, ReceiverSystem, TaskAnswer, TransmitterSystem
from systems.rows import Options


class PerTaskTransmitter(TransmitterSystem):
    """Transmitters of one class, each with tasks of its own.

    Args:
        sides: One for each folder of weights.
        manifests: What their folders say, in the same order.
    """

    def __init__(self, sides: Sequence[TransmitterSystem], manifests: Sequence[Manifest]) -> None:
        super().__init__(join_manifests(manifests), sides[0].profile)
        self.is_thread_safe = all(side.is_thread_safe for side in sides)
        self._first, self._side_of = sides[0], {task: side for side in sides for task in side.tasks}

    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        self.check_task(task)
        return self._side_of[task].encode(task, sources, options)

    def needs_link(self, options: Options) -> bool:
        """As each side does; see `TransmitterSystem.needs_link`."""
        return self._first.needs_link(options)

    def adapt(self, options: Options, link: KnownLink) -> Options:
        """As each side does; see `TransmitterSystem.adapt`."""
        return self._first.adapt(options, link)


class PerTaskReceiver(ReceiverSystem):
    """Receivers of one class, each with tasks of its own.

    Args:
        sides: One for each folder of weights.
        manifests: What their folders say, in the same order.
    """

    def __init__(self, sides: Sequence[ReceiverSystem], manifests: Sequence[Manifest]) -> None:
        super().__init__(join_manifests(manifests), sides[0].profile)
        self.equaliser, self.symbols_at_a_time = sides[0].equaliser, sides[0].symbols_at_a_time
        self._side_of = {task: side for side in sides for task in side.tasks}

    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order; see `ReceiverSystem.decode`."""
        self.check_task(task)
        return self._side_of[task].decode(task, frames)
