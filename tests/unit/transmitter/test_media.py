"""Real small files of every format in, values out; damaged ones are refused, never a crash."""

import io
import random
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from made_files import (
    audio_file,
    gradient,
    greys,
    image_file,
    recorded_file,
    strongest_hz,
    tone,
    video_file,
)
from PIL import Image

from shared.errors import InvalidField, SemcomError, TooLarge, UnsupportedMedia
from transmitter import media
from transmitter.media import decode_media

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
AUDIO_FORMATS = ("WAV", "FLAC", "OGG")
# As browsers record (WebM with Opus, MP4 with AAC), and MP3.
RECORDED_FORMATS = (("webm", "libopus", 48_000), ("mp4", "aac", 44_100), ("mp3", "libmp3lame", 44_100))
# Zero-width blanks, joiners and marks of direction; combining marks without a letter; fillers of Hangul.
BLANK_TEXTS = (
    "\u200b\u200b",
    "\u2060\ufeff \u00ad",
    "\u200e\u202e",
    "\u0301\u0302",
    "\ufe0f\u20dd",
    "\u3164 \u2800",
)
VIDEO_FORMATS = (("mp4", "libx264"), ("mp4", "mpeg4"), ("avi", "mpeg4"), ("avi", "mjpeg"), ("webm", "libvpx"))


# Text


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"  a fine film \n", "a fine film"),
        ("naïve café".encode(), "naïve café"),
        (b"two\r\nlines\tand\x00nul", "two lines and nul"),
        (b"x" * 2000, "x" * 2000),
    ],
)
def test_text_is_stripped_and_freed_of_control_characters(sent, expected):
    assert decode_media("text", sent) == expected


def test_a_byte_order_mark_is_no_part_of_a_text():
    assert decode_media("text", b"\xef\xbb\xbffine film") == "fine film"


@pytest.mark.parametrize(
    "sent",
    [b"", b"   \n", b"\x00\x01", b"\xef\xbb\xbf", *(text.encode() for text in BLANK_TEXTS)],
)
def test_empty_text_is_refused(sent):
    with pytest.raises(InvalidField, match="text = .* 1 to 2000 characters, not all of them blank"):
        decode_media("text", sent)


def test_text_that_is_no_utf8_or_too_long_is_refused():
    with pytest.raises(UnsupportedMedia, match="UTF-8"):
        decode_media("text", b"\xff\xfe")
    with pytest.raises(UnsupportedMedia, match="UTF-8"):
        decode_media("text", "\ud800".encode("utf-8", "surrogatepass"))
    with pytest.raises(TooLarge, match="2001 characters"):
        decode_media("text", b"x" * 2001)


# Images


@pytest.mark.parametrize("image_format", IMAGE_FORMATS)
def test_an_image_of_every_format_comes_back(image_format):
    pixels = gradient()
    decoded = decode_media("image", image_file(pixels, image_format))
    assert decoded.dtype == np.uint8
    assert decoded.shape == pixels.shape
    assert decoded.flags.writeable
    mean_error = np.abs(decoded.astype(int) - pixels).mean()
    assert mean_error == 0 if image_format in ("PNG", "BMP") else mean_error < 20


def test_exif_orientation_is_obeyed():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright = decode_media("image", image_file(gradient(24, 32), "PNG", exif=exif))
    np.testing.assert_array_equal(upright, np.rot90(gradient(24, 32), -1))


def test_grey_palette_alpha_and_16_bit_images_become_rgb():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for mode in ("L", "P", "LA", "RGBA", "1"):
        buffer = io.BytesIO()
        Image.fromarray(grey).convert(mode).save(buffer, "PNG")
        assert decode_media("image", buffer.getvalue()).shape == (16, 16, 3)
    deep = decode_media("image", image_file(grey.astype(np.uint16) * 256))
    np.testing.assert_array_equal(deep, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("image_format", IMAGE_FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_refused(image_format, share):
    data = image_file(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), image_format)
    with pytest.raises(UnsupportedMedia, match="image = .*PNG, JPEG"):
        decode_media("image", data[: int(share * len(data))])


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    pixels = np.zeros((5001, 5001), np.uint8)
    with pytest.raises(TooLarge, match="5001x5001"):
        decode_media("image", image_file(pixels))
    header = bytearray(image_file(np.zeros((1, 1), np.uint8), "BMP"))
    header[18:26] = (30_000).to_bytes(4, "little") * 2
    with pytest.raises(TooLarge):
        decode_media("image", bytes(header))


# Audio


@pytest.mark.parametrize("audio_format", AUDIO_FORMATS)
def test_audio_of_every_format_comes_back(audio_format):
    decoded = decode_media("audio", audio_file(tone(), audio_format=audio_format))
    assert decoded.dtype == np.float32
    assert decoded.shape == (8000,)
    assert np.abs(decoded - tone()).max() < (0.2 if audio_format == "OGG" else 1e-4)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000])
