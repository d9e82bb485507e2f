"""A clip is read as a player shows it: turned as its metadata says, and by time."""

import numpy as np
import pytest
from made_files import greys, video_file

from transmitter.media import decode_media

CORNERS = np.array(
    [[[220, 30, 30], [30, 220, 30], [30, 30, 220]], [[220, 220, 30], [30, 30, 30], [220, 220, 220]]]
)


def quarters():
    """A picture of 64x96 pixels whose six fields have different colours."""
    return CORNERS.repeat(32, axis=0).repeat(32, axis=1).astype(np.uint8)


def fields_of(frame):
    return frame[16::32, 16::32].astype(int)


@pytest.mark.parametrize("video_format", ["mp4", "mov", "webm"])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_clip_is_turned_as_its_metadata_says(video_format, degrees):
    """A phone writes its sensor's rows, and by how much to turn them counterclockwise."""
    lying = np.rot90(quarters(), -degrees // 90)
    codec = "libvpx" if video_format == "webm" else "libx264"
    decoded = decode_media("video", video_file([lying] * 3, video_format, codec, display=(degrees,)))
    assert decoded.shape == (3, 64, 96, 3)
    assert decoded.flags.writeable
    assert decoded.flags.c_contiguous
    for frame in decoded:
        np.testing.assert_allclose(fields_of(frame), CORNERS, atol=30)


@pytest.mark.parametrize("degrees", [0, 90])
def test_a_clip_that_its_metadata_mirrors_is_mirrored(degrees):
    """As front cameras write it; it is mirrored after it was turned."""
    lying = np.rot90(quarters()[:, ::-1], -degrees // 90)
    decoded = decode_media("video", video_file([lying] * 2, display=(degrees, True, False)))
    np.testing.assert_allclose(fields_of(decoded[0]), CORNERS, atol=30)


def test_a_large_clip_that_lies_on_its_side_keeps_its_proportions():
    lying = np.zeros((480, 640, 3), np.uint8)
    assert decode_media("video", video_file([lying], display=(90,))).shape == (1, 480, 360, 3)


def levels_of(decoded):
    return decoded.mean(axis=(1, 2, 3))


VARYING = [("mp4", "libx264"), ("mp4", "mpeg4"), ("webm", "libvpx"), ("avi", "mjpeg")]


@pytest.mark.parametrize(("video_format", "codec"), VARYING)
def test_frames_of_a_varying_rate_are_sampled_by_time(video_format, codec):
    """Ten frames in the first second, then one a second: a tenth of the answer is the first second."""
    frames, times = greys(19), [*range(10), *range(10, 100, 10)]
    decoded = decode_media("video", video_file(frames, video_format, codec, times))
    shown = [np.searchsorted(times, place, side="right") - 1 for place in range(0, 91, 2)]
    expected = [frames[number].mean() for number in shown]
    np.testing.assert_allclose(
        np.interp(np.linspace(0, 90, 46), np.linspace(0, 90, len(decoded)), levels_of(decoded)),
        expected,
        atol=16,
    )
    early = np.mean(levels_of(decoded) < frames[9].mean() + 4)
    assert early == pytest.approx(1 / 10, abs=0.02)


def test_a_frame_that_stands_for_long_is_shown_for_long():
    decoded = decode_media("video", video_file(greys(4), times=[0, 1, 2, 30]))
    steps = np.unique(levels_of(decoded).round(), return_counts=True)[1] / len(decoded)
    np.testing.assert_allclose(steps, [1 / 31, 1 / 31, 28 / 31, 1 / 31], atol=0.03)


def test_a_dropped_frame_and_timestamps_in_milliseconds_leave_the_others_alone():
    """Thirds of a tenth cannot be said in milliseconds; all frames come back once."""
    times = [number / 3 for number in range(60)]
    for video_format, codec in (("webm", "libvpx"), ("mp4", "libx264")):
        scaled = [round(100 * time) for time in times]
        frames = greys(60)
        data = video_file(frames, video_format, codec, scaled, units_per_s=1000)
        np.testing.assert_allclose(levels_of(decode_media("video", data)), [f.mean() for f in frames], atol=8)
    frames, kept = greys(20), [number for number in range(20) if number != 7]
    decoded = decode_media("video", video_file([frames[number] for number in kept], times=kept))
    expected = [frames[6 if number == 7 else number].mean() for number in range(20)]
    np.testing.assert_allclose(levels_of(decoded), expected, atol=8)
