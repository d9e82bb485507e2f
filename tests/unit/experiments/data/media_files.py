"""Real media files, as bytes, that are small and known."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np
import soundfile
from PIL import Image


def picture(value: int, size: int, kind: str) -> bytes:
    """A square picture of one colour whose red is `value`."""
    file = io.BytesIO()
    Image.new("RGB", (size, size), (value, 0, 255 - value)).save(file, kind)
    return file.getvalue()


def tone(frequency_hz: float, rate_hz: int, duration_s: float) -> np.ndarray:
    """A sine of half the full scale."""
    times_s = np.arange(int(rate_hz * duration_s)) / rate_hz
    return 0.5 * np.sin(2 * np.pi * frequency_hz * times_s)


def sound(samples: np.ndarray, rate_hz: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """A sound file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=kind, subtype=subtype)
    return file.getvalue()


def clip(brightness: Sequence[int], kind: str = "mp4", size: tuple[int, int] = (112, 112)) -> bytes:
    """A clip of grey frames, of so many pixels of width and height."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream("mpeg4", rate=12)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for value in brightness:
            grey = np.full((size[1], size[0], 3), value, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def strip(brightness: Sequence[int]) -> bytes:
    """A JPEG picture of grey frames of 64x64 pixels, side by side."""
    frames = [np.full((64, 64, 3), value, dtype=np.uint8) for value in brightness]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(frames, axis=1)).save(file, "JPEG", quality=95)
    return file.getvalue()
