"""The power of a frame: QAM passes, and louder symbols do not."""

import numpy as np
import pytest

from channel_service.relay.validation import check_frames
from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField
from shared.wire import pack_symbols
from systems.registry import SYSTEMS
from systems.rows import System

_LEVELS = np.arange(-7, 8, 2) / np.sqrt(42)


@pytest.fixture(autouse=True)
def _qam_system(monkeypatch):
    monkeypatch.setitem(SYSTEMS, "qam", System("qam", "64-QAM.", "qam", peak_power=7 / 3))


def _qam(rng, num_symbols):
    """Random 64-QAM symbols of unit expected power."""
    i, q = rng.choice(_LEVELS, (2, 1, num_symbols))
    return (i + 1j * q).astype(np.complex64)


def _frame(x, system="qam"):
    return frame_pb2.Frame(instance_id="a", task="vqa", system=system, symbols=pack_symbols(x))


@pytest.mark.parametrize("num_symbols", [150, 1024, 20_000])
def test_random_qam_frames_pass_whatever_their_length(num_symbols):
    rng = np.random.default_rng(0)
    for _ in range(200):
        check_frames([_frame(_qam(rng, num_symbols))])


@pytest.mark.parametrize(("num_symbols", "gain_db"), [(150, 2.0), (1024, 1.0), (20_000, 0.3)])
def test_louder_and_softer_frames_are_refused_the_sooner_the_longer_they_are(num_symbols, gain_db):
    rng = np.random.default_rng(1)
    x = _qam(rng, num_symbols)
    x /= np.sqrt(np.mean(np.abs(x) ** 2))
    for power_db in (gain_db, -gain_db):
        with pytest.raises(InvalidField, match="unit mean power"):
            check_frames([_frame(np.complex64(10 ** (power_db / 20)) * x)])


@pytest.mark.parametrize("system", ["mfmsc", "of nobody"])
def test_other_systems_scale_each_frame_themselves(system):
    x = _qam(np.random.default_rng(2), 1024)
    x /= np.sqrt(np.mean(np.abs(x) ** 2))
    check_frames([_frame(x, system)])
    with pytest.raises(InvalidField, match="within 1%"):
        check_frames([_frame(np.complex64(np.sqrt(1.02)) * x, system)])
