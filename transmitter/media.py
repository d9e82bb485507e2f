"""Decodes what a client uploads into the values of a `Source` (see shared.source).

Text, PNG/JPEG/WebP/BMP/GIF, WAV/FLAC/OGG/MP3 and the sound of WebM and MP4, MP4/AVI/WebM. Whatever the bytes
are, the outcome is a value or one of our errors: UnsupportedMedia for a file that is not, or not wholly, of a
format read here; TooLarge for one beyond the limits.
"""

from __future__ import annotations

import asyncio
import io
import math
import struct
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from shared.errors import InvalidField, TooLarge, UnsupportedMedia
from shared.source import SAMPLE_RATE_HZ, Source
from shared.tasks import Modality
from shared.typography import is_blank
from transmitter.containers import (
    AUDIO_CONTAINERS,
    COMPRESSED_AUDIO_CONTAINERS,
    VIDEO_CONTAINERS,
    Container,
    describe,
    open_container,
)
from transmitter.images import decode_image

MAX_TEXT_CHARS = 2000
MAX_AUDIO_S = 60.0
MAX_AUDIO_CHANNELS = 8
# Of the loudest tenth of a second: below it a recording is silence (a constant offset is no sound).
SILENCE_DBFS = -60.0
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 192_000
# The resampling kernel grows with rate / gcd(rate, 16 kHz); this keeps it to a few million taps.
SAMPLE_RATE_STEP_HZ = 25
MAX_VIDEO_PIXELS = 1920 * 1088
MAX_VIDEO_FRAMES = 10_000
MAX_KEPT_FRAMES = 64
MAX_KEPT_SIDE = 480
# Of decoders, which count in whole blocks. They decode a frame before its size can be looked at, FFmpeg even
# one to learn its size, and a file of some kilobytes may hold a frame of gigabytes.
_DECODER_OPTIONS = {"max_pixels": str(2 * MAX_VIDEO_PIXELS)}

# Decoded in less time than it takes to hand it to a thread: a text of the most characters, but not megabytes
# of blanks. Of the others a few bytes may hold many pixels.
_AT_ONCE: frozenset[Modality] = frozenset({"text"})
_MAX_BYTES_AT_ONCE = 4 * MAX_TEXT_CHARS
_SILENCE_SAMPLES = SAMPLE_RATE_HZ // 10
_ALLOWED_AUDIO = "a whole WAV, FLAC, OGG, MP3, WebM or MP4 file"
_ALLOWED_VIDEO = f"a whole MP4, AVI or WebM file of at most {MAX_VIDEO_PIXELS} pixels a frame"
_AV_ERRORS = (av.FFmpegError, ValueError, LookupError, EOFError, OSError)


async def decode_source(fields: Mapping[Modality, bytes]) -> Source:
    """Decode all uploaded fields of a request: in a thread, unless that takes longer than the decoding.

    Args:
        fields: As uploaded, by modality.

    Raises:
        UnsupportedMedia, TooLarge, InvalidField: As `decode_media` does.
    """
    if fields.keys() <= _AT_ONCE and sum(map(len, fields.values())) <= _MAX_BYTES_AT_ONCE:
        return _decode_all(fields)
    return await asyncio.to_thread(_decode_all, fields)


def _decode_all(fields: Mapping[Modality, bytes]) -> Source:
    return {modality: decode_media(modality, data) for modality, data in fields.items()}


def decode_media(modality: Modality, data: bytes) -> Any:
    """Decode one uploaded field.

    Args:
        modality: text, image, audio or video.
        data: As uploaded.

    Returns:
        What `shared.source.Source` holds for the modality.

    Raises:
        InvalidField: For text without a printable character.
        UnsupportedMedia: If the bytes are not a whole file of a format read here.
        TooLarge: Beyond the limits of this module.
    """
    return _DECODERS[modality](data)


