"""The parameters of all channel models and fadings, each with those that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from channel_service.radio.fadings import FADINGS
from channel_service.radio.models import MODELS, Model
from shared.link_settings import LinkSetting


def parameters(models: Mapping[str, Model] | None = None) -> Mapping[str, LinkSetting[Any]]:
    """Parameters by name.

    Args:
        models: Channel models by name; those of MODELS if it is None.
    """
    return _merge(tuple((MODELS.rows if models is None else models).items()))


@lru_cache(maxsize=2)
def _merge(models: tuple[tuple[str, Model], ...]) -> Mapping[str, LinkSetting[Any]]:
    rows = [("channel", name, model.parameters) for name, model in models]
    rows += [("fading", name, fading.parameters) for name, fading in FADINGS.items()]
    found: dict[str, LinkSetting[Any]] = {}
    for setting, name, declared in rows:
        for parameter in declared:
            read_by = found.get(parameter.name, parameter).read_by
            read_by = {**read_by, setting: (*read_by.get(setting, ()), name)}
            found[parameter.name] = replace(parameter, read_by=read_by)
    return found
