"""Traces from files: scaled to unit power, and refused if they hold no gains."""

import numpy as np
import pytest

from channel_service.links.links import Links
from channel_service.relay.transmission import transmit
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField


def set_link(links: Links, **fields) -> None:
    links.set("default", channel_service_pb2.LinkSettings(**fields), replaces=True)


@pytest.mark.parametrize("suffix", ["npy", "csv"])
def test_a_trace_from_a_file_has_unit_power_and_its_own_shape(tmp_path, suffix):
    gains = np.array([3, 3j, -6, 0.5 + 1j])
    if suffix == "npy":
        np.save(tmp_path / "walk.npy", gains)
    else:
        np.savetxt(tmp_path / "walk.csv", np.stack([gains.real, gains.imag], 1), delimiter=",")
    links = Links(tmp_path)
    set_link(links, channel="trace", trace="walk", fading="symbol")
    h = transmit(links, links.get("default"), 0.0, 0, np.ones((1, 4), np.complex64)).drawn.gains
    np.testing.assert_allclose(h[0], gains / np.sqrt(np.mean(np.abs(gains) ** 2)), rtol=1e-6)


def test_a_trace_with_a_byte_order_mark_is_read(tmp_path):
    links = Links(tmp_path)
    assert links.traces.store("walk", ".csv", b"\xef\xbb\xbf3,4\r\n0,-5\r\n") == 2
    np.testing.assert_allclose(links.traces.get("walk"), [0.6 + 0.8j, -1j], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b"1,2,3\n"), ("a.csv", b"x,y\n"), ("a.csv", b"0,0\n"), ("a.csv", b"nan,1\n"), ("a.npy", b"?")],
)
def test_files_that_hold_no_gains_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidField, match="trace = 'a'"):
        set_link(Links(tmp_path), channel="trace", trace="a")


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidField, match="trace = 'a'"):
        set_link(Links(tmp_path), channel="trace", trace="a")
