"""The receiver of separate source and channel coding: digital frames, source decoders, a clean model."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from shared.answers import ImageAnswer, TextAnswer
from shared.errors import UnsupportedMedia
from shared.source import Source
from shared.tasks import Modality, get_task
from shared.weights import Manifest, load_manifest
from systems.base import Received, ReceiverSystem, TaskAnswer
from systems.layers.preprocessing import resize
from systems.separate.clean_model import CleanModel
from systems.separate.config import SeparateConfig
from systems.separate.frame import DecodedFrame, decode_frames, warm_up
from systems.separate.source_codecs import CODECS

_GREY = 128
# Taken for a modality that did not come across beside one that did.
_NEUTRAL: Mapping[Modality, Any] = {"text": "", "image": np.full((8, 8, 3), _GREY, np.uint8)}


@dataclass(frozen=True)
class _Reading:
    """What was read of one instance.

    Attributes:
        source: Values of the modalities that came across.
        payloads: Their bytes; readings with equal payloads have equal sources.
        blocks_in_error: Blocks whose CRC is wrong.
    """

    source: Source
    payloads: tuple[tuple[Modality, bytes], ...]
    blocks_in_error: int


class Receiver(ReceiverSystem):
    """symbols -> LLRs -> channel decoder -> CRC -> source decoder -> clean model -> answer.

    A modality whose CRC is wrong, or whose bytes cannot be decoded, makes the answer an outage. Where another
    modality came across, the clean model answers with a grey picture or an empty text in its place. Where
    nothing came across, the answer is chance: a label is drawn uniformly, from the received symbols as the
    seed; of several labels none is given; a picture is grey, and a text is empty.

    Args:
        manifest: What the folder of the system says.
        clean_model: Answers tasks whose answer is not the source itself.
    """

    equaliser = "zero_forcing"
    symbols_at_a_time = 2**23

    def __init__(self, manifest: Manifest, clean_model: CleanModel) -> None:
        super().__init__(manifest)
        self._labels, self._clean_model = manifest.labels, clean_model

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the manifest of a folder, and find the clean model in the folder beside it."""
        manifest = load_manifest(folder)
        config = SeparateConfig.of(manifest.config)
        return cls(manifest, CleanModel.find(folder.parent, config.clean_system, config.clean_fingerprint))

    def warm_up(self) -> None:
        """Load the clean model, and build the codes."""
        self._clean_model.load()
        warm_up()

    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order; see `ReceiverSystem.decode`."""
        self.check_task(task)
        modalities = get_task(task).modalities
        readings = _read(frames, modalities)
        sources = {reading.payloads: reading.source for reading in readings if reading.source}
        found = dict(zip(sources, self._answer(task, list(sources.values())), strict=True))
        return [
            replace(
                found[reading.payloads] if reading.source else self._chance(task, frame),
                outage=len(reading.source) < len(modalities),
                blocks_in_error=reading.blocks_in_error,
            )
            for frame, reading in zip(frames, readings, strict=True)
        ]

    def _answer(self, task: str, received: Sequence[Source]) -> list[TaskAnswer]:
        """Answers from sources of at least one modality each."""
        asked = get_task(task)
        if asked.answer is TextAnswer:
            return [TaskAnswer(text=source["text"]) for source in received]
        if asked.answer is ImageAnswer:
            return [TaskAnswer(image=resize(source["image"], asked.image_size)) for source in received]
        sources: list[Source] = [
            {name: source.get(name, _NEUTRAL.get(name)) for name in asked.modalities} for source in received
        ]
        return self._clean_model.answer(task, sources) if sources else []

    def _chance(self, task: str, frame: Received) -> TaskAnswer:
        """The answer where nothing of the source came across."""
        asked = get_task(task)
        seed = zlib.crc32(frame.symbols.tobytes())
        return asked.answer.chance(self._labels.get(task, ()), asked.image_size, seed)


def _read(frames: Sequence[Received], modalities: Sequence[Modality]) -> list[_Reading]:
    """Read the digital frames of each instance one after the other, those of all instances together.

    Where a header is lost, nobody knows where the next frame begins, and what follows is lost too.
    """
    rest = [(frame.symbols.ravel(), frame.noise_variance.ravel()) for frame in frames]
    sources: list[dict[Modality, Any]] = [{} for _ in frames]
    payloads: list[dict[Modality, bytes]] = [{} for _ in frames]
    blocks_in_error = [0] * len(frames)
    for modality in modalities:
        reads = decode_frames([x_hat for x_hat, _ in rest], [variance for _, variance in rest])
        for number, read in enumerate(reads):
            rest[number] = (rest[number][0][read.num_symbols :], rest[number][1][read.num_symbols :])
            blocks_in_error[number] += read.blocks_in_error
            if read.payload is not None and (value := _value_of(read, modality)) is not None:
                sources[number][modality], payloads[number][modality] = value, read.payload
    return [
        _Reading(source, tuple(payload.items()), errors)
        for source, payload, errors in zip(sources, payloads, blocks_in_error, strict=True)
    ]


def _value_of(read: DecodedFrame, modality: Modality) -> Any | None:
    """The modality's value, or None for an outage."""
    codec = CODECS[modality]
    if read.header is None or read.payload is None or read.header.codec != codec.number:
        return None
    try:
        return codec.decode(read.payload)
    except UnsupportedMedia:
        return None
