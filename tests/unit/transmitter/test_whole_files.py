"""Files that a player plays to their end are read to their end; files that are cut off are refused."""

import struct

import numpy as np
import pytest
from made_files import audio_file, greys, recorded_file, strongest_hz, tone, video_file

from shared.errors import SemcomError, TooLarge, UnsupportedMedia
from transmitter import media
from transmitter.media import decode_media


def refused(modality, data):
    with pytest.raises(UnsupportedMedia, match=f"{modality} = .*a whole"):
        decode_media(modality, data)


# WAV


def wav(riff_size=None, data_size=None, behind=b""):
    """8000 samples; sizes as stated, or the right ones."""
    data = bytearray(audio_file(tone())) + behind
    data[4:8] = (len(data) - 8 if riff_size is None else riff_size).to_bytes(4, "little")
    data[40:44] = (16_000 if data_size is None else data_size).to_bytes(4, "little")
    return bytes(data)


SIZE = len(wav())


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [
        (SIZE - 7, None),  # wrong by one
        (SIZE - 9, None),
        (SIZE, None),  # counts the file
        (SIZE + 36, None),
        (None, 0),
        (0, 0),
        (SIZE, 0),
        (36, 0),  # as a recorder that was switched off leaves it
        (0, None),
        (None, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x7FFFF024, 0x7FFFF000),
        (None, 16_044),  # counts the header
    ],
)
def test_a_wav_file_with_a_wrong_size_but_all_its_samples_is_whole(riff_size, data_size):
    np.testing.assert_array_equal(
        decode_media("audio", wav(riff_size, data_size)), decode_media("audio", audio_file(tone()))
    )


def test_what_lies_behind_the_samples_of_a_wav_file_does_not_decide():
    for behind in (b"LIST" + struct.pack("<I", 4000) + b"INFO", b"\0", b"TAG" + bytes(125)):
        assert len(decode_media("audio", wav(behind=behind))) == 8000


@pytest.mark.parametrize("num_bytes", [2, 100, 8000, 15_990])
@pytest.mark.parametrize("riff_size", [None, SIZE, SIZE - 7])
def test_a_wav_file_that_is_cut_is_refused(num_bytes, riff_size):
    refused("audio", wav(riff_size)[:-num_bytes])


# FLAC


def id3(num_bytes=700, flags=0):
    """A tag of version 2 with this many bytes of padding."""
    footer = b"3DI" + bytes(7) if flags & 0x10 else b""
    return b"ID3\4\0" + bytes([flags, 0, 0, num_bytes >> 7, num_bytes & 127]) + bytes(num_bytes) + footer


@pytest.mark.parametrize("audio_format", ["FLAC", "WAV", "OGG"])
@pytest.mark.parametrize("tags", [id3(), id3() + id3(10, flags=0x10), id3() + bytes(64)])
def test_a_file_behind_an_id3_tag_is_read(audio_format, tags):
    data = audio_file(tone(), audio_format=audio_format)
    np.testing.assert_array_equal(decode_media("audio", tags + data), decode_media("audio", data))
    refused("audio", tags + data[:-100])


def test_a_flac_file_with_a_tag_behind_it_is_read():
    data = audio_file(tone(), audio_format="FLAC")
    assert len(decode_media("audio", data + b"TAG" + bytes(125))) == 8000


# MP3


def mp3(frequency_hz=440.0):
    return recorded_file(tone(1.0, 16_000, frequency_hz), "mp3", "libmp3lame", 16_000)


def ape(with_header=True, version=2000):
    item = struct.pack("<II", 5, 0) + b"Title\0" + b"seven"
    footer = struct.pack("<8sIII", b"APETAGEX", version, len(item) + 32, 1)
    header = footer + struct.pack("<II", 0xA0000000, 0) + bytes(4) if with_header else b""
    return header + item + footer + struct.pack("<I8x", 0x80000000 if with_header else 0)


