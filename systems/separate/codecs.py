"""The source codec and the channel code of each modality, which both ends know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.tasks import Modality
from systems.separate.codes import CodeName
from systems.separate.sources import (
    MAX_H264_CRF,
    decode_h264,
    decode_jpeg,
    decode_pcm16,
    decode_utf8,
    encode_h264,
    encode_jpeg,
    encode_pcm16,
    encode_utf8,
)


@dataclass(frozen=True)
class Codec:
    """How one modality is sent.

    Attributes:
        number: Stands for the codec in a frame's header; it is never given to another one.
        code: Channel code of its payload.
        encode: Value of the modality, as `Source` holds it, and quality (1 to 95) to bytes.
        decode: Bytes to the value; raises `UnsupportedMedia` for bytes that it cannot read.
    """

    number: int
    code: CodeName
    encode: Callable[[Any, int], bytes]
    decode: Callable[[bytes], Any]


def crf_of(quality: int) -> int:
    """Constant rate factor of H.264 for a quality of 1 to 95: 50 (smallest) to 3, in proportion."""
    return round(MAX_H264_CRF * (1 - quality / 100))


CODECS: Mapping[Modality, Codec] = {
    "image": Codec(1, "ldpc", encode_jpeg, decode_jpeg),
    "video": Codec(2, "ldpc", lambda frames, quality: encode_h264(frames, crf_of(quality)), decode_h264),
    "text": Codec(3, "turbo", lambda text, _: encode_utf8(text), decode_utf8),
    "audio": Codec(4, "ldpc", lambda samples, _: encode_pcm16(samples), decode_pcm16),
}