def test_audio_is_resampled_to_16_khz(rate_hz):
    decoded = decode_media("audio", audio_file(tone(0.5, rate_hz), rate_hz))
    assert abs(len(decoded) - 8000) <= 1
    middle = slice(500, 7500)
    assert np.abs(decoded[middle] - tone()[middle]).max() < 0.02


def test_stereo_is_averaged():
    both = np.stack([tone(), np.zeros_like(tone())], axis=1)
    np.testing.assert_allclose(decode_media("audio", audio_file(both)), tone() / 2, atol=1e-4)


@pytest.mark.parametrize("num_channels", [2, 6])
def test_channels_that_cancel_give_the_loudest_one(num_channels):
    sound, other = tone(), 0.5 * tone(frequency_hz=1000.0)
    channels = (
        [sound, -0.9 * sound] if num_channels == 2 else [other, sound, -sound, -other, 0 * sound, 0 * sound]
    )
    mono = decode_media("audio", audio_file(np.stack(channels, axis=1)))
    np.testing.assert_allclose(mono, sound, atol=1e-3)


def test_one_channel_with_sound_among_several_is_still_the_mean():
    channels = np.stack([tone(), *[0 * tone()] * 7], axis=1)
    np.testing.assert_allclose(decode_media("audio", audio_file(channels)), tone() / 8, atol=1e-3)


def test_stereo_of_a_browser_that_cancels_gives_one_channel():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as sound:
        stream = sound.add_stream("aac", rate=44_100, layout="stereo")
        samples = tone(rate_hz=44_100)
        frame = av.AudioFrame.from_ndarray(np.stack([samples, -samples]), format="fltp", layout="stereo")
        frame.sample_rate = 44_100
        for part in (frame, None):
            sound.mux(stream.encode(part))
    mono = decode_media("audio", buffer.getvalue())
    assert strongest_hz(mono) == pytest.approx(440, rel=0.01)
    assert np.abs(mono).max() == pytest.approx(0.5, abs=0.05)


def noise(level_dbfs, duration_s=1.0):
    samples = np.random.default_rng(0).standard_normal(int(duration_s * 16_000))
    return (10 ** (level_dbfs / 20) * samples).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(16_000, np.float32),
        np.zeros(5 * 16_000, np.float32),
        noise(-61),
        noise(-90, 5),
        np.full(16_000, 0.5, np.float32),
        2e-3 * tone(1.0, frequency_hz=50.0),
        np.zeros(400, np.float32),
    ],
    ids=["zeros", "5 s of zeros", "noise", "5 s of noise", "constant", "hum", "short"],
)
def test_silence_is_a_tenth_of_a_second_of_zeros(samples):
    mono = decode_media("audio", audio_file(samples, subtype="FLOAT"))
    assert (len(mono), mono.any()) == (1600, False)


def test_what_is_louder_than_silence_stays_whole():
    word_among_zeros = np.concatenate([np.zeros(8000, np.float32), tone(0.1), np.zeros(8000, np.float32)])
    for samples in (noise(-57), 0.01 * tone(), word_among_zeros):
        assert len(decode_media("audio", audio_file(samples, subtype="FLOAT"))) == len(samples)


