"""JPEG, H.264, UTF-8 and PCM there and back, and what damage does to them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidField, UnsupportedMedia
from systems.separate import source_codecs as codecs

_ROWS, _COLUMNS = np.mgrid[:48, :51]
CLIP = np.stack(
    [
        np.stack([4 * _COLUMNS + frame, 5 * _ROWS, 100 + _COLUMNS + _ROWS - frame], axis=-1).astype(np.uint8)
        for frame in range(12)
    ]
)
PICTURE = CLIP[0]
SPEECH = (0.5 * np.sin(np.arange(800) / 7)).astype(np.float32)
ENCODED = {
    codecs.decode_jpeg: codecs.encode_jpeg(PICTURE, 80),
    codecs.decode_h264: codecs.encode_h264(CLIP, 25),
    codecs.decode_utf8: codecs.encode_utf8("Grüße aus 東京, a film 🎬"),
    codecs.decode_pcm16: codecs.encode_pcm16(SPEECH),
}


def psnr_db(a, b):
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def test_a_better_jpeg_is_longer_and_closer():
    files = [codecs.encode_jpeg(PICTURE, quality) for quality in (5, 50, 95)]
    qualities_db = [psnr_db(codecs.decode_jpeg(file), PICTURE) for file in files]
    assert len(files[0]) < len(files[1]) < len(files[2])
    assert qualities_db[0] < qualities_db[1] < qualities_db[2]
    assert qualities_db[2] > 35
    assert codecs.decode_jpeg(files[0]).dtype == np.uint8


def test_a_better_clip_is_longer_and_closer():
    streams = [codecs.encode_h264(CLIP, crf) for crf in (45, 30, 10)]
    decoded = [codecs.decode_h264(stream) for stream in streams]
    assert decoded[0].shape == (12, 48, 52, 3)
    qualities_db = [psnr_db(clip[:, :, :51], CLIP) for clip in decoded]
    assert len(streams[0]) < len(streams[1]) < len(streams[2])
    assert qualities_db[0] < qualities_db[1] < qualities_db[2]
    assert qualities_db[2] > 35


def test_a_clip_is_the_same_stream_wherever_it_lies_in_memory():
    # A bright square that goes through grain: what x264 decides by a hair.
    rng = np.random.default_rng(1)
    clip = rng.integers(60, 90, (16, 64, 64, 3), dtype=np.uint8)
    for number, frame in enumerate(clip):
        frame[20:44, 2 * number : 2 * number + 20] += 90
    held, streams = [], set()
    for size in rng.integers(1, 2_000_000, 12):
        held = [*held[-4:], rng.bytes(int(size))]
        streams.add(codecs.encode_h264(clip.copy(), 25))
    assert len(streams) == 1


def test_a_clip_is_a_stream_without_messages():
    stream = ENCODED[codecs.decode_h264]
    unit_types = {part[0] & 31 for part in stream.split(b"\x00\x00\x01")[1:]}
    assert {5, 7, 8} <= unit_types
    assert 6 not in unit_types


def test_text_and_speech_come_back():
    assert codecs.decode_utf8(ENCODED[codecs.decode_utf8]) == "Grüße aus 東京, a film 🎬"
    assert len(ENCODED[codecs.decode_pcm16]) == 2 * len(SPEECH)
    half_a_step = 0.5 / 32767
    np.testing.assert_allclose(
        codecs.decode_pcm16(ENCODED[codecs.decode_pcm16]), SPEECH, atol=half_a_step * 1.01
    )
    assert codecs.decode_pcm16(codecs.encode_pcm16(np.float32([-3, -1, 0, 1, 3]))).tolist() == [
        -1,
        -1,
        0,
        1,
        1,
    ]


@pytest.mark.parametrize(("encode", "value"), [("jpeg", 0), ("jpeg", 96), ("h264", -1), ("h264", 52)])
def test_a_quality_out_of_range_is_refused(encode, value):
    with pytest.raises(InvalidField, match=encode):
        {"jpeg": codecs.encode_jpeg, "h264": codecs.encode_h264}[encode](
            PICTURE if encode == "jpeg" else CLIP, value
        )


@pytest.mark.parametrize(
    ("decode", "data"),
    [
        *((decode, b"") for decode in ENCODED if decode is not codecs.decode_utf8),
        (codecs.decode_jpeg, b"\xff\xd8\xff" + bytes(100)),
        (codecs.decode_jpeg, ENCODED[codecs.decode_jpeg][:-60]),
        (codecs.decode_h264, bytes(range(256))),
        (codecs.decode_utf8, b"caf\xe9"),
        (codecs.decode_pcm16, b"odd"),
    ],
)
def test_what_is_no_file_is_a_typed_error(decode, data):
    with pytest.raises(UnsupportedMedia):
        decode(data)


def test_a_clip_of_too_large_frames_is_refused_by_the_decoder():
    stream = codecs.encode_h264(np.zeros((2, 2100, 2100, 3), np.uint8), 51)
    assert len(stream) < 1 << 16
    with pytest.raises(UnsupportedMedia):
        codecs.decode_h264(stream)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(ENCODED)), st.data())
def test_damaged_bytes_give_a_value_or_a_typed_error(decode, data):
    damaged = bytearray(ENCODED[decode])
    for _ in range(data.draw(st.integers(0, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(damaged))] * 2)))
    del damaged[start : min(end, start + 40)]
    try:
        value = decode(bytes(damaged))
    except UnsupportedMedia:
        return
    assert isinstance(value, str) or value.size