def decode_text(data: bytes) -> str:
    """UTF-8 to a string of 1 to 2000 characters; control characters and line ends become single spaces.

    A byte order mark before it is no part of it.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedMedia("text", f"byte {error.start} of {len(data)}", "UTF-8 text") from None
    printable = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    text = " ".join(printable.split())
    if len(text) > MAX_TEXT_CHARS:
        raise TooLarge("text", f"{len(text)} characters", f"1 to {MAX_TEXT_CHARS} characters")
    if is_blank(text):
        raise InvalidField("text", text, f"1 to {MAX_TEXT_CHARS} characters, not all of them blank")
    return text


def decode_audio(data: bytes) -> NDArray[np.float32]:
    """An audio file to mono at 16 kHz, float32 [num_samples], -1 to 1.

    Silence is cut to its first tenth of a second, zeros: there is nothing to send, and no system reads a word
    in so little.
    """
    container, parts = open_container(data, (*AUDIO_CONTAINERS, *COMPRESSED_AUDIO_CONTAINERS))
    if container is None or not parts:
        raise UnsupportedMedia("audio", describe(data), _ALLOWED_AUDIO)
    kept: list[NDArray[np.float32]] = []
    for part in parts:
        channels, rate_hz = _read_part(part, container)
        if not channels.size or not np.isfinite(channels).all():
            allowed = "at least one sample, all of them finite"
            raise UnsupportedMedia("audio", f"{channels.size} samples", allowed)
        kept.append(_resample(_downmix(channels), rate_hz).clip(-1.0, 1.0))
        _check_sound(SAMPLE_RATE_HZ, 1, sum(map(len, kept)))
    return _without_silence(np.concatenate(kept))


def _read_part(data: bytes, container: Container) -> tuple[NDArray[np.float32], int]:
    """Samples and their rate [Hz]; libsndfile reads no Opus whose last page is not marked as such."""
    is_for_ffmpeg = container in COMPRESSED_AUDIO_CONTAINERS or data[28:36] == b"OpusHead"
    return _read_stream(data, container) if is_for_ffmpeg else _read_sound(data)


def _downmix(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of channels [num_samples, num_channels]; the loudest one where they cancel.

    That is where the mean is quieter, by 3 dB, than if the loudest channel alone had sound.
    """
    mono: NDArray[np.float32] = channels.mean(axis=1, dtype=np.float32)
    energies = [float(np.vdot(channel, channel)) for channel in channels.T]
    if float(np.vdot(mono, mono)) < max(energies) / (2 * len(energies) ** 2):
        return np.ascontiguousarray(channels[:, int(np.argmax(energies))])
    return mono


def _without_silence(mono: NDArray[np.float32]) -> NDArray[np.float32]:
    starts = range(0, len(mono), _SILENCE_SAMPLES)
    loudest = max(float(mono[start : start + _SILENCE_SAMPLES].std()) for start in starts)
    if loudest >= 10 ** (SILENCE_DBFS / 20):
        return mono
    return np.zeros(_SILENCE_SAMPLES, np.float32)