ID3V1 = b"TAG" + b"seven".ljust(125, b"\0")
LYRICS = b"LYRICSBEGINLYR00005seven" + b"000024LYRICS200"
TRAILERS = {
    "ID3v1": ID3V1,
    "ID3v2": id3(),
    "ID3v2 with a footer": id3(20, flags=0x10),
    "APEv2": ape(),
    "APEv2 without a header": ape(with_header=False),
    "APEv1": ape(with_header=False, version=1000),
    "Lyrics3v1": b"LYRICSBEGINseven eightLYRICSEND" + ID3V1,
    "Lyrics3v2": LYRICS + ID3V1,
    "all": ape() + LYRICS + ID3V1,
    "padding": bytes(1000),
    "padding and a tag": bytes(500) + ID3V1,
}


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
def test_tags_and_padding_behind_an_mp3_file_do_not_decide(trailer):
    data = mp3()
    np.testing.assert_array_equal(decode_media("audio", data + trailer), decode_media("audio", data))
    refused("audio", data[:-100])


def test_mp3_files_one_behind_the_other_are_read_to_the_end():
    decoded = decode_media("audio", id3() + mp3(440) + ID3V1 + id3() + mp3(880) + ape())
    assert len(decoded) == pytest.approx(32_000, abs=3000)
    assert strongest_hz(decoded[:14_000]) == pytest.approx(440, abs=2)
    assert strongest_hz(decoded[-14_000:]) == pytest.approx(880, abs=2)


def test_mp3_frames_with_another_number_of_channels_behind_are_refused():
    stereo = audio_file(np.stack([tone(), tone()], axis=1), audio_format="MP3")
    with pytest.raises(UnsupportedMedia):
        decode_media("audio", mp3() + stereo)


def test_bytes_of_no_tag_among_mp3_frames_are_refused():
    refused("audio", mp3() + b"nonsense" * 20 + mp3())
    refused("audio", id3())


# Ogg


