"""CRC and rate matching against the standards' text, and block errors against Sionna's own simulation."""

import math

import numpy as np
import pytest
import torch
from noise import add_noise

from shared.coding.blocks import Layout, decode_blocks, encode_blocks, lay_out
from shared.coding.codes import LdpcCode, turbo_rate_matching
from shared.coding.crc import Crc
from shared.coding.mcs import MCS
from shared.coding.modem import demodulate, modulate
from shared.coding.sionna_blocks import (
    DEVICE,
    Demapper,
    LDPC5GDecoder,
    LDPC5GEncoder,
    Mapper,
    TurboDecoder,
    TurboEncoder,
)

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


def sionna_block_error_rate(code: str, snr_db: float, layout: Layout, rng: np.random.Generator) -> float:
    """Encoder, mapper, AWGN, demapper and decoder of Sionna without any part of ours."""
    sizes = (layout.num_blocks, layout.block_bits)
    bits = torch.from_numpy(rng.integers(0, 2, sizes).astype(np.float32))
    width = layout.mcs.bits_per_symbol
    with torch.inference_mode():
        if code == "ldpc":
            encoder = LDPC5GEncoder(
                sizes[1], layout.coded_block_bits, num_bits_per_symbol=width, device=DEVICE
            )
            decoder = LDPC5GDecoder(encoder, num_iter=20, device=DEVICE)
        else:
            encoder = TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True, device=DEVICE)
            decoder = TurboDecoder(encoder, num_iter=8, device=DEVICE)
        coded = encoder(bits)
        y, variance = add_noise(Mapper("qam", width, device=DEVICE)(coded.flatten()), snr_db, rng)
        llrs = Demapper("app", "qam", width, device=DEVICE)(y, variance).reshape(coded.shape)
        return float((decoder(llrs) != bits).any(dim=1).float().mean())


@pytest.mark.parametrize(
    ("code", "mcs", "block_bits", "coded_block_bits", "snrs_db"),
    [
        ("ldpc", "qpsk-1/2", 128, 256, (-1.0, 1.0, 4.0)),
        ("ldpc", "16qam-1/2", 128, 256, (4.0, 6.5, 10.0)),
        ("turbo", "qpsk-1/3", 104, 324, (-4.0, -1.5, 1.0)),
    ],
)
def test_block_errors_are_those_of_sionnas_own_simulation(code, mcs, block_bits, coded_block_bits, snrs_db):
    """Above, at and below the threshold, to four standard deviations of the difference of two estimates."""
    num_blocks = 160
    payload_bytes = num_blocks * (block_bits - 24) // 8
    layout = Layout(payload_bytes, code, MCS[mcs], num_blocks, block_bits, coded_block_bits)
    rng, rates = np.random.default_rng(7), []
    for snr_db in snrs_db:
        symbols = modulate(encode_blocks(rng.bytes(payload_bytes), layout), layout.mcs.bits_per_symbol)
        llrs = demodulate(*add_noise(symbols, snr_db, rng), layout.mcs.bits_per_symbol)
        ours = decode_blocks(llrs, layout)[1] / num_blocks
        sionnas = sionna_block_error_rate(code, snr_db, layout, rng)
        mean = (ours + sionnas) / 2
        assert ours == pytest.approx(sionnas, abs=4 * math.sqrt(2 * mean * (1 - mean) / num_blocks))
        rates.append(mean)
    assert rates[0] > 0.8
    assert 0.03 < rates[1] < 0.8
    assert rates[2] < 0.02
