"""Complex symbols to and from the wire, validated. NumPy only.

FLOAT32 keeps complex64 bit for bit; FLOAT16 and INT8 halve and quarter the payload and round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField, TooLarge
from shared.signal import MAX_SYMBOLS_PER_FRAME as MAX_SYMBOLS_PER_FRAME
from shared.signal import energy

MAX_MESSAGE_BYTES = 64 << 20

ENCODINGS: dict[str, frame_pb2.SymbolEncoding] = {
    "float32": frame_pb2.SYMBOL_ENCODING_FLOAT32,
    "float16": frame_pb2.SYMBOL_ENCODING_FLOAT16,
    "int8": frame_pb2.SYMBOL_ENCODING_INT8,
}
_REAL, _COMPLEX = np.dtype("<f4"), np.dtype("<c8")
_DTYPES: dict[int, np.dtype[np.generic]] = {
    frame_pb2.SYMBOL_ENCODING_FLOAT32: _REAL,
    frame_pb2.SYMBOL_ENCODING_FLOAT16: np.dtype("<f2"),
    frame_pb2.SYMBOL_ENCODING_INT8: np.dtype("i1"),
}
_INT8_MAX = 127


def pack_symbols(x: NDArray[np.complex64], encoding: str = "float32") -> frame_pb2.Symbols:
    """Put complex symbols into a message.

    Args:
        x: complex64, shape [num_tokens, num_symbols_per_token].
        encoding: "float32" (8 bytes a symbol), "float16" (4) or "int8" (2, one scale a frame).

    Raises:
        InvalidField: If the encoding is unknown.
    """
    symbols = frame_pb2.Symbols()
    write_symbols(symbols, x, encoding)
    return symbols


def write_symbols(symbols: frame_pb2.Symbols, x: NDArray[np.complex64], encoding: str = "float32") -> None:
    """Put complex symbols into a message that is part of another: packed first, they would be copied again.

    Args:
        symbols: Empty message to write.
        x: complex64, shape [num_tokens, num_symbols_per_token].
        encoding: As for `pack_symbols`.

    Raises:
        InvalidField: If the encoding is unknown.
    """
    if encoding not in ENCODINGS:
        raise InvalidField("encoding", encoding, ", ".join(ENCODINGS))
    if encoding == "float32":
        symbols.data = x.astype(_COMPLEX, copy=False).tobytes()
    else:
        reals = np.ascontiguousarray(x, dtype=_COMPLEX).view(_REAL)
        if encoding == "int8":
            scale = float(np.max(np.abs(reals), initial=0.0)) / _INT8_MAX or 1.0
            reals = np.rint(reals / scale)
            symbols.scale = scale
        symbols.data = reals.astype(_DTYPES[ENCODINGS[encoding]]).tobytes()
    symbols.shape.extend(x.shape)
    symbols.encoding = ENCODINGS[encoding]


def unpack_symbols(symbols: frame_pb2.Symbols, field: str = "symbols") -> NDArray[np.complex64]:
    """Read complex symbols out of a message.

    Returns:
        complex64, shape [num_tokens, num_symbols_per_token]; read-only where no conversion was needed.

    Raises:
        InvalidField: If encoding, shape, number of bytes or a value is not allowed.
        TooLarge: If the shape names more than MAX_SYMBOLS_PER_FRAME symbols.
    """
    return measure_symbols(symbols, field)[0]


def measure_symbols(
    symbols: frame_pb2.Symbols, field: str = "symbols"
) -> tuple[NDArray[np.complex64], float]:
    """Read complex symbols out of a message, and their energy, which also tells whether all are finite.

    Returns:
        As `unpack_symbols`, and the sum of |x|^2 [linear].

    Raises:
        InvalidField: As `unpack_symbols`.
        TooLarge: As `unpack_symbols`.
    """
    dtype = _DTYPES.get(symbols.encoding)
    if dtype is None:
        raise InvalidField(f"{field}.encoding", symbols.encoding, "1 (float32), 2 (float16), 3 (int8)")
    shape = tuple(symbols.shape)
    if len(shape) != 2 or 0 in shape:
        raise InvalidField(
            f"{field}.shape", list(shape), "[num_tokens, num_symbols_per_token], both at least 1"
        )
    num_symbols = shape[0] * shape[1]
    if num_symbols > MAX_SYMBOLS_PER_FRAME:
        raise TooLarge(f"{field}.shape", list(shape), f"at most {MAX_SYMBOLS_PER_FRAME} symbols")
    num_bytes = 2 * num_symbols * dtype.itemsize
    data = symbols.data
    if len(data) != num_bytes:
        raise InvalidField(
            f"{field}.data", f"{len(data)} bytes", f"{num_bytes} bytes for shape {list(shape)}"
        )
    if dtype is _REAL:
        return _with_energy(np.frombuffer(data, _COMPLEX).reshape(shape), field)
    reals = np.frombuffer(data, dtype=dtype)
    if symbols.encoding == frame_pb2.SYMBOL_ENCODING_INT8:
        if not (np.isfinite(symbols.scale) and symbols.scale > 0):
            raise InvalidField(f"{field}.scale", symbols.scale, "a finite number above 0 for int8")
        with np.errstate(over="ignore"):  # of an absurd scale; infinity is refused below
            reals = reals.astype(_REAL) * np.float32(symbols.scale)
    return _with_energy(reals.astype(_REAL, copy=False).view(_COMPLEX).reshape(shape), field)


def _with_energy(x: NDArray[np.complex64], field: str) -> tuple[NDArray[np.complex64], float]:
    total = energy(x)
    # A sum of squares of float32 as float64 is finite exactly where all of them are.
    if not math.isfinite(total):
        raise InvalidField(f"{field}.data", "NaN or infinity", "finite numbers")
    return x, total