def ogg_checksum(page):
    """CRC-32 of polynomial 0x04c11db7, neither reflected nor inverted (RFC 3533)."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def ogg(frequency_hz=440.0, rate_hz=16_000, subtype="VORBIS", is_ended=True):
    """One second; where it is not ended its last page is not marked as such, as in voice messages."""
    data = audio_file(tone(1.0, rate_hz, frequency_hz), rate_hz, "OGG", subtype=subtype)
    if is_ended:
        return data
    start = data.rfind(b"OggS")
    page = bytearray(data[start:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    page[22:26] = ogg_checksum(page).to_bytes(4, "little")
    return data[:start] + bytes(page)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_whose_end_is_not_marked_is_whole(subtype):
    data = ogg(subtype=subtype, is_ended=False)
    decoded = decode_media("audio", data)
    assert len(decoded) == pytest.approx(16_000, abs=1000)
    assert strongest_hz(decoded) == pytest.approx(440, abs=2)
    for num_bytes in (1, 100, 1500):
        refused("audio", data[:-num_bytes])


def test_an_ogg_file_with_padding_behind_it_is_whole():
    assert len(decode_media("audio", ogg() + bytes(100))) == 16_000


@pytest.mark.parametrize(
    "second", [ogg(880), ogg(880, 48_000, "OPUS"), ogg(880, 44_100), ogg(880, is_ended=False)]
)
def test_a_chained_ogg_file_is_read_to_its_end(second):
    decoded = decode_media("audio", ogg(440) + second)
    assert len(decoded) == pytest.approx(32_000, abs=1000)
    assert strongest_hz(decoded[:16_000]) == pytest.approx(440, abs=2)
    assert strongest_hz(decoded[16_000:]) == pytest.approx(880, abs=2)
    refused("audio", ogg(440) + second[:-100])
    refused("audio", ogg(440) + second[: len(second) // 2])


def test_the_parts_of_a_chained_ogg_file_count_together(monkeypatch):
    monkeypatch.setattr(media, "MAX_AUDIO_S", 2.5)
    assert len(decode_media("audio", 2 * ogg())) == 32_000
    with pytest.raises(TooLarge, match=r"3\.0 s.*at most 2\.5 s"):
        decode_media("audio", 3 * ogg())


# MP4 and MOV


def box(kind, content=b""):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def boxes_of(data):
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        yield data[position + 4 : position + 8], data[position : position + size]
        position += size


CLIP, SOUND = video_file(greys(12)), recorded_file(tone(1.0), "mp4", "aac", 16_000)
BLOCKS = {
    "bytes of a maker": b"\x8d\xb4\x2d\x69\x4c\xcc\x41\x87maker",
    "a box that says too much": struct.pack(">I4s", 1 << 20, b"SEFT") + b"seven",
    "zeros": bytes(500),
    "a few bytes": b"\0\0\0",
    "a cut index of fragments": box(b"mfra", bytes(100))[:-50],
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_a_block_of_a_maker_behind_an_mp4_file_does_not_decide(block):
    np.testing.assert_array_equal(decode_media("video", CLIP + block), decode_media("video", CLIP))
    np.testing.assert_array_equal(decode_media("audio", SOUND + block), decode_media("audio", SOUND))


def moved(data, num_bytes):
    """With the positions in its table of samples moved by so many bytes."""
    table = data.rfind(b"stco") + 12
    for place in range(table, table + 4 * int.from_bytes(data[table - 4 : table], "big"), 4):
        position = int.from_bytes(data[place : place + 4], "big") + num_bytes
        data = data[:place] + position.to_bytes(4, "big") + data[place + 4 :]
    return data


def with_first(kind):
    """A MOV file that begins with another box."""
    data = video_file(greys(12), "mov")
    if kind != b"mdat":
        return moved(box(kind) + data, 8)
    boxes = [content for box_kind, content in boxes_of(data) if box_kind in (b"mdat", b"moov")]
    return moved(b"".join(boxes), -data.index(boxes[0]))


@pytest.mark.parametrize("kind", [b"wide", b"free", b"skip", b"mdat"])
def test_a_mov_file_that_begins_with_another_box_is_read(kind):
    data = with_first(kind)
    assert data[4:8] == kind
    levels = decode_media("video", data).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(levels, [frame.mean() for frame in greys(12)], atol=8)
    for share in (0.5, 0.99):
        refused("video", data[: int(share * len(data))])


def fast_start():
    """The table of samples before the samples."""
    boxes = dict(boxes_of(video_file(greys(12))))
    return moved(b"".join(boxes[kind] for kind in (b"ftyp", b"moov", b"free", b"mdat")), len(boxes[b"moov"]))


def fragmented():
    return video_file(greys(12), options={"movflags": "frag_keyframe+empty_moov"}, codec_options={"g": "4"})


@pytest.mark.parametrize("make", [fast_start, fragmented])
def test_an_mp4_file_whose_samples_are_cut_is_refused(make):
    """Its table of samples is there, at the beginning."""
    data = make()
    assert len(decode_media("video", data)) == 12
    samples = [contents for kind, contents in boxes_of(data) if kind == b"mdat"]
    end = data.rfind(samples[-1]) + len(samples[-1])
    for num_bytes in (1, len(samples[-1]) // 2, len(samples[-1]) - 8):
        refused("video", data[: end - num_bytes])


def test_an_mp4_file_whose_samples_go_on_to_its_end_is_refused_if_it_is_cut():
    data = bytearray(fast_start())
    start = data.rfind(b"mdat") - 4
    data[start : start + 4] = bytes(4)
    assert len(decode_media("video", bytes(data))) == 12
    for num_bytes in (1, 100, len(data) - start - 8):
        refused("video", bytes(data[:-num_bytes]))


# AVI and WebM


def test_an_avi_file_whose_size_counts_the_file_is_whole():
    data = bytearray(video_file(greys(12), "avi", "mjpeg"))
    for size in (len(data), len(data) - 7):
        data[4:8] = size.to_bytes(4, "little")
        assert len(decode_media("video", bytes(data))) == 12
        refused("video", bytes(data[:-300]))


def test_a_webm_file_with_padding_before_its_segment_is_whole():
    data = recorded_file(tone(1.0, 48_000), "webm", "libopus", 48_000)
    segment = data.index(b"\x18S\x80g")
    padded = data[:segment] + b"\xec\x84" + bytes(4) + data[segment:]
    np.testing.assert_array_equal(decode_media("audio", padded), decode_media("audio", data))
    refused("audio", padded[:-100])


# All of them


@pytest.mark.parametrize(
    "data",
    [
        (b"ID3\4\0\0\0\0\0\0" + b"\0") * 100_000,
        mp3() + (b"\0\xff" * 400_000),
        mp3() + b"LYRICSBEGIN" * 100_000,
        mp3() + b"APETAGEX" * 100_000,
        b"OggS" * 250_000,
        b"OggS\0\2".ljust(27, b"\0") * 40_000,
        box(b"ftyp") * 100_000,
    ],
    ids=["ID3", "padding", "lyrics", "APE", "capture patterns", "first pages", "boxes"],
)
@pytest.mark.timeout(20)
def test_a_megabyte_of_marks_is_refused_at_once(data):
    with pytest.raises(SemcomError):
        decode_media("audio", data)
