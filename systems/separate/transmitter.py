"""The transmitter of separate source and channel coding: no network, and no weights of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import InvalidField, TooLarge
from shared.signal import MAX_SYMBOLS_PER_FRAME
from shared.source import Source
from shared.tasks import Modality, get_task
from shared.weights import Manifest
from systems.base import EncodedInstance, KnownLink, TransmitterSystem
from systems.layers.preprocessing import resize, sample_frames
from systems.rows import Options
from systems.separate.adaptation import AUTO, load_table
from systems.separate.config import SeparateConfig
from systems.separate.frame import Cost, cost_of, encode_frame, warm_up
from systems.separate.header import Header
from systems.separate.mcs import MCS, Mcs, get_mcs
from systems.separate.source_codecs import CODECS


class Transmitter(TransmitterSystem):
    """resize, sample -> source codec -> channel code -> QAM, a digital frame for each modality in turn.

    Args:
        manifest: What the folder of the system says.
    """

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._config = SeparateConfig.of(manifest.config)

    def warm_up(self) -> None:
        """Build the codes."""
        warm_up()

    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        self.check_task(task)
        mcs, quality = get_mcs(str(options["mcs"])), int(options["quality"])
        return [self._encode(task, source, mcs, quality) for source in sources]

    def needs_link(self, options: Options) -> bool:
        """Whether the MCS is left to the state of the link; see `TransmitterSystem.needs_link`."""
        return options["mcs"] == AUTO

    def adapt(self, options: Options, link: KnownLink) -> Options:
        """The options with the MCS of the table; see `TransmitterSystem.adapt`."""
        if not self.needs_link(options):
            return options
        if link.snr_db is None:
            allowed = f"{', '.join(MCS)} on a link whose SNR follows a schedule or a recording"
            raise InvalidField("mcs", AUTO, allowed)
        return {**options, "mcs": load_table().choose(link.channel, link.snr_db).name}

    def _encode(self, task: str, source: Source, mcs: Mcs, quality: int) -> EncodedInstance:
        values = {name: self._prepare(task, name, source[name]) for name in get_task(task).modalities}
        payloads = {name: CODECS[name].encode(value, quality) for name, value in values.items()}
        headers = {
            name: Header(len(payload), mcs, CODECS[name].code, CODECS[name].number)
            for name, payload in payloads.items()
        }
        costs = [cost_of(header) for header in headers.values()]
        _check_length(costs)
        frames = [
            encode_frame(payloads[name], mcs, header.code, header.codec) for name, header in headers.items()
        ]
        return EncodedInstance(
            symbols=np.concatenate(frames)[None],
            num_source_values=sum(map(_num_values, values.values())),
            information_bits=sum(cost.information_bits for cost in costs),
            coded_bits=sum(cost.coded_bits for cost in costs),
            num_blocks=sum(cost.num_blocks for cost in costs),
        )

    def _prepare(self, task: str, modality: Modality, value: Any) -> Any:
        """What the clean model will see of a value, so that no symbol is spent on more."""
        if modality == "image":
            return resize(value, get_task(task).image_size)
        if modality == "video":
            size = (self._config.video_size, self._config.video_size)
            return np.stack(
                [resize(frame, size) for frame in sample_frames(value, self._config.video_frames)]
            )
        return value


def _num_values(value: str | NDArray[Any]) -> int:
    """Characters, samples, or three values for each pixel."""
    return len(value) if isinstance(value, str) else int(value.size)


def _check_length(costs: Sequence[Cost]) -> None:
    """Refuse what no frame can hold, before it is encoded."""
    num_symbols = sum(cost.num_symbols for cost in costs)
    if num_symbols > MAX_SYMBOLS_PER_FRAME:
        allowed = (
            f"at most {MAX_SYMBOLS_PER_FRAME} symbols: a shorter source, a lower quality or a faster mcs"
        )
        raise TooLarge("source", f"{num_symbols} symbols", allowed)
