"""The channel models by name. To add a model, write a class and add it to MODELS.

Other distributions add models by entry points of the group `semcom.channels`, or SEMCOM_CHANNELS names them.
"""

from __future__ import annotations

import re
from typing import Any

from channel_service.radio.fadings import FADINGS
from channel_service.radio.models.base import DrawInputs, Model
from channel_service.radio.models.flat_fading import Awgn, Nakagami, Rayleigh, Rician, Trace
from channel_service.radio.models.tdl import Tdl
from protos.semcom.v1 import channel_service_pb2
from shared.link_settings import LinkSetting
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

_CONTRACT_NAMES = channel_service_pb2.LinkSettings.DESCRIPTOR.fields_by_name
_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_declared: dict[str, LinkSetting[Any]] = {
    parameter.name: parameter
    for parameters in (row.parameters for table in (_BUILT_IN, FADINGS) for row in table.values())
    for parameter in parameters
}


def check_parameters(name: str, model: Model, origin: str) -> Model:
    """The model, if each of its parameters is a number that no other setting shares its name with.

    Raises:
        ValueError: If a parameter is not fit.
    """
    for parameter in model.parameters:
        if parameter.type == "string" or not _PARAMETER_NAME.fullmatch(parameter.name):
            raise ValueError(
                f"parameters that are numbers with names of a-z, 0-9 and _, not {parameter.name}"
            )
        is_taken = parameter.name in _CONTRACT_NAMES and parameter.name not in _declared
        if is_taken or _declared.setdefault(parameter.name, parameter) != parameter:
            raise ValueError(f"parameters with names that no other setting has, not {parameter.name}")
    return model


MODELS: Registry[Model] = Registry(
    _BUILT_IN, Model, group="semcom.channels", variable="channels", accept=check_parameters
)
