"""The modulation and coding schemes (MCS) of the separate system, a row each."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from shared.errors import UnknownName


@dataclass(frozen=True)
class Mcs:
    """One modulation and coding scheme.

    Attributes:
        number: Stands for it in a frame's header, 0 to 127; it is never given to another scheme.
        name: Modulation and code rate, as a client writes it.
        bits_per_symbol: Coded bits of a complex symbol: 2 (QPSK), 4 (16-QAM) or 6 (64-QAM).
        code_rate: Information bits for each coded bit, the CRC counted as information.
    """

    number: int
    name: str
    bits_per_symbol: int
    code_rate: Fraction


_TABLE = (
    Mcs(0, "qpsk-1/3", 2, Fraction(1, 3)),
    Mcs(1, "qpsk-1/2", 2, Fraction(1, 2)),
    Mcs(2, "qpsk-2/3", 2, Fraction(2, 3)),
    Mcs(3, "16qam-1/2", 4, Fraction(1, 2)),
    Mcs(4, "16qam-2/3", 4, Fraction(2, 3)),
    Mcs(5, "64qam-1/2", 6, Fraction(1, 2)),
)

MCS: dict[str, Mcs] = {mcs.name: mcs for mcs in _TABLE}
MCS_BY_NUMBER: dict[int, Mcs] = {mcs.number: mcs for mcs in _TABLE}


def get_mcs(name: str) -> Mcs:
    """The scheme of that name.

    Raises:
        UnknownName: If there is none.
    """
    if name not in MCS:
        raise UnknownName("mcs", name, ", ".join(MCS))
    return MCS[name]