@pytest.mark.parametrize(("file_format", "codec", "rate_hz"), RECORDED_FORMATS)
def test_recordings_of_browsers_and_mp3_come_back(file_format, codec, rate_hz):
    decoded = decode_media("audio", recorded_file(tone(1.0, rate_hz), file_format, codec, rate_hz))
    assert decoded.dtype == np.float32
    assert len(decoded) == pytest.approx(16_000, abs=1600)  # encoders add some silence
    assert strongest_hz(decoded) == pytest.approx(440, abs=2)
    middle = decoded[4_000:12_000]  # lossy codecs overshoot at the sudden beginning
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("file_format", "codec", "rate_hz"), RECORDED_FORMATS)
def test_recordings_that_are_cut_short_are_refused(file_format, codec, rate_hz):
    data = recorded_file(tone(1.0, rate_hz), file_format, codec, rate_hz)
    with pytest.raises(UnsupportedMedia, match="audio = .*WAV, FLAC"):
        decode_media("audio", data[: len(data) - 100])


def test_an_mp3_file_with_a_tag_at_its_end_is_whole():
    data = recorded_file(tone(1.0, 44_100), *RECORDED_FORMATS[2])
    assert len(decode_media("audio", data + b"TAG" + bytes(125))) > 15_000


def test_a_long_recording_and_a_clip_without_sound_are_refused(monkeypatch):
    monkeypatch.setattr(media, "MAX_AUDIO_S", 0.5)
    with pytest.raises(TooLarge, match=r"at most 0\.5 s"):
        decode_media("audio", recorded_file(tone(1.0, 48_000), *RECORDED_FORMATS[0]))
    with pytest.raises(UnsupportedMedia, match="no sound stream"):
        decode_media("audio", video_file(greys(3)))


@pytest.mark.parametrize("audio_format", AUDIO_FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncated_audio_is_refused(audio_format, share):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000)
    data = audio_file(noise, audio_format=audio_format)
    with pytest.raises(UnsupportedMedia, match="audio = .*WAV, FLAC"):
        decode_media("audio", data[: int(share * len(data))])


def test_a_wav_written_to_a_pipe_is_read():
    """Writers that cannot seek leave the size fields at their greatest value."""
    data = bytearray(audio_file(tone()))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    assert len(decode_media("audio", bytes(data))) == 8000


def test_audio_beyond_the_limits_is_refused():
    with pytest.raises(TooLarge, match=r"60\.5 s.*at most 60 s"):
        decode_media("audio", audio_file(np.zeros(484_000), 8000))
    with pytest.raises(UnsupportedMedia, match="44101 Hz"):
        decode_media("audio", audio_file(np.zeros(100), 44_101))
    with pytest.raises(UnsupportedMedia, match="9 channels"):
        decode_media("audio", audio_file(np.zeros((100, 9))))
    with pytest.raises(UnsupportedMedia, match="0 samples"):
        decode_media("audio", audio_file(np.zeros(0)))
    with pytest.raises(UnsupportedMedia, match="finite"):
        decode_media("audio", audio_file(np.full(100, np.nan, np.float32), subtype="FLOAT"))


# Video


@pytest.mark.parametrize(("video_format", "codec"), VIDEO_FORMATS)
def test_video_of_every_format_comes_back(video_format, codec):
    frames = greys(12)
    decoded = decode_media("video", video_file(frames, video_format, codec))
    assert decoded.dtype == np.uint8
    assert decoded.shape == (12, 32, 32, 3)
    levels = decoded.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(levels, [frame.mean() for frame in frames], atol=8)


