"""Symbols on the wire."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField, TooLarge
from shared.wire import ENCODINGS, MAX_SYMBOLS_PER_FRAME, pack_symbols, unpack_symbols


def _symbols(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 99))
def test_float32_is_bit_for_bit(num_tokens: int, num_symbols: int, seed: int) -> None:
    x = _symbols((num_tokens, num_symbols), seed)
    assert np.array_equal(unpack_symbols(pack_symbols(x)), x)


@pytest.mark.parametrize(
    ("encoding", "bytes_each", "error"), [("float32", 8, 0), ("float16", 4, 2e-3), ("int8", 2, 2e-2)]
)
def test_payload_and_rounding(encoding: str, bytes_each: int, error: float) -> None:
    x = _symbols((1, 16))
    packed = pack_symbols(x, encoding)
    assert len(packed.data) == 16 * bytes_each
    assert np.abs(unpack_symbols(packed) - x).max() <= error


def test_layout_is_little_endian_interleaved() -> None:
    packed = pack_symbols(np.array([[1 + 2j]], dtype=np.complex64))
    assert packed.data == np.array([1, 2], dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"shape": [1, 15]}, "symbols.data"),
        ({"shape": [16]}, "symbols.shape"),
        ({"shape": [0, 16]}, "symbols.shape"),
        ({"data": b"\0" * 127}, "symbols.data"),
        ({"data": b"\xff" * 128}, "symbols.data"),
        ({"encoding": 0}, "symbols.encoding"),
        ({"encoding": 3}, "symbols.data"),
    ],
)
def test_false_frames_are_refused(changes: dict[str, object], field: str) -> None:
    good = {"data": b"\0" * 128, "shape": [1, 16], "encoding": ENCODINGS["float32"]}
    with pytest.raises(InvalidField) as caught:
        unpack_symbols(frame_pb2.Symbols(**{**good, **changes}))  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_int8_needs_a_scale(scale: float) -> None:
    symbols = frame_pb2.Symbols(data=b"\1\1", shape=[1, 1], encoding=ENCODINGS["int8"], scale=scale)
    with pytest.raises(InvalidField, match="scale"):
        unpack_symbols(symbols)


def test_size_limit() -> None:
    symbols = frame_pb2.Symbols(shape=[MAX_SYMBOLS_PER_FRAME, 2], encoding=ENCODINGS["float32"])
    with pytest.raises(TooLarge):
        unpack_symbols(symbols)


def test_unknown_encoding() -> None:
    with pytest.raises(InvalidField, match="float32, float16, int8"):
        pack_symbols(_symbols((1, 1)), "float64")
