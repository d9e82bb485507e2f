"""Link adaptation: the MCS for a link's channel model and requested SNR, from a table in this package.

The table holds the scheme for each whole decibel. `systems/separate/mcs_table.py` makes it from a
simulation of this package's own codes, with draws of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

from systems.separate.mcs import Mcs, get_mcs

AUTO = "auto"
"""In place of the name of an MCS: the one of the table."""
TABLE_FILE = Path(__file__).with_name("mcs_table.json")
_WITHOUT_FADING = "awgn"
_WITH_FADING = "rayleigh"


@dataclass(frozen=True)
class McsTable:
    """The best MCS for each SNR.

    Attributes:
        low_snr_db: The first SNR of the table [dB]; the rest follow in steps of 1 dB.
        best: Names of schemes by channel model.
    """

    low_snr_db: int
    best: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> McsTable:
        """The table of a file's fields."""
        return cls(
            int(fields["low_snr_db"]), {name: tuple(schemes) for name, schemes in fields["best"].items()}
        )

    def choose(self, channel: str, snr_db: float) -> Mcs:
        """The scheme of the highest SNR of the table that the link reaches.

        Args:
            channel: Model of the link. Every model but AWGN is taken as block Rayleigh fading.
            snr_db: Requested SNR of the link [dB]. Below the table it is that of the table's first SNR, and
                above it that of the last one.
        """
        names = self.best[_WITHOUT_FADING if channel == _WITHOUT_FADING else _WITH_FADING]
        place = min(max(floor(snr_db) - self.low_snr_db, 0), len(names) - 1)
        return get_mcs(names[place])


@cache
def load_table() -> McsTable:
    """The table of this package."""
    return McsTable.of(json.loads(TABLE_FILE.read_text(encoding="utf-8")))
