"""Record and replay: the same bits, even if the link or the code of the channel has changed."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy._core import _multiarray_umath as np_cpu

from channel_service.links.links import Links
from channel_service.links.recording import digest
from channel_service.relay import transmission
from channel_service.relay.transmission import Transmission, transmit
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, UnknownName

RECORDED = Path(__file__).parents[3] / "expected" / "drive.jsonl"
SETTINGS = [
    {"channel": "rayleigh", "snr_db": 3.0, "seed": 2**64 - 1},
    {"channel": "nakagami", "fading": "symbol", "nakagami_m": 0.7},
    {"channel": "rician", "fading": "doppler", "csi": "estimated"},
    {"channel": "rayleigh", "coherence_symbols": 5, "csi": "mismatched"},
    {"snr_schedule": {"at": [0, 9], "snr_db": [20, -5], "interpolation": "linear", "over": "frame"}},
]


def symbols(number: int, shape: tuple[int, int] = (2, 16)) -> np.ndarray:
    """QPSK from the frame number, the same on every machine, rotated so that every product is rounded."""
    steps = (np.arange(math.prod(shape)) * (2 * number + 1) // 3) % 4
    points = np.array([0.6 + 0.8j, -0.8 + 0.6j, -0.6 - 0.8j, 0.8 - 0.6j], np.complex64)
    return points[steps].reshape(shape)


def send(links: Links, number: int, name: str = "default", x: np.ndarray | None = None) -> Transmission:
    settings = links.get(name)
    transmission = transmit(links, settings, 0.0, number, symbols(number) if x is None else x)
    if settings.record:
        links.recordings.add(settings.record, [transmission.to_entry()])
    return transmission


def set_link(links: Links, **fields) -> None:
    links.set("default", channel_service_pb2.LinkSettings(**fields), replaces=True)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda fields: fields.get("channel", "schedule"))
def test_a_replay_gives_the_same_bits(tmp_path, settings, monkeypatch):
    links = Links(tmp_path)
    set_link(links, record="drive", **settings)
    sent = [send(links, number) for number in range(8)]
    # Another service, which cannot draw gains: its draws come from the file alone.
    monkeypatch.setattr(transmission, "draw", None)
    elsewhere = Links(tmp_path)
    set_link(elsewhere, replay="drive", snr_db=50.0, seed=12345)
    for number in (3, 0, 7, 7, 1):
        again = send(elsewhere, number)
        assert again.y.tobytes() == sent[number].y.tobytes()
        assert again.settings.snr_db == sent[number].settings.snr_db
        for name in ("gains", "noise", "received_pilots", "mismatched_gains"):
            one, other = getattr(again.drawn, name), getattr(sent[number].drawn, name)
            assert (one is None and other is None) or one.tobytes() == other.tobytes()


def test_the_recording_of_another_machine_gives_the_same_symbols_here():
    """tests/expected/drive.jsonl was recorded once; it holds digests of the received symbols."""
    links = Links(RECORDED.parent)
    set_link(links, replay="drive")
    lines = [json.loads(line) for line in RECORDED.read_text().splitlines()[1:]]
    assert len(lines) == 8
    for line in lines:
        y = send(links, line["frame_number"]).y
        assert digest(y) == line["received_sha256"]
        assert digest(symbols(line["frame_number"])) == line["sent_sha256"]


def test_a_recording_with_a_byte_order_mark_is_replayed(tmp_path):
    links, marked = Links(tmp_path), b"\xef\xbb\xbf" + RECORDED.read_bytes()
    assert links.recordings.store("sent", marked) == 8
    assert links.recordings.path("sent").read_bytes() == RECORDED.read_bytes()
    links.recordings.path("sent").with_name("copied.jsonl").write_bytes(marked)
    entries = [[links.recordings.find(name, number) for number in range(8)] for name in ("sent", "copied")]
    assert [entry.frame_number for entry in entries[0]] == list(range(8))
    assert all(one.has_same_draw(other) for one, other in zip(*entries, strict=True))


def test_a_processor_without_fused_products_replays_the_same_bits():
    """NumPy runs as on the oldest supported processor, where a complex product is rounded differently."""
    features = [name for name in np_cpu.__cpu_dispatch__ if np_cpu.__cpu_features__.get(name)]
    command = [sys.executable, "-m", "pytest", __file__, "-q", "-k", "another_machine"]
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(features)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_replay_loses_the_frames_that_were_lost(tmp_path):
    links = Links(tmp_path)
    set_link(links, record="drive", network_loss_rate=0.5, network_delay_ms=20.0, network_jitter_ms=9.0)
    sent = [send(links, number).impairment for number in range(20)]
    set_link(links, replay="drive")
    assert [send(links, number).impairment for number in range(20)] == sent
    assert {impairment.is_lost for impairment in sent} == {True, False}


def test_other_symbols_can_be_sent_through_a_recorded_draw(tmp_path):
    links = Links(tmp_path)
    set_link(links, channel="rayleigh", record="drive")
    gains = send(links, 0).drawn.gains
    set_link(links, replay="drive")
    transmission = send(links, 0, x=-symbols(0))
    assert transmission.drawn.gains.tobytes() == gains.tobytes()


def test_a_frame_that_was_not_recorded_cannot_be_replayed(tmp_path):
    links = Links(tmp_path)
    with pytest.raises(UnknownName, match="recording"):
        set_link(links, replay="drive")
    set_link(links, channel="rayleigh", fading="symbol", record="drive")
    send(links, 0)
    set_link(links, replay="drive")
    with pytest.raises(InvalidField, match="frame_number = '1'"):
        send(links, 1)
    with pytest.raises(InvalidField, match="symbols.shape"):
        send(links, 0, x=symbols(0, (1, 16)))


def test_a_frame_number_has_one_draw_in_a_recording(tmp_path):
    links = Links(tmp_path)
    set_link(links, channel="rayleigh", record="drive")
    send(links, 0)
    length = (tmp_path / "drive.jsonl").stat().st_size
    send(links, 0)
    assert (tmp_path / "drive.jsonl").stat().st_size == length
    set_link(links, channel="rayleigh", seed=1, record="drive")
    with pytest.raises(InvalidField, match="frame_number = '0'"):
        send(links, 0)
    send(links, 1)


def test_a_recording_continues_after_a_crash_in_the_middle_of_a_line(tmp_path):
    links = Links(tmp_path)
    set_link(links, channel="rayleigh", record="drive")
    first, _ = send(links, 0), send(links, 1)
    path = tmp_path / "drive.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    restarted = Links(tmp_path)
    set_link(restarted, channel="rayleigh", seed=5, record="drive")
    second = send(restarted, 1)
    set_link(restarted, replay="drive")
    assert send(restarted, 0).y.tobytes() == first.y.tobytes()
    assert send(restarted, 1).y.tobytes() == second.y.tobytes()


@pytest.mark.parametrize("old", ['"received_sha256": "', '"data": "', '"noise_variance": 0.'])
def test_a_recording_that_was_changed_is_refused(tmp_path, old):
    links = Links(tmp_path)
    set_link(links, channel="rayleigh", record="drive")
    send(links, 0)
    path = tmp_path / "drive.jsonl"
    new = old + ("1" if old.endswith(".") else "abcd"[: 4 if "data" in old else 0] or "0")
    path.write_text(path.read_text().replace(old, new, 1))
    set_link(links, replay="drive")
    with pytest.raises(InvalidField, match="recording|replay"):
        send(links, 0)


def test_a_file_in_another_format_is_refused_as_a_recording(tmp_path):
    links = Links(tmp_path)
    (tmp_path / "drive.jsonl").write_text('{"some": "thing"}\n')
    set_link(links, replay="drive")
    with pytest.raises(InvalidField, match="semcom recording"):
        send(links, 0)
