"""The interface of a channel model, which draws the gains of a frame.

(seed, frame number) ──▶ fading: paths g ~ CN(0, 1) ──▶ model: gains h, E|h|^2 = 1
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from channel_service.radio.random_streams import Complex
from channel_service.radio.settings import Channel
from shared.link_settings import LinkSetting


class DrawInputs(NamedTuple):
    """The inputs from which a model draws the gains of one frame.

    Attributes:
        channel: Settings of the channel.
        frame_number: Number of the frame, uint64.
        shape: Shape of the frame's symbols, [L, S].
        paths: Any number of independent paths g ~ CN(0, 1), complex64, [1, 1] or [L, S].
    """

    channel: Channel
    frame_number: int
    shape: tuple[int, int]
    paths: Iterator[Complex]


class Model(ABC):
    """A channel model.

    Attributes:
        title: A few words for a form; the model's name in MODELS if it is empty.
        parameters: Numbers of a link that the gains depend on. The model reads the value of one as
            `inputs.channel[PARAMETER]`.
        needs_trace: True if the model plays recorded gains.
        is_flat: True if the gain does not depend on the frequency, so that pilots can measure it.
    """

    title: str = ""
    parameters: ClassVar[tuple[LinkSetting[Any], ...]] = ()
    needs_trace: ClassVar[bool] = False
    is_flat: ClassVar[bool] = True

    @abstractmethod
    def gains(self, inputs: DrawInputs) -> Complex:
        """Draw the gains of one frame.

        Args:
            inputs: The frame's settings and paths.

        Returns:
            Gains h, complex64, [1, 1] or [L, S], E|h|^2 = 1.

        Raises:
            InvalidField: If the model cannot be used with these settings.
        """

    def check_available(self) -> None:  # noqa: B027  # most models need nothing
        """Check that everything the model needs is installed.

        Raises:
            InvalidField: If something is not installed.
        """
