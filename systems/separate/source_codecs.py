"""Source coding: JPEG, H.264, UTF-8 and 16-bit PCM, and the table of what each modality takes.

Each codec is a pair of functions. An encoder takes what a client sent, as it lies in memory; a decoder raises
`UnsupportedMedia` for bytes that it cannot read, which the receiver counts as an outage.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from numpy.typing import NDArray
from PIL import Image

from shared.errors import InvalidField, UnsupportedMedia
from shared.tasks import Modality
from systems.separate.channel_codes import CodeName
from systems.separate.config import MAX_QUALITY, MIN_QUALITY

MIN_H264_CRF, MAX_H264_CRF = 0, 51
# Far above what the transmitter lets in; damaged bytes may claim anything.
_MAX_IMAGE_PIXELS = 25_000_000
_MAX_CLIP_PIXELS = 100_000_000
# One frame, a limit for the decoder: a stream of some kilobytes may hold frames of hundreds of megabytes.
_MAX_FRAME_PIXELS = 4_000_000
_DECODER_OPTIONS = {"max_pixels": str(_MAX_FRAME_PIXELS)}
_H264_RATE_HZ = 25
_PCM_SCALE = 32767.0
# What Pillow is seen to raise on damaged files.
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_AV_ERRORS = (av.FFmpegError, ValueError, LookupError, OSError)


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """A picture as JPEG, with Huffman tables of its own.

    Args:
        image: RGB, uint8, shape [height, width, 3].
        quality: 1 (smallest) to 95.

    Raises:
        InvalidField: If the quality is out of its range.
    """
    if not MIN_QUALITY <= quality <= MAX_QUALITY:
        raise InvalidField("jpeg_quality", quality, f"{MIN_QUALITY} to {MAX_QUALITY}")
    output = io.BytesIO()
    Image.fromarray(image).save(output, "JPEG", quality=quality, optimize=True)
    return output.getvalue()


def decode_jpeg(data: bytes) -> NDArray[np.uint8]:
    """A JPEG file to RGB, uint8, shape [height, width, 3].

    Raises:
        UnsupportedMedia: If it is not a whole JPEG file of at most 25 million pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.width * image.height > _MAX_IMAGE_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels")
            return np.array(image.convert("RGB"))
    except _PILLOW_ERRORS as error:
        raise UnsupportedMedia("image", f"{len(data)} bytes: {error}", "a whole JPEG file") from None


def encode_h264(frames: NDArray[np.uint8], crf: int) -> bytes:
    """A clip as an H.264 stream, 4:2:0.

    Sides of an odd length are extended by one pixel, for 4:2:0 has only even ones. The stream is the bare one
    of Annex B without messages (SEI): x264 writes its settings into them, more bytes than a short clip may
    have.

    Args:
        frames: RGB, uint8, shape [num_frames, height, width, 3], at least 2 pixels a side.
        crf: Constant rate factor of x264, 0 (best) to 51 (smallest).

    Raises:
        InvalidField: If `crf` is out of its range.
    """
    if not MIN_H264_CRF <= crf <= MAX_H264_CRF:
        raise InvalidField("h264_crf", crf, f"{MIN_H264_CRF} to {MAX_H264_CRF}")
    _, height, width, _ = frames.shape
    frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    output = io.BytesIO()
    with av.open(output, "w", format="h264") as container:
        # One thread, or the bytes would depend on the number of cores; and no code of one CPU alone, whose
        # decisions on B frames and rates change from one run to the next in clips this small.
        options = {"crf": str(crf), "preset": "medium", "threads": "1", "x264-params": "cpu-independent=1"}
        stream: Any = container.add_stream("libx264", rate=_H264_RATE_HZ, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        pictures = [av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames]
        packets = [packet for picture in (*pictures, None) for packet in stream.encode(picture)]
        without_messages = BitStreamFilterContext("filter_units=remove_types=6", stream)
        for packet in (*packets, None):
            container.mux(without_messages.filter(packet))
    return output.getvalue()


def decode_h264(data: bytes) -> NDArray[np.uint8]:
    """An H.264 stream to RGB, uint8, shape [num_frames, height, width, 3]; odd sides come back longer by one.

    Raises:
        UnsupportedMedia: If it is no stream of frames of one size, or if a frame has more than 4 million
            pixels or the clip more than 100 million.
    """
    allowed = "a whole H.264 stream of frames of one size"
    try:
        with av.open(io.BytesIO(data), "r", format="h264", options=_DECODER_OPTIONS) as clip:
            frames = _read_frames(clip)
    except _AV_ERRORS as error:
        raise UnsupportedMedia("video", f"{len(data)} bytes: {error}", allowed) from None
    if not frames or len({frame.shape for frame in frames}) != 1:
        raise UnsupportedMedia("video", f"{len(data)} bytes, {len(frames)} frames", allowed)
    return np.stack(frames)


def _read_frames(clip: Any) -> list[NDArray[np.uint8]]:
    frames: list[NDArray[np.uint8]] = []
    pixels = 0
    clip.streams.video[0].codec_context.options = _DECODER_OPTIONS
    for frame in clip.decode(video=0):
        pixels += frame.width * frame.height
        if pixels > _MAX_CLIP_PIXELS:
            raise ValueError(f"more than {_MAX_CLIP_PIXELS} pixels")
        frames.append(frame.to_ndarray(format="rgb24"))
    return frames


def encode_utf8(text: str) -> bytes:
    """A text as UTF-8."""
    return text.encode("utf-8")


def decode_utf8(data: bytes) -> str:
    """UTF-8 to the text.

    Raises:
        UnsupportedMedia: If it is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsupportedMedia("text", f"byte {error.start} of {len(data)}", "UTF-8 text") from None


def encode_pcm16(samples: NDArray[np.float32]) -> bytes:
    """Speech as linear 16-bit PCM, little-endian.

    Args:
        samples: Mono, float32, -1 to 1 (beyond it is clipped), shape [num_samples].
    """
    return np.round(samples.clip(-1, 1) * _PCM_SCALE).astype("<i2").tobytes()


def decode_pcm16(data: bytes) -> NDArray[np.float32]:
    """16-bit PCM to float32, -1 to 1, shape [num_samples].

    Raises:
        UnsupportedMedia: If it is not a whole number of samples, at least one.
    """
    if not data or len(data) % 2:
        raise UnsupportedMedia("audio", f"{len(data)} bytes", "two bytes a sample, at least one sample")
    return (np.frombuffer(data, "<i2") / _PCM_SCALE).astype(np.float32).clip(-1, 1)


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
