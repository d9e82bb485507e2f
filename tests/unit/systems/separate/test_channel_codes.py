"""CRC and rate matching against the standards' text, and block errors against Sionna's own simulation."""

import math

import numpy as np
import pytest
import torch
from noise import add_noise

from systems.separate.blocks import Layout, decode_blocks, lay_out
from systems.separate.crc import Crc
from systems.separate.ldpc import LdpcCode
from systems.separate.mcs import MCS
from systems.separate.qam import demodulate, modulate
from systems.separate.turbo import TurboCode, turbo_rate_matching

POLYNOMIALS = {"CRC24B": 0b1100000000000000001100011, "CRC16": 0b10001000000100001}


def remainder(bits: list[int], polynomial: int) -> list[int]:
    """Of bits * D^L divided by the polynomial of degree L, by long division."""
    degree = polynomial.bit_length() - 1
    value = int("".join(map(str, bits)), 2) << degree
    while value.bit_length() > degree:
        value ^= polynomial << (value.bit_length() - degree - 1)
    return [int(digit) for digit in f"{value:0{degree}b}"]


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_the_crc_is_the_inverted_remainder_and_finds_every_single_error(name):
    bits = np.random.default_rng(1).integers(0, 2, 80)
    crc = Crc(name, 80)
    word = crc.attach(torch.from_numpy(bits.astype(np.float32))[None])
    assert word[0, 80:].tolist() == [1 - bit for bit in remainder(bits.tolist(), POLYNOMIALS[name])]
    assert crc.is_right(word).tolist() == [True]
    with_one_error = (word + torch.eye(word.shape[1])) % 2
    assert not crc.is_right(with_one_error).any()
    assert not crc.is_right(torch.zeros_like(word)).any()


@pytest.mark.parametrize("num_rows", [44, 68, 1028])
def test_turbo_rate_matching_reads_the_standards_matrices(num_rows):
    """3GPP TS 36.212, 5.1.4.1, followed step by step with matrices of 32 columns."""
    columns = [0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30]
    columns += [column + 1 for column in columns]
    height = math.ceil(num_rows / 32)
    padding = [None] * (32 * height - num_rows)
    streams = [padding + [(row, stream) for row in range(num_rows)] for stream in range(3)]
    v = [[stream[32 * row + column] for column in columns for row in range(height)] for stream in streams[:2]]
    size = 32 * height
    v.append([streams[2][(columns[k // height] + 32 * (k % height) + 1) % size] for k in range(size)])
    buffer = v[0] + [bit for pair in zip(v[1], v[2], strict=True) for bit in pair]
    sent = [bit for bit in buffer[2 * height :] + buffer[: 2 * height] if bit is not None]
    assert turbo_rate_matching(num_rows).tolist() == [3 * row + stream for row, stream in sent]


@pytest.mark.parametrize("code", ["ldpc", "turbo"])
@pytest.mark.parametrize("payload_bytes", [1, 2, 3, 57, 125, 126, 1053, 1054, 5000, 70_000])
def test_layouts_hold_the_payload_with_little_fill(code, payload_bytes):
    for mcs in MCS.values():
        layout = lay_out(payload_bytes, code, mcs)
        room = layout.num_blocks * (layout.block_bits - 24)
        assert 8 * payload_bytes <= room
        assert room <= max(8 * payload_bytes * (1 + 1 / 30) + 8 * layout.num_blocks, 40 - 24)
        assert layout.block_bits <= {"ldpc": 8448, "turbo": 1024}[code]
        assert layout.coded_block_bits % mcs.bits_per_symbol == 0
        unrounded = layout.block_bits / mcs.code_rate
        assert unrounded <= layout.coded_block_bits < unrounded + mcs.bits_per_symbol


def test_a_code_word_with_a_wrong_crc_is_an_outage():
    layout = Layout(13, "ldpc", MCS["qpsk-1/2"], 1, 128, 256)
    word = Crc("CRC24B", 104).attach(torch.ones(1, 104))
    for wrong in (0, 1):
        word[0, 0] -= wrong
        llrs = 20 * (2 * LdpcCode(128, 256, 2).encode(word)[0] - 1)
        payload = None if wrong else b"\xff" * 13
        assert decode_blocks(llrs, layout) == (payload, wrong)


def our_bit_errors(code: str, snr_db: float, layout: Layout, rng: np.random.Generator) -> torch.Tensor:
    """Share of wrong bits of each block over AWGN, shape [num_blocks]."""
    sizes, width = (layout.block_bits, layout.coded_block_bits), layout.mcs.bits_per_symbol
    crc = Crc("CRC24B", layout.block_bits - 24)
    block_code = LdpcCode(*sizes, width) if code == "ldpc" else TurboCode(*sizes)
    payload = rng.integers(0, 2, (layout.num_blocks, layout.block_bits - 24))
    bits = crc.attach(torch.from_numpy(payload.astype(np.float32)))
    y, variance = add_noise(modulate(block_code.encode(bits).flatten(), width), snr_db, rng)
    llrs = demodulate(y, variance, width).reshape(layout.num_blocks, -1)
    decoded, right = block_code.decode(llrs, crc.is_right)
    wrong = decoded != bits
    assert (~right).tolist() == wrong.any(dim=1).tolist()
    return wrong.float().mean(dim=1)


def normal_approximation(num_bits: int, num_coded_bits: int, snr_db: float) -> float:
    """The least block error rate of any code of that size over QPSK and AWGN.

    Q((n C - k + log2(n) / 2) / sqrt(n V)), with the capacity C and the dispersion V of the binary-input AWGN
    channel, by Gauss-Hermite quadrature.

    Source: Polyanskiy, Poor, Verdu: Channel coding rate in the finite blocklength regime, 2010.
    """
    snr = 10 ** (snr_db / 10)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    information = 1 - np.log2(1 + np.exp(-2 * snr - 2 * math.sqrt(snr) * nodes))
    capacity = float(weights @ information)
    dispersion = float(weights @ (information - capacity) ** 2)
    margin = num_coded_bits * capacity - num_bits + math.log2(num_coded_bits) / 2
    return 0.5 * math.erfc(margin / math.sqrt(2 * num_coded_bits * dispersion))


@pytest.mark.parametrize(
    ("code", "mcs", "block_bits", "coded_block_bits", "snrs_db"),
    [("ldpc", "qpsk-1/2", 128, 256, (1.0, 2.0)), ("turbo", "qpsk-1/3", 104, 324, (-1.5, -0.5))],
)
def test_block_errors_lie_within_a_decibel_and_a_half_of_the_published_limit(
    code, mcs, block_bits, coded_block_bits, snrs_db
):
    layout = Layout(160 * (block_bits - 24) // 8, code, MCS[mcs], 160, block_bits, coded_block_bits)
    rng = np.random.default_rng(8)
    for snr_db in snrs_db:
        rate = float((our_bit_errors(code, snr_db, layout, rng) > 0).float().mean())
        assert normal_approximation(block_bits, coded_block_bits, snr_db) < rate
        assert rate < normal_approximation(block_bits, coded_block_bits, snr_db - 1.5)
