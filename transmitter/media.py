"""Decodes what a client uploads into the values of a `Source` (see systems.base).

Text, PNG/JPEG/WebP/BMP/GIF, WAV/FLAC/OGG/MP3 and the sound of WebM and MP4, MP4/AVI/WebM. Whatever the bytes
are, the outcome is a value or one of our errors: UnsupportedMedia for a file that is not, or not wholly, of a
format read here; TooLarge for one beyond the limits.
"""

from __future__ import annotations

import asyncio
import io
import re
import struct
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from shared.errors import InvalidField, TooLarge, UnsupportedMedia
from shared.source import SAMPLE_RATE_HZ, Source
from shared.tasks import Modality
from transmitter.containers import (
    AUDIO_CONTAINERS,
    COMPRESSED_AUDIO_CONTAINERS,
    VIDEO_CONTAINERS,
    Container,
    recognise,
)

MAX_TEXT_CHARS = 2000
MAX_IMAGE_PIXELS = 25_000_000
MAX_AUDIO_S = 60.0
MAX_AUDIO_CHANNELS = 8
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
_ALLOWED_IMAGE = "a whole PNG, JPEG, WebP, BMP or GIF file"
_ALLOWED_AUDIO = "a whole WAV, FLAC, OGG, MP3, WebM or MP4 file"
_ALLOWED_VIDEO = f"a whole MP4, AVI or WebM file of at most {MAX_VIDEO_PIXELS} pixels a frame"
_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
# What Pillow's plugins are seen to raise on damaged files, besides UnidentifiedImageError (an OSError).
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error)
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
        What `systems.base.Source` holds for the modality.

    Raises:
        InvalidField: For text without a printable character.
        UnsupportedMedia: If the bytes are not a whole file of a format read here.
        TooLarge: Beyond the limits of this module.
    """
    return _DECODERS[modality](data)


def decode_text(data: bytes) -> str:
    """UTF-8 to a string of 1 to 2000 characters; control characters and line ends become single spaces."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsupportedMedia("text", f"byte {error.start} of {len(data)}", "UTF-8 text") from None
    printable = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    text = " ".join(printable.split())
    if len(text) > MAX_TEXT_CHARS:
        raise TooLarge("text", f"{len(text)} characters", f"1 to {MAX_TEXT_CHARS} characters")
    if not text:
        raise InvalidField("text", "", f"1 to {MAX_TEXT_CHARS} characters, not all of them blank")
    return text


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """An image file to RGB, uint8 [height, width, 3]; the first frame, turned as its EXIF says."""
    try:
        with Image.open(io.BytesIO(data), formats=_IMAGE_FORMATS) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise TooLarge("image", f"{image.width}x{image.height}", f"at most {MAX_IMAGE_PIXELS} pixels")
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))  # a copy: torch wants it writable
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge("image", error, f"at most {MAX_IMAGE_PIXELS} pixels") from None
    except _PILLOW_ERRORS as error:
        raise UnsupportedMedia("image", _describe(data, error), _ALLOWED_IMAGE) from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit greys, which convert() would clip to white
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def decode_audio(data: bytes) -> NDArray[np.float32]:
    """An audio file to mono at 16 kHz, float32 [num_samples], -1 to 1."""
    container = recognise(data, (*AUDIO_CONTAINERS, *COMPRESSED_AUDIO_CONTAINERS))
    if container is None or not container.is_whole(data):
        raise UnsupportedMedia("audio", _describe(data), _ALLOWED_AUDIO)
    is_compressed = container in COMPRESSED_AUDIO_CONTAINERS
    mono, rate_hz = _read_stream(data, container) if is_compressed else _read_sound(data)
    if not mono.size or not np.isfinite(mono).all():
        raise UnsupportedMedia("audio", f"{mono.size} samples", "at least one sample, all of them finite")
    return _resample(mono, rate_hz).clip(-1.0, 1.0)


