"""Systems and their options: what is allowed is what is declared."""

from __future__ import annotations

import math

import pytest

from shared.errors import InvalidField
from shared.tasks import TASKS
from systems.registry import DEFAULT_SYSTEM, SYSTEMS
from systems.rows import Option, System

_SYSTEM = System(
    "radio",
    "A system.",
    "radio",
    options=(
        Option("rate", "integer", 16, "Rate.", unit="symbols", minimum=4, maximum=16, tasks=("vqa",)),
        Option("power", "number", 1.0, "Power.", minimum=0),
        Option("codec", "string", "jpeg", "Codec.", choices=("jpeg", "webp")),
    ),
)
_DEFAULTS = {"rate": 16, "power": 1.0, "codec": "jpeg"}


def test_what_is_not_chosen_takes_its_default() -> None:
    assert _SYSTEM.read_options("vqa", {}) == _DEFAULTS
    assert _SYSTEM.read_options("sentiment", {"rate": "16"}) == _DEFAULTS


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"rate": 4}, {"rate": 4}),
        ({"rate": "8", "codec": "webp"}, {"rate": 8, "codec": "webp"}),
        ({"power": "2.5"}, {"power": 2.5}),
        ({"power": 3}, {"power": 3.0}),
    ],
)
def test_text_becomes_the_declared_type(given: dict[str, object], read: dict[str, object]) -> None:
    options = _SYSTEM.read_options("vqa", given)
    assert options == {**_DEFAULTS, **read}
    assert {name: type(value) for name, value in options.items()} == {
        "rate": int,
        "power": float,
        "codec": str,
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("rates", 8, "options of radio: rate, power, codec"),
        ("rate", 3, "a whole number from 4 to 16 symbols"),
        ("rate", 17, "a whole number from 4 to 16 symbols"),
        ("rate", 8.5, "a whole number"),
        ("rate", "8.5", "a whole number"),
        ("rate", True, "a whole number"),
        ("power", -0.1, "a number from 0"),
        ("power", math.nan, "a number from 0"),
        ("power", "inf", "a number from 0"),
        ("power", "loud", "a number from 0"),
        ("power", False, "a number from 0"),
        ("codec", "png", "jpeg, webp"),
        ("codec", 7, "jpeg, webp"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(name: str, value: object, says: str) -> None:
    with pytest.raises(InvalidField, match=f"allowed: {says}") as refused:
        _SYSTEM.read_options("vqa", {name: value})
    assert refused.value.field == name


def test_a_task_without_a_choice_takes_the_default_alone() -> None:
    with pytest.raises(InvalidField, match="16 for sentiment; others for vqa"):
        _SYSTEM.read_options("sentiment", {"rate": 8})


def test_a_system_without_options_says_so() -> None:
    with pytest.raises(InvalidField, match="options of plain: none"):
        System("plain", "A system.", "plain").read_options("vqa", {"rate": 8})


def test_every_declared_option_allows_its_own_default() -> None:
    assert next(iter(SYSTEMS)) == DEFAULT_SYSTEM
    for system in SYSTEMS.values():
        for task in TASKS:
            options = system.read_options(task, {})
            assert options == {option.name: option.default for option in system.options}
            assert system.read_options(task, {name: str(value) for name, value in options.items()}) == options


def test_the_rate_is_a_choice_for_tasks_that_send_a_sequence() -> None:
    for name, task in TASKS.items():
        if task.answer.sends_sequence:
            assert SYSTEMS["mfmsc"].read_options(name, {"symbols_per_token": 4})["symbols_per_token"] == 4
        else:
            with pytest.raises(InvalidField, match="symbols_per_token"):
                SYSTEMS["mfmsc"].read_options(name, {"symbols_per_token": 4})
