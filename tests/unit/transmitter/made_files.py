"""Media files that tests make, as bytes: small and known."""

import io
from fractions import Fraction

import av
import numpy as np
import soundfile
from PIL import Image


def gradient(height=24, width=32):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([8 * x % 256, 10 * y % 256, 4 * (x + y) % 256], axis=-1).astype(np.uint8)


def image_file(pixels, image_format="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, **options)
    return buffer.getvalue()


def tone(duration_s=0.5, rate_hz=16_000, frequency_hz=440.0):
    return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(int(duration_s * rate_hz)) / rate_hz)).astype(
        np.float32
    )


def audio_file(samples, rate_hz=16_000, audio_format="WAV", **options):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=audio_format, **options)
    return buffer.getvalue()


def recorded_file(samples, file_format, codec, rate_hz):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=file_format) as sound:
        stream = sound.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            stream.codec_context.format, "mono", rate_hz, stream.codec_context.frame_size or 960
        )
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            sound.mux(stream.encode(part))
    return buffer.getvalue()


def strongest_hz(samples):
    return np.argmax(np.abs(np.fft.rfft(samples))) * 16_000 / len(samples)


def video_file(
    frames,
    video_format="mp4",
    codec="libx264",
    times=None,
    units_per_s=10,
    display=None,
    options=None,
    codec_options=None,
):
    """A clip whose frames lie at these times, and whose metadata turns and mirrors them."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=video_format, options=options or {}) as clip:
        stream = clip.add_stream(codec, rate=units_per_s, options=codec_options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if display:
            stream.set_display_rotation(*display)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = times[number] if times else number, Fraction(1, units_per_s)
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode())
    return buffer.getvalue()


def greys(num_frames, size=32):
    """Frame k has the grey level that names it."""
    return [np.full((size, size, 3), 200 * k // max(1, num_frames - 1), np.uint8) for k in range(num_frames)]
