"""Recognises container files by their first bytes, and tells whether one is cut short.

libsndfile and FFmpeg decode what is left of a truncated file without a word, so its length is compared with
what the file's own headers state. Only samples count: tags, padding and makers' blocks never decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_UNKNOWN_RIFF_SIZE = 0x7FFF0000  # writers that cannot seek leave a size near 2^31 or 2^32, or 0
_EBML_HEADER = b"\x1aE\xdf\xa3"
_MATROSKA_SEGMENT = b"\x18S\x80g"
_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_MP4_SAMPLE_BOXES = (b"moov", b"moof", b"mdat")
_OGG_FIRST_PAGE = 0x02


@dataclass(frozen=True)
class Container:
    """One container format.

    Attributes:
        name: As FFmpeg calls it.
        matches: Whether a file's first bytes are of this format.
        parts: The files to decode one behind the other, without tags; none if the file is shorter than its
            headers state.
    """

    name: str
    matches: Callable[[bytes], bool]
    parts: Callable[[bytes], list[bytes]]


def _riff_size(data: bytes, position: int) -> int | None:
    """The size at a position; None where it was unknown when it was written."""
    size = int.from_bytes(data[position : position + 4], "little")
    return size if 0 < size < _UNKNOWN_RIFF_SIZE else None


def _wav_parts(data: bytes) -> list[bytes]:
    """As long as the RIFF or the data chunk states; a data chunk of unknown size goes on to the end."""
    position = 12
    while position + 8 <= len(data) and data[position : position + 4] != b"data":
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
    riff_size, data_size = _riff_size(data, 4), _riff_size(data, position + 4)
    if data_size is not None:
        fits = position + 8 + data_size <= len(data) or (riff_size or len(data)) + 8 <= len(data)
        return [data] if fits else []
    if (riff_size or 0) > len(data):
        return []
    return [data[: position + 4] + b"\xff" * 4 + data[position + 8 :]]  # libsndfile takes 0 for empty


def _avi_parts(data: bytes) -> list[bytes]:
    """As long as the RIFF states, which may count the eight bytes before it too."""
    return [data] if (_riff_size(data, 4) or 0) <= len(data) else []


def _mp4_parts(data: bytes) -> list[bytes]:
    """Walk the top-level boxes, each of which states its size, up to the end or a maker's block."""
    position, kinds = 0, set()
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 1:  # 64-bit size behind the type
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        end = position + size if size else len(data)
        if not position + 8 <= end <= len(data):
            break
        kinds.add(data[position + 4 : position + 8])
        position = end
    is_whole = b"moov" in kinds and data[position + 4 : position + 8] not in _MP4_SAMPLE_BOXES
    return [data] if is_whole else []


def _read_vint(data: bytes, position: int) -> tuple[int | None, int]:
    """An EBML number and the position behind it; None where it stands for an unknown size."""
    if position >= len(data) or not data[position]:
        return 0, position + 1
    length = 9 - data[position].bit_length()
    raw = int.from_bytes(data[position : position + length], "big")
    mask = (1 << (7 * length)) - 1
    return (None if raw & mask == mask else raw & mask), position + length


def _matroska_parts(data: bytes) -> list[bytes]:
    """Elements may lie between the header and the segment."""
    position, kind = 0, b""
    while kind != _MATROSKA_SEGMENT and position < len(data):
        _, behind = _read_vint(data, position)
        kind = data[position:behind]
        size, position = _read_vint(data, behind)
        if size is None:
            break
        position += size
    return [data] if kind == _MATROSKA_SEGMENT and position <= len(data) else []


def _ogg_parts(data: bytes) -> list[bytes]:
    """Chained files, each beginning with pages that say so; none if the last page or its packet is cut.

    Recorders of voice messages do not mark the last page as such.
    """
    starts: list[int] = []
    position, end, was_first, table = 0, 0, False, b""
    while position >= 0:
        header = data[position : position + 27].ljust(27, b"\0")
        is_first = bool(header[5] & _OGG_FIRST_PAGE)
        if is_first and not was_first:
            starts.append(position)
        table = data[position + 27 : position + 27 + header[26]]
        end, was_first = position + 27 + header[26] + sum(table), is_first
        position = data.find(b"OggS", end)
    if end > len(data) or table[-1:] == b"\xff":
        return []
    return [data[start:stop] for start, stop in zip(starts, [*starts[1:], end], strict=False)]


