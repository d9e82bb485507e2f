import re

import pytest

from semcom.restarts import Keeper


class FakeService:
    """Dies when told; starts and is ready when told."""

    name = "receiver"

    def __init__(self):
        self.exit_status, self.ready, self.num_starts = None, False, 0

    def status(self):
        return self.exit_status

    def is_ready(self):
        return self.ready

    def start_again(self):
        self.exit_status, self.ready = None, False
        self.num_starts += 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def kept():
    service, clock, events = FakeService(), Clock(), []
    return service, clock, events, Keeper(service, events.append, clock)


def die_and_wait(service, clock, keeper, lived_s=0.0):
    """The pause that the keeper left before it started the service again."""
    clock.now += lived_s
    service.exit_status = -9
    died, num_starts = clock.now, service.num_starts
    assert keeper.check()
    while service.num_starts == num_starts:
        clock.now += 0.1
        assert keeper.check()
    return clock.now - died


def test_the_pauses_grow_and_the_fifth_death_in_a_row_ends_it(kept):
    service, clock, _, keeper = kept
    pauses = [die_and_wait(service, clock, keeper) for _ in range(4)]
    assert pauses == pytest.approx([0.5, 1, 2, 4], abs=0.11)
    service.exit_status = 1
    assert not keeper.check()
    assert service.num_starts == 4


def test_a_minute_of_life_forgives_earlier_deaths(kept):
    service, clock, _, keeper = kept
    pauses = [die_and_wait(service, clock, keeper, lived_s=61.0) for _ in range(7)]
    assert pauses == pytest.approx([0.5] * 7, abs=0.11)


def test_each_event_is_said_once(kept):
    service, clock, events, keeper = kept
    die_and_wait(service, clock, keeper)
    keeper.check()
    assert len(events) == 1
    assert re.fullmatch(
        r"receiver ended with status -9 \(death 1 of 5\); it is started .* 0.5 s.*", events[0]
    )
    service.ready = True
    keeper.check()
    keeper.check()
    assert events[1:] == ["receiver is back"]


def test_a_service_that_lives_is_left_alone(kept):
    service, clock, events, keeper = kept
    clock.now = 1e6
    assert keeper.check()
    assert (service.num_starts, events) == (0, [])
