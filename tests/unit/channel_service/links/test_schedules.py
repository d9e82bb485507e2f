"""SNR over frames and time: steps, ramps and repeats, also exactly at the points."""

import pytest

from channel_service.links.links import Links
from channel_service.links.schedules import MAX_POINTS, SnrSchedule, read_points
from channel_service.links.settings import LinkSettings
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, TooLarge


def over_frames(schedule: SnrSchedule, frame_numbers) -> list[float]:
    return [schedule.snr_db_at(number, 0.0) for number in frame_numbers]


def test_steps_hold_until_the_next_point():
    schedule = SnrSchedule((10, 20), (5.0, -5.0))
    assert over_frames(schedule, (0, 10, 19, 20, 2**64 - 1)) == [5.0, 5.0, 5.0, -5.0, -5.0]


def test_a_ramp_is_a_straight_line_between_points():
    schedule = SnrSchedule((0, 100), (20.0, 0.0), interpolation="linear")
    assert over_frames(schedule, (0, 25, 50, 100, 101)) == [20.0, 15.0, 10.0, 0.0, 0.0]


def test_a_schedule_can_repeat():
    schedule = SnrSchedule((0, 2, 4), (1.0, 2.0, 9.0), repeats=True)
    assert over_frames(schedule, range(9)) == [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0, 1.0]


def test_time_is_counted_from_when_the_schedule_was_set(tmp_path):
    now_s = 100.0
    links = Links(tmp_path, clock=lambda: now_s)
    changes = channel_service_pb2.LinkSettings(
        snr_schedule=SnrSchedule((0, 10), (0.0, 20.0), "time_s", "linear").to_proto()
    )
    links.set("default", changes)

    def snr_db() -> float:
        link = links.find("default")
        return link.settings.at(7, links.clock() - link.schedule_since_s).snr_db

    seen = [snr_db()]
    now_s = 105.0
    links.set("default", channel_service_pb2.LinkSettings(seed=4))
    seen.append(snr_db())
    links.set("default", changes)
    seen.append(snr_db())
    assert seen == [0.0, 10.0, 0.0]


def test_a_fixed_snr_ends_a_schedule_and_so_does_an_empty_one(tmp_path):
    links = Links(tmp_path)
    schedule = SnrSchedule((0,), (3.0,))
    for ending in ({"snr_db": 5.0}, {"snr_schedule": {}}):
        set_ = links.set("default", channel_service_pb2.LinkSettings(snr_schedule=schedule.to_proto()))
        assert set_.snr_schedule == schedule
        assert LinkSettings().with_changes(set_.to_proto()) == set_
        assert links.set("default", channel_service_pb2.LinkSettings(**ending)).snr_schedule is None
    assert links.get("default").snr_db == 5.0


def test_points_come_from_csv_with_or_without_a_first_line_of_names():
    assert read_points("at,snr_db\n0, 1.5\n\n2,-3e0\n") == {"at": [0.0, 2.0], "snr_db": [1.5, -3.0]}
    assert read_points("0,1\r\n1,2\r\n") == {"at": [0.0, 1.0], "snr_db": [1.0, 2.0]}
    assert read_points("\ufeffat,snr_db\r\n0,1\r\n") == {"at": [0.0], "snr_db": [1.0]}
    assert read_points("\ufeff0,1\n") == {"at": [0.0], "snr_db": [1.0]}
    for text, line in (("0,1\n2\n", "line 2"), ("0,1,2\n", "line 1"), ("0,1\nat,snr_db\n", "line 2")):
        with pytest.raises(InvalidField, match=line):
            read_points(text)


def test_too_many_points_are_refused():
    points = tuple(range(MAX_POINTS + 1))
    with pytest.raises(TooLarge, match=str(MAX_POINTS)):
        SnrSchedule(points, (0.0,) * len(points))


@pytest.mark.parametrize("start", [0, 2**60, 2**64 - 8])
def test_a_schedule_that_repeats_goes_on_at_every_frame_number(start):
    schedule = SnrSchedule((0, 1, 2, 4), (0.0, 1.0, 2.0, 3.0), repeats=True)
    assert [schedule.snr_db_at(start + frame, 0.0) for frame in range(8)] == [0, 1, 2, 2, 0, 1, 2, 2]
    thirds = SnrSchedule((0, 1, 3), (0.0, 1.0, 3.0), repeats=True)
    assert {thirds.snr_db_at(start + frame, 0.0) for frame in range(3)} == {0.0, 1.0}
