"""Makes the table from which the system `separate` takes `mcs=auto`.

python -m systems.separate.mcs_table systems/separate/mcs_table.json

For each MCS and SNR, blocks of both channel codes are sent over AWGN, and the block error rate (BLER) is that
of the code that fails more often. Under block Rayleigh fading with perfect CSI a block sees AWGN at the SNR
g * SNR with g = |h|^2 ~ Exp(1), so its BLER is the mean of the first over g:

    BLER_rayleigh(SNR) = integral of exp(-g) BLER_awgn(g SNR) over g from 0 to infinity

The noise comes from a generator of this file with a seed of its own. No link draws from it, so the choice is
made on other draws than those on which it is scored.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from systems.separate.blocks import Layout, decode_blocks, encode_blocks
from systems.separate.channel_codes import CodeName
from systems.separate.mcs import MCS, Mcs
from systems.separate.qam import demodulate, modulate

SEED = 20_260
LOW_SNR_DB, HIGH_SNR_DB = -6, 18
MAX_BLER = 0.1
NUM_BLOCKS, BLOCK_BITS, CRC_BITS = 200, 512, 24
_CODES: tuple[CodeName, ...] = ("ldpc", "turbo")
_GAINS = 20_000
RULE = (
    f"The highest spectral efficiency whose block error rate is at most {MAX_BLER:g}; where there is none, "
    "the scheme with the lowest spectral efficiency."
)


def simulate_bler(code: CodeName, mcs: Mcs, snr_db: float, rng: np.random.Generator) -> float:
    """Share of wrong blocks over AWGN.

    Args:
        code: ldpc or turbo.
        mcs: Modulation and code rate.
        snr_db: Es/N0 per complex symbol [dB].
        rng: Draws payload and noise.
    """
    payload_bytes = NUM_BLOCKS * (BLOCK_BITS - CRC_BITS) // 8
    coded_bits = mcs.bits_per_symbol * -(-BLOCK_BITS // (mcs.code_rate * mcs.bits_per_symbol))
    layout = Layout(payload_bytes, code, mcs, NUM_BLOCKS, BLOCK_BITS, int(coded_bits))
    x = modulate(encode_blocks(rng.bytes(payload_bytes), layout), mcs.bits_per_symbol)
    noise_variance = 10 ** (-snr_db / 10)
    reals = rng.standard_normal((2, len(x))) * np.sqrt(noise_variance / 2)
    y = x + torch.from_numpy((reals[0] + 1j * reals[1]).astype(np.complex64))
    llrs = demodulate(y, torch.full((len(x),), noise_variance), mcs.bits_per_symbol)
    return decode_blocks(llrs, layout)[1] / NUM_BLOCKS


def bler_over_awgn(mcs: Mcs, snrs_db: Sequence[int], rng: np.random.Generator) -> list[float]:
    """Block error rate at ascending SNRs, of the code that fails more often.

    Where the rate is above the channel's capacity, no code works, and nothing is simulated. After two SNRs
    without an error the rate is taken as 0.
    """
    rates: list[float] = []
    efficiency = mcs.bits_per_symbol * float(mcs.code_rate)
    for snr_db in snrs_db:
        if efficiency > np.log2(1 + 10 ** (snr_db / 10)):
            rates.append(1.0)
        elif rates[-2:] == [0.0, 0.0]:
            rates.append(0.0)
        else:
            rates.append(max(simulate_bler(code, mcs, snr_db, rng) for code in _CODES))
    return rates


def average_over_rayleigh(awgn: Sequence[float], snrs_db: Sequence[int]) -> list[float]:
    """Block error rate under block Rayleigh fading, from that over AWGN; see the top of this file.

    Args:
        awgn: Block error rate at each SNR; below the first it counts as 1, above the last as the last.
        snrs_db: Ascending [dB].
    """
    g = -np.log1p(-(np.arange(_GAINS) + 0.5) / _GAINS)  # quantiles of Exp(1)
    shifts: NDArray[np.float64] = 10 * np.log10(g)
    return [float(np.interp(snr_db + shifts, snrs_db, awgn, left=1.0).mean()) for snr_db in snrs_db]


def choose(blers: Mapping[str, Sequence[float]], place: int) -> str:
    """The scheme for an SNR, by `RULE`.

    Args:
        blers: Block error rates by scheme.
        place: Place of the SNR in each list.
    """
    by_efficiency = sorted(blers, key=lambda name: MCS[name].bits_per_symbol * MCS[name].code_rate)
    good = [name for name in by_efficiency if blers[name][place] <= MAX_BLER]
    return good[-1] if good else by_efficiency[0]


def make_table() -> dict[str, Any]:
    """The table's fields, with the rates behind it."""
    snrs_db = list(range(LOW_SNR_DB, HIGH_SNR_DB + 1))
    rng = np.random.default_rng(SEED)
    awgn = {name: bler_over_awgn(mcs, snrs_db, rng) for name, mcs in MCS.items()}
    rayleigh = {name: average_over_rayleigh(rates, snrs_db) for name, rates in awgn.items()}
    blers = {"awgn": awgn, "rayleigh": rayleigh}
    return {
        "rule": RULE,
        "seed": SEED,
        "blocks_a_point": NUM_BLOCKS,
        "block_bits": BLOCK_BITS,
        "low_snr_db": LOW_SNR_DB,
        "best": {m: [choose(rates, place) for place in range(len(snrs_db))] for m, rates in blers.items()},
        "bler": {
            model: {name: [round(rate, 4) for rate in rates] for name, rates in schemes.items()}
            for model, schemes in blers.items()
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the table of the best MCS for each SNR.")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.parse_args().output.write_text(json.dumps(make_table(), indent=1) + "\n", encoding="utf-8")
