"""Options that several commands share, and how they are read."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from channel_service.links.settings import LinkSettings
from channel_service.radio.channels import Channel
from shared.errors import InvalidField

_MAX_SNRS = 1000

SYSTEM = Annotated[str, typer.Option(help="Communication system.")]
WEIGHTS = Annotated[Path, typer.Option(help="Folder with a folder of weights a system.")]
THREADS = Annotated[int, typer.Option(min=1, help="CPU threads.")]
CHANNELS = Annotated[
    str, typer.Option("--channels", "--channel", help="Comma-separated: awgn, rayleigh, ...")
]
SNRS = Annotated[str, typer.Option(help="Comma-separated, or low:high:step with both ends; in dB.")]
LINK_SEED = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the link's draws.")]
LIMIT = Annotated[
    int | None, typer.Option(min=1, help="Measure so many instances, drawn with seed 0, instead of all.")
]
README = Annotated[
    Path | None, typer.Option(help="File whose marked table is written anew, such as README.md.")
]


def links_of(channels: str, snr_db: str, seed: int, fading: str = "block") -> list[Channel]:
    """A link for each channel and SNR of the options of these names.

    Raises:
        InvalidField: If the SNRs are neither a list nor a range, or a setting is not allowed.
    """
    models = dict.fromkeys(name.strip() for name in channels.split(","))
    return [
        LinkSettings(channel=model, fading=fading, snr_db=snr, seed=seed).to_channel()
        for model, snr in product(models, parse_snrs(snr_db))
    ]


def parse_snrs(text: str) -> list[float]:
    """SNRs of a list like "0,6,12" or a range like "-6:18:3", both ends included [dB].

    Raises:
        InvalidField: If the text is neither.
    """
    try:
        if ":" in text:
            low, high, step = (float(part) for part in text.split(":"))
            count = int((high - low) / step + 1e-9) + 1
            snrs_db = [low + step * i for i in range(min(count, _MAX_SNRS + 1))]
        else:
            snrs_db = [float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        snrs_db = []
    if not 1 <= len(snrs_db) <= _MAX_SNRS:
        allowed = f"at most {_MAX_SNRS} numbers like 0,6,12 or a rising range like -6:18:3"
        raise InvalidField("snr-db", text, allowed)
    return snrs_db
