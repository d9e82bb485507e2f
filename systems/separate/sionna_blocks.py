"""The blocks of Sionna that this package uses, imported when they are first asked for.

Sionna takes seconds to import, and a service is ready before. While it is imported, Sionna draws a new random
seed for torch's own generators, and a training that imports it would not be repeatable any more. So every
generator of torch is put back to where it was. None of the blocks named here draws random numbers, and
Sionna's `config.seed` stays untouched.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch

# Without it Sionna would choose a GPU wherever there is one.
DEVICE = "cpu"
_MODULES = {
    "CRCDecoder": "fec.crc",
    "CRCEncoder": "fec.crc",
    "LDPC5GDecoder": "fec.ldpc",
    "LDPC5GEncoder": "fec.ldpc",
    "TurboDecoder": "fec.turbo",
    "TurboEncoder": "fec.turbo",
    "Demapper": "mapping",
    "Mapper": "mapping",
    "generate_prng_seq": "nr.utils",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        return getattr(import_module(f"sionna.phy.{_MODULES[name]}"), name)
