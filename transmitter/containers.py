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


AUDIO_CONTAINERS = (
    Container("WAV", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WAVE", _riff_is_whole),
    # libsndfile itself refuses a FLAC file that ends early.
    Container("FLAC", lambda data: data[:4] == b"fLaC", lambda data: True),
    Container("OGG", lambda data: data[:4] == b"OggS", _ogg_is_whole),
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
