"""The channel models by name. To add a model, write a class and add it to MODELS."""

from __future__ import annotations

from collections.abc import Mapping

from channel_service.radio.models.base import DrawInputs, Model
from channel_service.radio.models.flat import Awgn, Nakagami, Rayleigh, Rician, Trace
from channel_service.radio.models.tdl import Tdl

__all__ = ["MODELS", "Model", "DrawInputs"]

MODELS: Mapping[str, Model] = {
    "awgn": Awgn(),
    "rayleigh": Rayleigh(),
    "rician": Rician(),
    "nakagami": Nakagami(),
    **{f"tdl-{letter.lower()}": Tdl(letter) for letter in "ABCDE"},
    "trace": Trace(),
}
