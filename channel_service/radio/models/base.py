"""The interface of what draws a link's gains.

(seed, frame number) ──▶ fading: unit paths g ~ CN(0, 1) ──▶ model: gains h, E|h|^2 = 1
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from channel_service.radio.random_streams import Complex
from channel_service.radio.settings import Channel


class DrawInputs(NamedTuple):
    """What a model draws one frame's gains from.

    Attributes:
        channel: Settings.
        frame_number: uint64.
        shape: Of the frame's symbols, [L, S].
        paths: Endless independent paths g ~ CN(0, 1), complex64, of the fading's shape: [1, 1], [num_blocks]
            spread over the frame, or [L, S].
    """

    channel: Channel
    frame_number: int
    shape: tuple[int, int]
    paths: Iterator[Complex]


class Model(ABC):
    """One channel model; a class and a row of MODELS.

    Attributes:
        has_k_factor: Its gains depend on the K factor.
        needs_trace: It plays back recorded gains.
        is_flat: All symbols that meet one draw of the paths have one gain, so that pilots can tell of it.
    """

    has_k_factor: ClassVar[bool] = False
    needs_trace: ClassVar[bool] = False
    is_flat: ClassVar[bool] = True

    @abstractmethod
    def gains(self, inputs: DrawInputs) -> Complex:
        """Draw h, complex64, [1, 1] or [L, S], E|h|^2 = 1."""

    def check_available(self) -> None:  # noqa: B027  # most models need nothing
        """Make sure that it can be drawn here.

        Raises:
            InvalidField: If something it needs is not installed.
        """