def _read_sound(data: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples [num_samples, num_channels] and their rate [Hz] of a file that libsndfile reads."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            _check_sound(sound.samplerate, sound.channels, sound.frames)
            samples = sound.read(dtype="float32", always_2d=True)
            if len(samples) != sound.frames:
                raise UnsupportedMedia("audio", describe(data), _ALLOWED_AUDIO)
            return samples, int(sound.samplerate)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise UnsupportedMedia("audio", describe(data, error), _ALLOWED_AUDIO) from None


def _read_stream(data: bytes, container: Container) -> tuple[NDArray[np.float32], int]:
    """Samples, as `_read_sound` has them, and rate [Hz] of the first sound stream of a file for FFmpeg."""
    kept: list[NDArray[np.float32]] = []
    rate_hz = num_samples = 0
    try:
        with _open(data, container) as clip:
            if not clip.streams.audio:
                raise UnsupportedMedia("audio", "no sound stream", _ALLOWED_AUDIO)
            to_float = av.AudioResampler(format="fltp")
            for frame in _decode(clip, clip.streams.audio[0]):
                rate_hz, num_samples = rate_hz or frame.sample_rate, num_samples + frame.samples
                if frame.sample_rate != rate_hz:
                    raise UnsupportedMedia("audio", "a sample rate that changes", "one sample rate")
                _check_sound(rate_hz, frame.layout.nb_channels, num_samples)
                kept += [part.to_ndarray() for part in to_float.resample(frame)]
        # Fails where the number of channels changes.
        return np.concatenate(kept or [np.empty((1, 0), np.float32)], axis=1).T, rate_hz
    except _AV_ERRORS as error:
        raise UnsupportedMedia("audio", describe(data, error), _ALLOWED_AUDIO) from None


def _open(data: bytes, container: Container) -> Any:
    """A file that FFmpeg reads, whatever pictures are beside its sound."""
    return av.open(
        io.BytesIO(data), "r", format=container.name, metadata_errors="replace", options=_DECODER_OPTIONS
    )


def _decode(clip: Any, stream: Any) -> Iterator[Any]:
    """Frames of one stream; of a packet that is cut FFmpeg would decode what is left, and omit later ones."""
    for packet in clip.demux(stream):
        if packet.is_corrupt:
            raise ValueError("a packet that is cut short")
        yield from packet.decode()
    if any(entry.pos + entry.size > clip.size for entry in stream.index_entries):
        raise ValueError("packets behind the end of the file")


def _check_sound(rate_hz: int, num_channels: int, num_samples: int) -> None:
    if not MIN_SAMPLE_RATE_HZ <= rate_hz <= MAX_SAMPLE_RATE_HZ or rate_hz % SAMPLE_RATE_STEP_HZ:
        allowed = f"{MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz, a multiple of {SAMPLE_RATE_STEP_HZ} Hz"
        raise UnsupportedMedia("audio", f"{rate_hz} Hz", allowed)
    if num_channels > MAX_AUDIO_CHANNELS:
        raise UnsupportedMedia("audio", f"{num_channels} channels", f"1 to {MAX_AUDIO_CHANNELS} channels")
    if num_samples > MAX_AUDIO_S * rate_hz:
        raise TooLarge("audio", f"{num_samples / rate_hz:.1f} s", f"at most {MAX_AUDIO_S:g} s")


def _resample(mono: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    if rate_hz == SAMPLE_RATE_HZ:
        return mono
    # Loads torch, which text and images do not need.
    import torch
    from torchaudio.functional import resample

    resampled: NDArray[np.float32] = resample(torch.from_numpy(mono), rate_hz, SAMPLE_RATE_HZ).numpy()
    return resampled


def decode_video(data: bytes) -> NDArray[np.uint8]:
    """A video file to RGB frames, uint8 [num_frames, height, width, 3].

    At most 64 frames are kept, spread evenly over the time of the clip, and turned as a player turns them;
    frames above 480 pixels a side are scaled down.
    """
    container, parts = open_container(data, VIDEO_CONTAINERS)
    if container is None or not parts:
        raise UnsupportedMedia("video", describe(data), _ALLOWED_VIDEO)
    try:
        with _open(parts[0], container) as clip:
            if not clip.streams.video:
                raise UnsupportedMedia("video", "no picture stream", _ALLOWED_VIDEO)
            times = _sample_times(clip.demux(video=0))
        with _open(parts[0], container) as clip:
            frames = _sample_frames(clip, times)
    except _AV_ERRORS as error:
        raise UnsupportedMedia("video", describe(data, error), _ALLOWED_VIDEO) from None
    if frames is None:
        raise UnsupportedMedia("video", "no frame", "at least one frame")
    return frames


def _sample_times(packets: Iterator[Any]) -> list[float]:
    """Times to look at a clip, at most 64 of them, in units of its packets; no trust in its stated length.

    Of a clip with a steady frame rate every frame has one such time, or every second, fourth, ... Where the
    rate varies there are as many as if all frames followed each other as closely as the closest do.
    """
    shown: list[tuple[int, int]] = []
    for packet in packets:
        time = _time_of(packet)
        if time is not None and not packet.is_discard:
            shown.append((time, packet.duration or 0))
        if len(shown) > (most := MAX_VIDEO_FRAMES):
            raise TooLarge("video", f"more than {most} frames", f"at most {most} frames")
    if not shown:
        return []
    shown.sort()
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(shown) if later > earlier]
    gaps = gaps or [max(1, shown[-1][1])]
    shortest = min(gaps)
    spacing = fmean(gap for gap in gaps if gap < 1.5 * shortest)  # less the rounding of one time stamp
    start, end = shown[0][0], shown[-1][0] + max(shown[-1][1], spacing)
    num_times = round((end - start) / spacing)
    step = 1
    while math.ceil(num_times / step) > MAX_KEPT_FRAMES:
        step *= 2
    return [start + (end - start) * (place + 0.5) / num_times for place in range(0, num_times, step)]


def _time_of(packet_or_frame: Any) -> int | None:
    time: int | None = packet_or_frame.dts if packet_or_frame.pts is None else packet_or_frame.pts
    return time


def _sample_frames(clip: Any, times: list[float]) -> NDArray[np.uint8] | None:
    """What a player shows at these times, only which is kept in memory; None if there is no frame."""
    stream = clip.streams.video[0]
    if stream.codec_context is None:
        raise ValueError("no decoder for its pictures")
    stream.codec_context.options = _DECODER_OPTIONS
    _check_frame_size(stream.codec_context.width, stream.codec_context.height)
    kept: list[NDArray[np.uint8]] = []
    size = matrix = None
    for frame in _frames_at(times, _decode(clip, stream)):
        if size is None:
            size, matrix = _kept_size(frame.width, frame.height), frame.side_data.get("DISPLAYMATRIX")
        kept.append(frame.to_ndarray(width=size[0], height=size[1], format="rgb24"))
    if not kept:
        return None
    return _turn(np.stack(kept), bytes(matrix)) if matrix else np.stack(kept)


def _frames_at(times: list[float], frames: Iterator[Any]) -> Iterator[Any]:
    """The frame that is shown at each time; all are decoded."""
    shown, num_passed = None, 0
    for frame in frames:
        _check_frame_size(frame.width, frame.height)
        begins = _time_of(frame)
        while shown and begins is not None and num_passed < len(times) and times[num_passed] < begins:
            yield shown
            num_passed += 1
        shown = frame
    if shown:
        yield from (shown for _ in times[num_passed:])


def _turn(frames: NDArray[np.uint8], matrix: bytes) -> NDArray[np.uint8]:
    """Turn and mirror by quarters as a display matrix says: x' = a x + c y, y' = b x + d y."""
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    if abs(b) + abs(c) > abs(a) + abs(d):
        frames, a, d = frames.swapaxes(1, 2), c, b
    return np.ascontiguousarray(frames[:, :: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _check_frame_size(width: int, height: int) -> None:
    if width * height > MAX_VIDEO_PIXELS:
        raise TooLarge("video", f"{width}x{height}", f"at most {MAX_VIDEO_PIXELS} pixels a frame")


def _kept_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, MAX_KEPT_SIDE / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))


_DECODERS: dict[Modality, Callable[[bytes], Any]] = {
    "text": decode_text,
    "image": decode_image,
    "audio": decode_audio,
    "video": decode_video,
}
