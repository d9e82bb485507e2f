"""The interface of every system's transmitter half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from shared.source import Source as Source
from systems.registry import Options


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
        num_unknown_pieces: Word pieces of the text that the system has no symbol for, such as an emoji.
    """

    symbols: NDArray[np.complex64]
    num_source_values: int
    information_bits: int = 0
    coded_bits: int = 0
    num_blocks: int = 0
    num_unknown_pieces: int = 0


class TransmitterSystem(Protocol):
    """Semantic encoder and channel encoder of one system.

    A class with the attribute `is_thread_safe = True` may be asked for several batches at a time, any other
    one for one at a time.

    Attributes:
        name: As the manifest of its weights names it, a row of `systems.registry`.
        profile: Size of its networks; empty where the system has one size.
        fingerprint: Of its weights.
        tasks: Trained tasks.
    """

    name: str
    profile: str
    fingerprint: str
    tasks: tuple[str, ...]

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
        ...


def is_thread_safe(system: TransmitterSystem) -> bool:
    """Whether a system may encode several batches at a time."""
    return bool(getattr(system, "is_thread_safe", False))


@dataclass(frozen=True)
class LinkState:
    """What a transmitter knows of the link before it sends; the channel's draw is not part of it.

    Attributes:
        channel: Name of the channel model.
        snr_db: Requested SNR, Es/N0 per complex symbol [dB]; None where it follows a schedule or
            a recording.
    """

    channel: str
    snr_db: float | None


@runtime_checkable
class LinkAdaptive(Protocol):
    """A transmitter half that can take options from the state of the link; a half without it never asks."""

    def needs_link(self, options: Options) -> bool:
        """Whether these options leave something to the state of the link."""
        ...

    def adapt(self, options: Options, link: LinkState) -> Options:
        """The options for a link, in which nothing is left to its state.

        Raises:
            InvalidField: If an option cannot follow this link.
        """
        ...
