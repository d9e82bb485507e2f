"""Checks of the frames of a request, made before any of them takes a frame number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from channel_service.radio.channels import Complex
from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField, TooLarge
from shared.runtime.request_ids import check_request_id
from shared.wire import MAX_SYMBOLS_PER_FRAME, measure_symbols
from systems.registry import SYSTEMS

MAX_FRAMES = 4096
MAX_SYMBOLS_PER_REQUEST = MAX_SYMBOLS_PER_FRAME
_MAX_NAME_CHARS = 64
# Whole numbers up to this one are exact in JSON and in a mean.
_MAX_COUNT = 2**53
_COUNTS = ("source_bytes", "num_source_values", "information_bits", "coded_bits", "num_blocks")
_POWER_TOLERANCE: Mapping[int, float] = {
    frame_pb2.SYMBOL_ENCODING_FLOAT32: 0.01,
    frame_pb2.SYMBOL_ENCODING_FLOAT16: 0.05,
    frame_pb2.SYMBOL_ENCODING_INT8: 0.05,
}
# Standard deviations of the mean power of random symbols that a frame may be off, see `_power_tolerance`.
_ALLOWED_DEVIATIONS = 3.0


def check_frames(frames: Sequence[frame_pb2.Frame]) -> list[Complex]:
    """Check every frame of a request and unpack its symbols.

    Args:
        frames: The frames as the transmitter sent them.

    Returns:
        The symbols of each frame, complex64, [L, S].

    Raises:
        InvalidField: If there is no frame, or a field of a frame or its power is not allowed.
        TooLarge: If there are too many frames or too many symbols.
    """
    if not frames:
        raise InvalidField("frames", "none", f"1 to {MAX_FRAMES} frames")
    if len(frames) > MAX_FRAMES:
        raise TooLarge("frames", f"{len(frames)} frames", f"1 to {MAX_FRAMES} frames")
    # A shape is only a statement of the sender; it is compared with the bytes when a frame is unpacked.
    num_symbols = sum(math.prod(frame.symbols.shape) for frame in frames)
    if num_symbols > MAX_SYMBOLS_PER_REQUEST:
        raise TooLarge("frames", f"{num_symbols} symbols", f"at most {MAX_SYMBOLS_PER_REQUEST} a request")
    seen: set[str] = set()
    for frame in frames:
        _check_header(frame)
        if frame.instance_id in seen:
            raise InvalidField("instance_id", frame.instance_id, "each instance once in a request")
        seen.add(frame.instance_id)
    return [_unpack(frame) for frame in frames]


def check_duration(name: str, duration_ms: float) -> None:
    """Check that a stated duration is possible.

    Args:
        name: Name of the field, for the error.
        duration_ms: The stated duration [ms].

    Raises:
        InvalidField: If the duration is negative or not finite.
    """
    if not (math.isfinite(duration_ms) and duration_ms >= 0):
        raise InvalidField(name, duration_ms, "a finite number of milliseconds, at least 0")


def _check_header(frame: frame_pb2.Frame) -> None:
    for name in ("instance_id", "task", "system"):
        value = getattr(frame, name)
        if not 1 <= len(value) <= _MAX_NAME_CHARS:
            raise InvalidField(name, value, f"1 to {_MAX_NAME_CHARS} characters")
    for name in _COUNTS:
        value = getattr(frame, name)
        if value > _MAX_COUNT:
            raise InvalidField(name, value, f"0 to {_MAX_COUNT}")
    check_request_id(frame.request_id)
    check_duration("encode_ms", frame.encode_ms)


def _unpack(frame: frame_pb2.Frame) -> Complex:
    x, energy = measure_symbols(frame.symbols)
    power = energy / x.size
    tolerance = _power_tolerance(frame, x.size)
    if not abs(power - 1) <= tolerance:
        raise InvalidField(
            "symbols",
            f"mean power {power:.4g}",
            f"unit mean power within {tolerance:.0%}, because the SNR is defined for unit power",
        )
    return x


def _power_tolerance(frame: frame_pb2.Frame, num_symbols: int) -> float:
    """How far the mean power of a frame may be from one.

    Systems that scale each frame to unit mean power have the rounding of the encoding alone. Symbols of a
    constellation have unit power only in expectation. With the peak power P, the variance of |x|^2 is at most
    P - 1, so the mean of N independent symbols has a deviation of at most sqrt((P - 1) / N).

    Source: Bhatia and Davis, 2000, for the bound.
    """
    peak_power = SYSTEMS[frame.system].peak_power if frame.system in SYSTEMS else 1.0
    deviation = math.sqrt((peak_power - 1) / num_symbols)
    return _POWER_TOLERANCE[frame.symbols.encoding] + _ALLOWED_DEVIATIONS * deviation
