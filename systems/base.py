"""The interface of a system: the classes `Transmitter` and `Receiver`, each with one method to write.

source -> Transmitter.encode -> symbols -> channel -> equaliser -> Received -> Receiver.decode -> TaskAnswer
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from shared.answers import TaskAnswer as TaskAnswer
from shared.errors import TaskNotTrained
from shared.source import Source
from shared.weights import Manifest, load_manifest
from systems.rows import Options

EqualiserName = Literal["mmse", "zero_forcing"]
"""mmse: least mean squared error, but biased towards zero; zero_forcing: unbiased, loud in a deep fade."""


@dataclass(frozen=True)
class EncodedInstance:
    """One instance, ready for the air.

    Attributes:
        symbols: complex64, shape [num_tokens, num_symbols_per_token], of unit mean power, or of unit expected
            power where the system states a peak power.
        num_source_values: Real values of the source as the model sees it (pixels, samples, characters), the
            n of the bandwidth ratio k/n.
        information_bits: Bits of the source code; this and what follows is 0 without channel coding.
        coded_bits: Bits that the symbols carry, signalling included.
        num_blocks: Blocks of the channel code.
        num_unknown_pieces: Word pieces or characters of the text that the system has nothing for, such as an
            emoji.
    """

    symbols: NDArray[np.complex64]
    num_source_values: int
    information_bits: int = 0
    coded_bits: int = 0
    num_blocks: int = 0
    num_unknown_pieces: int = 0


@dataclass(frozen=True)
class KnownLink:
    """What a transmitter knows of the link before it sends; the channel's draw is not part of it.

    Attributes:
        channel: Name of the channel model.
        snr_db: Requested SNR, Es/N0 per complex symbol [dB]; None where it follows a schedule or
            a recording.
    """

    channel: str
    snr_db: float | None


@dataclass(frozen=True)
class Received:
    """One frame as the equaliser hands it to a system's receiver.

    Attributes:
        symbols: Estimates x_hat of the sent symbols, complex64, shape [num_tokens, num_symbols_per_token].
        noise_variance: E|x_hat - x|^2 of each estimate, as far as the receiver knows the channel [linear],
            float32, shape of `symbols`; may be read-only.
    """

    symbols: NDArray[np.complex64]
    noise_variance: NDArray[np.float32]


class SystemSide(ABC):
    """What both sides of a system have.

    Args:
        manifest: What the folder of the weights says of them.
        profile: Size of the networks; empty where the system has one size.

    Attributes:
        name: Name of the system, a row of `systems.registry`.
        profile: As above.
        fingerprint: Hash of the weights.
        tasks: Trained tasks.
    """

    name: str
    profile: str
    fingerprint: str
    tasks: tuple[str, ...]

    def __init__(self, manifest: Manifest, profile: str = "") -> None:
        self.name, self.profile = manifest.system, profile
        self.fingerprint, self.tasks = manifest.fingerprint, manifest.tasks

    @classmethod
    def load(cls, folder: Path) -> Self:
        """This side with the weights of a folder; unless overridden there is nothing but a manifest.

        Raises:
            InvalidField: If the weights cannot be loaded.
        """
        return cls(load_manifest(folder))

    def warm_up(self) -> None:  # noqa: B027  # most have nothing to do
        """Load and build what takes long; called in a thread beside a service that is ready."""

    def check_task(self, task: str) -> None:
        """Refuse what the weights do not serve.

        Raises:
            TaskNotTrained: If the task is not among `tasks`.
        """
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))


class TransmitterSystem(SystemSide):
    """Semantic encoder and channel encoder of one system.

    Attributes:
        is_thread_safe: Whether `encode` may be called for several batches at a time.
    """

    is_thread_safe: bool = False

    @abstractmethod
    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols, in order.

        Args:
            task: One of `tasks`.
            sources: Decoded inputs.
            options: A value for every option of the system, as `System.read_options` returns them.

        Raises:
            TaskNotTrained: If the task is not among `tasks`.
            InvalidField: If the weights were not trained for a value of an option.
            TooLarge: If a text that shall come back is longer than the system can send.
        """

    def needs_link(self, options: Options) -> bool:
        """Whether these options leave something to the state of the link; unless overridden none does."""
        return False

    def adapt(self, options: Options, link: KnownLink) -> Options:
        """The options for a link, in which nothing is left to its state.

        Raises:
            InvalidField: If an option cannot follow this link.
        """
        return options


class ReceiverSystem(SystemSide):
    """Channel decoder and semantic decoder of one system.

    Attributes:
        equaliser: Which one its frames come through.
        symbols_at_a_time: Frames of so many symbols in all fit into memory in one call, and take hardly
            longer together than a few; 0 where nothing is gained by many frames.
    """

    equaliser: EqualiserName = "mmse"
    symbols_at_a_time: int = 0

    @abstractmethod
    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order.

        Args:
            task: One of `tasks`.
            frames: After the equaliser.

        Raises:
            TaskNotTrained: If the task is not among `tasks`.
            InvalidField: If a frame's shape is not one the task sends.
        """
