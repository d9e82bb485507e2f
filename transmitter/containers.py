"""Recognises container files by their first bytes, and tells whether one is cut short.

libsndfile and FFmpeg decode what is left of a truncated file without a word, so its length is compared with
what the file's own headers state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_STREAMED_RIFF_SIZE = 0x7FFF0000  # writers that cannot seek leave a size near 2^31 or 2^32, or 0
_EBML_HEADER = b"\x1aE\xdf\xa3"
_MATROSKA_SEGMENT = b"\x18S\x80g"
_OGG_END_OF_STREAM = 0x04


@dataclass(frozen=True)
class Container:
    """One container format.

    Attributes:
        name: As FFmpeg's demuxer or libsndfile calls it.
        matches: Whether a file's first bytes are of this format.
        is_whole: Whether the file is as long as its headers state (also if they do not).
    """

    name: str
    matches: Callable[[bytes], bool]
    is_whole: Callable[[bytes], bool]


def _riff_is_whole(data: bytes) -> bool:
    stated = int.from_bytes(data[4:8], "little")
    return stated + 8 <= len(data) or stated >= _STREAMED_RIFF_SIZE


def _mp4_is_whole(data: bytes) -> bool:
    """Walk the top-level boxes: each states its size, and the last must end with the file."""
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 0:  # to the end of the file
            return True
        if size == 1:  # 64-bit size behind the type
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size < 8:
            return False
        position += size
    return position <= len(data)


def _read_vint(data: bytes, position: int) -> tuple[int | None, int]:
    """An EBML number and the position behind it; None where it stands for an unknown size."""
    if position >= len(data) or not data[position]:
        return 0, position + 1
    length = 9 - data[position].bit_length()
    raw = int.from_bytes(data[position : position + length], "big")
    mask = (1 << (7 * length)) - 1
    return (None if raw & mask == mask else raw & mask), position + length


def _matroska_is_whole(data: bytes) -> bool:
    header_size, position = _read_vint(data, len(_EBML_HEADER))
    position += header_size or 0
    if data[position : position + 4] != _MATROSKA_SEGMENT:
        return False
    segment_size, position = _read_vint(data, position + 4)
    return segment_size is None or position + segment_size <= len(data)


def _ogg_is_whole(data: bytes) -> bool:
    """The last page says that the stream ends, and its segments are all there."""
    page = data.rfind(b"OggS")
    if len(data) < page + 27 or not data[page + 5] & _OGG_END_OF_STREAM:
        return False
    table = data[page + 27 : page + 27 + data[page + 26]]
    return page + 27 + data[page + 26] + sum(table) <= len(data)


# Bit rates of MPEG audio layer III [kbit/s], of version 1 and of versions 2 and 2.5; 0 where none is stated.
_MP3_KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_ID3V1_BYTES = 128


def _is_mp3(data: bytes) -> bool:
    return data[:3] == b"ID3" or _mp3_frame_bytes(data[:4]) is not None


def _mp3_frame_bytes(head: bytes) -> int | None:
    """Length of an MP3 frame by its four bytes of header (ISO/IEC 11172-3, 2.4.2.3); None if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # synchronised, layer III
        return None
    version, kbits_index, rate_index = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _MP3_RATES_HZ or kbits_index in (0, 15) or rate_index == 3:
        return None
    kbits = _MP3_KBITS[3 if version == 3 else 2][kbits_index]
    samples_over_8 = 144 if version == 3 else 72
    return samples_over_8 * 1000 * kbits // _MP3_RATES_HZ[version][rate_index] + (head[2] >> 1 & 1)


def _mp3_is_whole(data: bytes) -> bool:
    """Walk the frames behind the tag: the last one ends with the file, or where a trailing tag begins."""
    position = 0
    if data[:3] == b"ID3" and len(data) >= 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
        position = 10 + size
    while position < len(data):
        length = _mp3_frame_bytes(data[position : position + 4])
        if length is None:
            return data[position : position + 3] == b"TAG" and len(data) - position == _ID3V1_BYTES
        position += length
    return position == len(data)


AUDIO_CONTAINERS = (
    Container("WAV", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WAVE", _riff_is_whole),
    # libsndfile itself refuses a FLAC file that ends early.
    Container("FLAC", lambda data: data[:4] == b"fLaC", lambda data: True),
    Container("OGG", lambda data: data[:4] == b"OggS", _ogg_is_whole),
)

# What browsers record and what FFmpeg decodes: WebM with Opus, MP4 with AAC, MP3.
COMPRESSED_AUDIO_CONTAINERS = (
    Container("mp4", lambda data: data[4:8] == b"ftyp", _mp4_is_whole),
    Container("matroska", lambda data: data[:4] == _EBML_HEADER, _matroska_is_whole),
    Container("mp3", _is_mp3, _mp3_is_whole),
)

# FFmpeg is told the format: left to guess, it would also follow playlists that name other files.
VIDEO_CONTAINERS = (
    Container("mp4", lambda data: data[4:8] == b"ftyp", _mp4_is_whole),
    Container("avi", lambda data: data[:4] == b"RIFF" and data[8:12] == b"AVI ", _riff_is_whole),
    Container("matroska", lambda data: data[:4] == _EBML_HEADER, _matroska_is_whole),
)


def recognise(data: bytes, containers: tuple[Container, ...]) -> Container | None:
    """The container format of a file; None if it is none of these."""
    return next((container for container in containers if container.matches(data)), None)