# Bit rates of MPEG audio layer III [kbit/s], of version 1 and of versions 2 and 2.5; 0 where none is stated.
_MP3_KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_ZEROS = re.compile(rb"\0*")
_LYRICS = re.compile(rb"LYRICSBEGIN.*?LYRICS(?:200|END)", re.DOTALL)


def _id3_bytes(head: bytes) -> int:
    """Length of an ID3v2 tag by its first ten bytes."""
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return size + (20 if head[5] & 0x10 else 10)


def _without_id3(data: bytes) -> bytes:
    """A file behind its ID3v2 tags and their padding; FLAC and WAV have them too."""
    position = 0
    while data[position : position + 3] == b"ID3" and (length := _tag_bytes(data, position)):
        position += length
        position += _tag_bytes(data, position) if data[position : position + 1] == b"\0" else 0
    return data[position:]


def _tag_bytes(data: bytes, position: int) -> int:
    """Length of the tag (ID3, APE, Lyrics3) or of the padding at a position; 0 if none is there."""
    head = data[position : position + 32]
    if head[:1] == b"\0":
        zeros = _ZEROS.match(data, position)
        return zeros.end() - position if zeros else 0
    if head[:3] == b"ID3":
        return _id3_bytes(head) if len(head) >= 10 else 0
    if head[:3] == b"TAG":
        return 128
    if head[:6] == b"LYRICS":
        lyrics = _LYRICS.match(data, position)
        return lyrics.end() - position if lyrics else 0
    mark = data.find(b"APETAGEX", position)  # of the header, which may be absent, or of the footer
    size = int.from_bytes(data[mark + 12 : mark + 16], "little")  # counts the footer, not the header
    if mark == position:
        return 32 + size
    return size if 0 <= mark == position + size - 32 else 0


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


def _mp3_parts(data: bytes) -> list[bytes]:
    """Walk the frames, and the tags and padding among them: the last one ends with the file."""
    position, frames = 0, []
    while position < len(data):
        length = _mp3_frame_bytes(data[position : position + 4])
        if length:
            frames.append(data[position : position + length])
        else:
            length = _tag_bytes(data, position)
        if not length:
            return []
        position += length
    return [b"".join(frames)] if position == len(data) else []


AUDIO_CONTAINERS = (
    Container("wav", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WAVE", _wav_parts),
    # libsndfile itself refuses a FLAC file that ends early.
    Container("flac", lambda data: data[:4] == b"fLaC", lambda data: [data]),
    Container("ogg", lambda data: data[:4] == b"OggS", _ogg_parts),
)

_MP4 = Container("mp4", lambda data: data[4:8] in _MP4_FIRST_BOXES, _mp4_parts)
_MATROSKA = Container("matroska", lambda data: data[:4] == _EBML_HEADER, _matroska_parts)

# What browsers record and what FFmpeg decodes: WebM with Opus, MP4 with AAC, MP3.
COMPRESSED_AUDIO_CONTAINERS = (
    _MP4,
    _MATROSKA,
    Container("mp3", lambda data: _mp3_frame_bytes(data[:4]) is not None, _mp3_parts),
)

# FFmpeg is told the format: left to guess, it would also follow playlists that name other files.
VIDEO_CONTAINERS = (
    _MP4,
    Container("avi", lambda data: data[:4] == b"RIFF" and data[8:12] == b"AVI ", _avi_parts),
    _MATROSKA,
)


def open_container(data: bytes, containers: tuple[Container, ...]) -> tuple[Container | None, list[bytes]]:
    """The container format of a file, None if it is none of these, and its parts, none if it is cut short."""
    data = _without_id3(data)
    container = next((container for container in containers if container.matches(data)), None)
    return container, container.parts(data) if container else []


def describe(data: bytes, error: BaseException | None = None) -> str:
    """Size, first bytes and the library's reason, for the message."""
    # Libraries name the object that they read from, with its address in memory.
    reason = re.sub(r" ?<[\w.]+ object at 0x[0-9a-f]+>", "", f": {error}") if error else ""
    return f"{len(data)} bytes, beginning {data[:8]!r}{reason}"