@pytest.mark.parametrize(("video_format", "codec"), VIDEO_FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_video_is_refused(video_format, codec, share):
    data = video_file(greys(12), video_format, codec)
    with pytest.raises(UnsupportedMedia, match="video = .*MP4, AVI or WebM"):
        decode_media("video", data[: int(share * len(data))])


def test_a_long_clip_is_sampled_evenly():
    decoded = decode_media("video", video_file(greys(201)))
    levels = decoded.mean(axis=(1, 2, 3))
    assert 33 <= len(decoded) <= 64
    np.testing.assert_allclose(levels, np.arange(0, 201, 4), atol=8)


def test_a_large_picture_is_scaled_down():
    assert decode_media("video", video_file([gradient(240, 640)] * 2)).shape == (2, 180, 480, 3)


def test_video_beyond_the_limits_is_refused(monkeypatch):
    with pytest.raises(TooLarge, match="2000x1100"):
        decode_media("video", video_file([np.zeros((1100, 2000, 3), np.uint8)], "avi", "mpeg4"))
    monkeypatch.setattr(media, "MAX_VIDEO_FRAMES", 10)
    with pytest.raises(TooLarge, match="at most 10 frames"):
        decode_media("video", video_file(greys(11)))


def png_frame(side):
    """A black picture of some kilobytes as PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def small_looking_file(side):
    """An MP4 file with sound whose header says 16x16 pixels, with one frame of side x side."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as clip:
        pictures = clip.add_stream("png", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 16, 16, "rgb24"
        sound = clip.add_stream("aac", rate=16_000)
        pictures.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8)))
        packet = av.Packet(png_frame(side))
        packet.stream, packet.pts, packet.dts, packet.time_base = pictures, 0, 0, Fraction(1, 10)
        clip.mux(packet)
        frame = av.AudioFrame.from_ndarray(tone()[None, :1024], format="fltp", layout="mono")
        frame.rate = 16_000
        clip.mux([*sound.encode(frame), *sound.encode()])
    return buffer.getvalue()


def test_a_frame_larger_than_its_header_says_is_refused_by_the_decoder():
    assert len(decode_media("video", small_looking_file(500))) == 1
    with pytest.raises(UnsupportedMedia, match="at most 2088960 pixels a frame"):
        decode_media("video", small_looking_file(3000))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("modality", ["audio", "video"])
def test_a_small_file_with_a_huge_frame_takes_no_memory(modality):
    program = f"""
import re, sys
from pathlib import Path
from shared.errors import SemcomError
from transmitter.media import decode_media
def peak_kb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak_kb()
try:
    decode_media({modality!r}, sys.stdin.buffer.read())
except SemcomError:
    pass
print(peak_kb() - before)
"""
    data = small_looking_file(8000)
    assert len(data) < 1 << 20
    run = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True)
    assert int(run.stdout) < 100_000  # the frame has 192,000 kB


def test_a_container_without_pictures_is_refused():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as clip:
        stream = clip.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(tone()[None, :1024], format="fltp", layout="mono")
        frame.rate = 16_000
        clip.mux(stream.encode(frame))
        clip.mux(stream.encode())
    with pytest.raises(UnsupportedMedia, match="no picture stream"):
        decode_media("video", buffer.getvalue())


def test_a_playlist_that_names_another_file_is_not_followed():
    with pytest.raises(UnsupportedMedia):
        decode_media("video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")


# All of them


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_the_wrong_kind_of_file_is_refused(modality):
    files = {"image": image_file(gradient()), "audio": audio_file(tone()), "video": video_file(greys(3))}
    wrong = [data for kind, data in files.items() if kind != modality]
    for data in (
        *wrong,
        b"",
        b"\x00",
        b"hello",
        b"%PDF-1.4 nothing",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\x1aE\xdf\xa3",
    ):
        with pytest.raises(UnsupportedMedia) as caught:
            decode_media(modality, data)
        assert caught.value.field == modality
        assert "object at" not in caught.value.message
        assert "BytesIO" not in caught.value.message


def _damaged(data, rng):
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 4, 40))):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


@pytest.mark.parametrize(
    ("modality", "make"),
    [
        *(("image", lambda f=f: image_file(gradient(), f)) for f in IMAGE_FORMATS),
        *(("audio", lambda f=f: audio_file(tone(0.05), audio_format=f)) for f in AUDIO_FORMATS),
        *(("audio", lambda f=f: recorded_file(tone(0.2, f[2]), *f)) for f in RECORDED_FORMATS),
        *(("video", lambda f=f, c=c: video_file(greys(4), f, c)) for f, c in VIDEO_FORMATS),
    ],
)
def test_damaged_bytes_give_a_value_or_one_of_our_errors(modality, make):
    data, rng = make(), random.Random(7)
    refused_fields = set()
    for _ in range(40):
        try:
            decode_media(modality, _damaged(data, rng))
        except SemcomError as error:  # anything else propagates
            refused_fields.add(error.field)
    assert refused_fields == {modality}