def _read_sound(data: bytes) -> tuple[NDArray[np.float32], int]:
    """Mono samples and their rate [Hz] of a file that libsndfile reads."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            _check_sound(sound.samplerate, sound.channels, sound.frames)
            samples = sound.read(dtype="float32", always_2d=True)
            if len(samples) != sound.frames:
                raise UnsupportedMedia("audio", _describe(data), _ALLOWED_AUDIO)
            return samples.mean(axis=1, dtype=np.float32), int(sound.samplerate)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise UnsupportedMedia("audio", _describe(data, error), _ALLOWED_AUDIO) from None


def _read_stream(data: bytes, container: Container) -> tuple[NDArray[np.float32], int]:
    """Mono samples and their rate [Hz] of the first sound stream of a file that FFmpeg reads."""
    kept: list[NDArray[np.float32]] = []
    rate_hz = num_samples = 0
    try:
        with _open(data, container) as clip:
            if not clip.streams.audio:
                raise UnsupportedMedia("audio", "no sound stream", _ALLOWED_AUDIO)
            to_float = av.AudioResampler(format="fltp")
            for frame in clip.decode(audio=0):
                rate_hz, num_samples = rate_hz or frame.sample_rate, num_samples + frame.samples
                if frame.sample_rate != rate_hz:
                    raise UnsupportedMedia("audio", "a sample rate that changes", "one sample rate")
                _check_sound(rate_hz, frame.layout.nb_channels, num_samples)
                kept += [part.to_ndarray().mean(axis=0) for part in to_float.resample(frame)]
    except _AV_ERRORS as error:
        raise UnsupportedMedia("audio", _describe(data, error), _ALLOWED_AUDIO) from None
    return np.concatenate(kept or [np.empty(0, np.float32)]).astype(np.float32), rate_hz


def _open(data: bytes, container: Container) -> Any:
    """A file that FFmpeg reads, whatever pictures are beside its sound."""
    return av.open(
        io.BytesIO(data), "r", format=container.name, metadata_errors="replace", options=_DECODER_OPTIONS
    )


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

    At most 64 frames are kept, spread evenly over the clip; frames above 480 pixels a side are scaled down.
    """
    container = recognise(data, VIDEO_CONTAINERS)
    if container is None or not container.is_whole(data):
        raise UnsupportedMedia("video", _describe(data), _ALLOWED_VIDEO)
    try:
        with _open(data, container) as clip:
            if not clip.streams.video:
                raise UnsupportedMedia("video", "no picture stream", _ALLOWED_VIDEO)
            frames = _sample_frames(clip)
    except _AV_ERRORS as error:
        raise UnsupportedMedia("video", _describe(data, error), _ALLOWED_VIDEO) from None
    if not frames:
        raise UnsupportedMedia("video", "no frame", "at least one frame")
    return np.stack(frames)


def _sample_frames(clip: Any) -> list[NDArray[np.uint8]]:
    """Keep every stride-th frame, and double the stride whenever there are too many.

    One pass, at most 64 frames in memory, and no trust in the length that the file states.
    """
    kept: list[NDArray[np.uint8]] = []
    stride, size = 1, None
    decoder = clip.streams.video[0].codec_context
    if decoder is None:
        raise ValueError("no decoder for its pictures")
    decoder.options = _DECODER_OPTIONS
    _check_frame_size(decoder.width, decoder.height)
    for index, frame in enumerate(clip.decode(video=0)):
        _check_frame_size(frame.width, frame.height)
        if index >= MAX_VIDEO_FRAMES:
            raise TooLarge("video", f"more than {index} frames", f"at most {MAX_VIDEO_FRAMES} frames")
        if index % stride:
            continue
        if len(kept) == MAX_KEPT_FRAMES:
            kept, stride = kept[::2], 2 * stride
        size = size or _kept_size(frame.width, frame.height)
        kept.append(frame.to_ndarray(width=size[0], height=size[1], format="rgb24"))
    return kept


def _check_frame_size(width: int, height: int) -> None:
    if width * height > MAX_VIDEO_PIXELS:
        raise TooLarge("video", f"{width}x{height}", f"at most {MAX_VIDEO_PIXELS} pixels a frame")


def _kept_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, MAX_KEPT_SIDE / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))


def _describe(data: bytes, error: BaseException | None = None) -> str:
    """Size, first bytes and the library's reason, for the message."""
    # Libraries name the object that they read from, with its address in memory.
    reason = re.sub(r" ?<[\w.]+ object at 0x[0-9a-f]+>", "", f": {error}") if error else ""
    return f"{len(data)} bytes, beginning {data[:8]!r}{reason}"


_DECODERS: dict[Modality, Callable[[bytes], Any]] = {
    "text": decode_text,
    "image": decode_image,
    "audio": decode_audio,
    "video": decode_video,
}
