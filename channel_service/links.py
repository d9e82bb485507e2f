"""Links: named settings that can change while frames are on the way."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from channel_service.channels import FADINGS, MODELS, Channel
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, UnknownName
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

DEFAULT_LINK = "default"
CSI_MODES = ("perfect", "none", "estimated")
MAX_LINKS = 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MAX_NAMES_SHOWN = 8
_MAX_UINT64 = (1 << 64) - 1


@dataclass(frozen=True)
class LinkSettings:
    """Settings of one link; an instance never changes, a link is given another.

    Attributes:
        channel: awgn | rayleigh | rician.
        fading: block | symbol.
        snr_db: Es/N0 per complex symbol [dB].
        k_factor_db: Rician K [dB].
        csi: What the receiver may know of h: perfect | none | estimated (from pilots).
        num_pilots: Pilots a frame where csi is estimated.
        seed: Of the draws.
        symbol_rate_hz: Complex symbols a second, for the airtime.
    """

    channel: str = "awgn"
    fading: str = "block"
    snr_db: float = 12.0
    k_factor_db: float = 6.0
    csi: str = "perfect"
    num_pilots: int = 4
    seed: int = 0
    symbol_rate_hz: float = 1e6

    def __post_init__(self) -> None:
        for name, (is_allowed, allowed) in _ALLOWED.items():
            value = getattr(self, name)
            if not is_allowed(value):
                raise InvalidField(name, value, allowed)
        if self.csi == "estimated" and self.fading != "block":
            raise InvalidField(
                "csi", self.csi, "perfect or none with fading=symbol; estimated needs fading=block"
            )

    @property
    def pilots_a_frame(self) -> int:
        """Pilots that really travel."""
        return self.num_pilots if self.csi == "estimated" else 0

    @property
    def stated_k_factor_db(self) -> float | None:
        """The K factor where the channel has one [dB]."""
        return self.k_factor_db if MODELS[self.channel].has_k_factor else None

    def to_channel(self) -> Channel:
        """The part the mathematics needs."""
        return Channel(
            self.channel, self.fading, self.snr_db, self.k_factor_db, self.seed, self.pilots_a_frame
        )

    def with_changes(self, changes: channel_service_pb2.LinkSettings) -> LinkSettings:
        """These settings with the fields that are present in a message.

        Raises:
            InvalidField: If a value is not allowed.
        """
        fields = {field.name: value for field, value in changes.ListFields()}
        return replace(self, **fields) if fields else self

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """As the message of the wire contract, every field set."""
        return channel_service_pb2.LinkSettings(**vars(self))


def _one_of(names: Mapping[str, Any] | tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in names), ", ".join(names)


def _between(low: float, high: float, unit: str = "") -> tuple[Callable[[Any], bool], str]:
    return (lambda value: math.isfinite(value) and low <= value <= high), f"{low:g} to {high:g}{unit}"


_ALLOWED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "channel": _one_of(MODELS),
    "fading": _one_of(FADINGS),
    "snr_db": _between(MIN_SNR_DB, MAX_SNR_DB, " dB"),
    "k_factor_db": _between(-20, 40, " dB"),
    "csi": _one_of(CSI_MODES),
    "num_pilots": _between(1, 1024),
    "seed": ((lambda value: 0 <= value <= _MAX_UINT64), "0 to 2^64 - 1"),
    "symbol_rate_hz": _between(1, 1e12, " Hz"),
}


class Links:
    """The links of one service: settings, and a counter that numbers frames without a number of their own."""

    def __init__(self) -> None:
        self._settings = {DEFAULT_LINK: LinkSettings()}
        self._counters = {DEFAULT_LINK: count()}
        self._lock = threading.Lock()

    def get(self, name: str) -> LinkSettings:
        """Settings of a link as they are now.

        Raises:
            UnknownName: If there is no such link.
        """
        settings = self._settings.get(name)
        if settings is None:
            names = sorted(self._settings)
            more = ["…"] if len(names) > _MAX_NAMES_SHOWN else []
            raise UnknownName("link", name, ", ".join(names[:_MAX_NAMES_SHOWN] + more))
        return settings

    def set(self, name: str, changes: channel_service_pb2.LinkSettings) -> LinkSettings:
        """Create or change a link; absent fields keep their value. Holds from the next frame.

        Raises:
            InvalidField: If the name or a value is not allowed; then nothing changes.
        """
        if not _NAME.fullmatch(name):
            raise InvalidField("link", name, "1 to 64 of a-z, 0-9, _ and -, the first no sign")
        with self._lock:
            if name not in self._settings and len(self._settings) >= MAX_LINKS:
                raise InvalidField("link", name, f"at most {MAX_LINKS} links")
            changed = self._settings.get(name, LinkSettings()).with_changes(changes)
            self._settings[name] = changed
            self._counters.setdefault(name, count())
        return changed

    def next_frame_number(self, name: str) -> int:
        """Number of a link's next frame that brings none; `next` on a counter is atomic."""
        return next(self._counters[name])

    def all(self) -> dict[str, LinkSettings]:
        """Every link, sorted by name."""
        return dict(sorted(self._settings.items()))
