"""Lists and ranges of SNRs on the command line."""

from __future__ import annotations

import pytest

from experiments.commands.options import parse_snrs
from shared.errors import InvalidField


def test_snr_lists_and_ranges() -> None:
    assert parse_snrs("-6:18:3") == [-6, -3, 0, 3, 6, 9, 12, 15, 18]
    assert parse_snrs("0,6.5") == [0, 6.5]


@pytest.mark.parametrize("text", ["loud", "0:inf:1", "12:0:3", "0:6:0", "", "1:2", "0:18:1e-12"])
def test_what_is_no_snr_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="snr-db"):
        parse_snrs(text)
