"""A payload's way through the whole digital chain."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noise import add_noise

from shared.errors import InvalidField, UnknownName
from systems.separate.frame import cost_of, decode_frame, decode_frames, encode_frame
from systems.separate.header import HEADER_SYMBOLS, Header, decode_headers, encode_header
from systems.separate.mcs import MCS, MCS_BY_NUMBER, Mcs, get_mcs
from systems.separate.qam import demodulate, modulate

_ROOT = Path(__file__).parents[4]
QUIET = 1e-3


def test_the_grids_are_rows_of_the_table():
    assert all(MCS_BY_NUMBER[mcs.number] is mcs for mcs in MCS.values())
    for name, mcs in MCS.items():
        modulation, rate = name.split("-")
        assert {"qpsk": 2, "16qam": 4, "64qam": 6}[modulation] == mcs.bits_per_symbol
        assert rate == str(mcs.code_rate)
        assert get_mcs(name) is mcs
    with pytest.raises(UnknownName, match="qpsk-1/3"):
        get_mcs("bpsk-1/2")


@pytest.mark.parametrize("mcs", MCS.values(), ids=MCS)
@pytest.mark.parametrize(
    ("code", "lengths"), [("ldpc", (1, 2, 300, 1053, 1054, 20_000)), ("turbo", (1, 43, 300))]
)
def test_payloads_come_back_without_noise(mcs, code, lengths):
    rng = np.random.default_rng(0)
    for length in lengths:
        payload = rng.bytes(length)
        symbols = encode_frame(payload, mcs, code, codec=200)
        received = decode_frame(symbols, QUIET)
        assert received.payload == payload
        assert received.blocks_in_error == 0
        assert received.header == Header(length, mcs, code, 200)
        assert received.cost == cost_of(received.header)
        assert received.num_symbols == received.cost.num_symbols == len(symbols)
        assert symbols.dtype == np.complex64


def test_the_cost_counts_header_crc_and_fill():
    """100 bytes and 24 CRC bits are 824, on the grid 832; at rate 1/2 that is 832 QPSK symbols after 140."""
    cost = cost_of(Header(100, MCS["qpsk-1/2"], "ldpc"))
    assert (cost.num_symbols, cost.num_blocks) == (140 + 832, 1)
    assert (cost.information_bits, cost.coded_bits) == (800, 2 * 140 + 2 * 832)
    assert cost.code_rate == 800 / 1944


@pytest.mark.parametrize(("payload", "codec"), [(b"", 0), (b"a", 256), (b"a", -1)])
def test_what_a_header_cannot_say_is_refused(payload, codec):
    with pytest.raises(InvalidField):
        encode_frame(payload, MCS["qpsk-1/2"], "ldpc", codec)


def test_frames_stand_one_after_the_other():
    first = encode_frame(b"a picture" * 9, MCS["16qam-1/2"], "ldpc", 1)
    second = encode_frame(b"a question", MCS["qpsk-1/2"], "turbo", 2)
    symbols = np.concatenate([first, second])
    received = decode_frame(symbols, QUIET)
    assert received.payload == b"a picture" * 9
    assert decode_frame(symbols[received.num_symbols :], QUIET).payload == b"a question"


def test_every_symbol_is_read_with_its_own_noise_variance():
    """Over fast fading faded symbols must count for little; with one variance for all of them frames fail."""
    rng = np.random.default_rng(3)
    snr_db, outcomes = 7.0, {"own": [], "same": []}
    for _ in range(8):
        payload = rng.bytes(100)
        symbols = encode_frame(payload, MCS["qpsk-1/2"], "ldpc")
        gains = np.sqrt(0.5) * (rng.standard_normal(len(symbols)) + 1j * rng.standard_normal(len(symbols)))
        faded = torch.from_numpy((gains * symbols).astype(np.complex64))
        y, variance = (tensor.numpy() for tensor in add_noise(faded, snr_db, rng))
        outcomes["own"].append(decode_frame(y / gains, variance / np.abs(gains) ** 2).payload == payload)
        outcomes["same"].append(decode_frame(y / gains, variance).payload == payload)
    assert np.mean(outcomes["own"]) == 1
    assert np.mean(outcomes["same"]) < 0.5


def test_near_the_threshold_a_frame_is_right_or_an_outage():
    rng = np.random.default_rng(4)
    outages = 0
    for _ in range(40):
        payload = rng.bytes(13)
        symbols = torch.from_numpy(encode_frame(payload, MCS["qpsk-1/2"], "ldpc"))
        y, variance = add_noise(symbols, 1.0, rng)
        received = decode_frame(y.numpy(), variance.numpy())
        outages += received.payload is None
        assert received.payload in (None, payload)
        if received.header is not None:
            assert (received.payload is None) == (received.blocks_in_error > 0)
    assert 0 < outages < 40


def test_one_lost_block_of_several_is_an_outage_and_counted():
    payload = np.random.default_rng(5).bytes(300)
    symbols = encode_frame(payload, MCS["qpsk-1/2"], "turbo")
    blocks = cost_of(Header(300, MCS["qpsk-1/2"], "turbo")).num_blocks
    symbols[HEADER_SYMBOLS : HEADER_SYMBOLS + 300] *= -1
    received = decode_frame(symbols, QUIET)
    assert (received.payload, received.blocks_in_error, blocks) == (None, 1, 3)


def test_the_header_outlives_the_most_robust_payload():
    rng = np.random.default_rng(6)
    header, snr_db = Header(250, MCS["qpsk-1/3"], "ldpc", 9), -2.5
    found = []
    for _ in range(60):
        y, variance = add_noise(modulate(encode_header(header), 2), snr_db, rng)
        found += decode_headers(demodulate(y, variance, 2)[None])
    assert set(found) <= {header, None}
    assert found.count(header) >= 54
    payloads = []
    for _ in range(10):
        symbols = torch.from_numpy(encode_frame(rng.bytes(250), MCS["qpsk-1/3"], "ldpc"))
        y, variance = add_noise(symbols, snr_db, rng)
        payloads.append(decode_frame(y.numpy(), variance.numpy()).payload)
    assert payloads.count(None) >= 8


def test_a_header_that_names_an_unknown_scheme_is_lost():
    unknown = Header(100, Mcs(77, "2048qam-1/2", 11, MCS["qpsk-1/2"].code_rate), "turbo")
    assert decode_headers(40 * encode_header(unknown)[None] - 20) == [None]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.sampled_from([0.0, 1e-3, 1.0, np.inf, np.nan]))
def test_whatever_arrives_is_an_outage_and_no_crash(seed, num_symbols, variance):
    rng = np.random.default_rng(seed)
    symbols = (rng.standard_normal(num_symbols) + 1j * rng.standard_normal(num_symbols)).astype(np.complex64)
    symbols[rng.random(num_symbols) < 0.1] = rng.choice([0, np.inf, np.nan, 1e30])
    received = decode_frame(symbols, variance)
    assert received.payload is None
    assert received.num_symbols <= num_symbols


def test_a_frame_that_was_cut_is_an_outage():
    symbols = encode_frame(b"cut", MCS["qpsk-1/2"], "ldpc")
    assert decode_frame(symbols[:-1], QUIET).payload is None
    assert decode_frame(symbols[: HEADER_SYMBOLS - 1], QUIET).payload is None


def test_nobodys_random_numbers_change():
    """Sionna seeds torch's generators anew while it is imported; a training must not notice."""
    code = (
        "import random, numpy, torch\n"
        "torch.manual_seed(5); random.seed(5); numpy.random.seed(5)\n"
        "def states():\n"
        "    return torch.get_rng_state().tolist(), random.getstate(), numpy.random.get_state()[1].tolist()\n"
        "before = states()\n"
        "from systems.separate.frame import decode_frame, encode_frame\n"
        "from systems.separate.mcs import MCS\n"
        "for code in ('ldpc', 'turbo'): decode_frame(encode_frame(b'ab', MCS['qpsk-1/2'], code), 0.1)\n"
        "assert states() == before and torch.get_default_dtype() == torch.float32"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=_ROOT, check=False).returncode == 0


def test_frames_read_together_are_read_as_each_alone():
    """Two sizes of both codes, a noisy frame, a frame without a header, one cut short, and one of nothing."""
    rng = np.random.default_rng(5)
    frames = [
        encode_frame(rng.bytes(length), MCS["qpsk-1/2"], code)
        for code, length in (("ldpc", 60), ("turbo", 60), ("ldpc", 2200), ("turbo", 200), ("ldpc", 60))
    ]
    noise = rng.normal(size=len(frames[0])) + 1j * rng.normal(size=len(frames[0]))
    header_alone_is_right = np.where(np.arange(len(noise)) < HEADER_SYMBOLS, frames[0], noise)
    frames += [header_alone_is_right, noise, frames[2][:-1], frames[0][:0]]
    together = decode_frames(frames, [QUIET] * len(frames))
    assert together == [decode_frame(frame, QUIET) for frame in frames]
    assert [read.payload is not None for read in together] == [True] * 5 + [False] * 4
    assert together[5].blocks_in_error == 1
