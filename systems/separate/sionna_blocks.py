"""The blocks of Sionna that this package uses, imported without an effect on anybody's random numbers.

While it is imported, Sionna draws a new random seed for torch's own generators. A training that imports it
would not be repeatable any more. The import below therefore puts every generator of torch back to where it
was. None of the blocks named here draws random numbers, and Sionna's `config.seed` stays untouched.
"""

from __future__ import annotations

import torch

with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
    from sionna.phy.fec.crc import CRCDecoder, CRCEncoder
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    from sionna.phy.fec.turbo import TurboDecoder, TurboEncoder
    from sionna.phy.mapping import Demapper, Mapper
    from sionna.phy.nr.utils import generate_prng_seq

__all__ = [
    "DEVICE",
    "CRCDecoder",
    "CRCEncoder",
    "Demapper",
    "LDPC5GDecoder",
    "LDPC5GEncoder",
    "Mapper",
    "TurboDecoder",
    "TurboEncoder",
    "generate_prng_seq",
]

# Without it Sionna would choose a GPU wherever there is one.
DEVICE = "cpu"
