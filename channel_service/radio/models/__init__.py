"""The channel models by name. To add a model, write a class and add it to MODELS.

Other distributions add models by entry points of the group `semcom.channels`, or SEMCOM_CHANNELS names them.
"""

from __future__ import annotations

from channel_service.radio.models.base import DrawInputs, Model
from channel_service.radio.models.flat import Awgn, Nakagami, Rayleigh, Rician, Trace
from channel_service.radio.models.tdl import Tdl
from shared.registry import Registry

__all__ = ["MODELS", "Model", "DrawInputs"]

_BUILT_IN: dict[str, Model] = {
    "awgn": Awgn(),
    "rayleigh": Rayleigh(),
    "rician": Rician(),
    "nakagami": Nakagami(),
    **{f"tdl-{letter.lower()}": Tdl(letter) for letter in "ABCDE"},
    "trace": Trace(),
}

MODELS: Registry[Model] = Registry(_BUILT_IN, Model, group="semcom.channels", variable="channels")
