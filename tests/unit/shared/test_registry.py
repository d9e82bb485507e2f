"""Rows of other distributions: found by their metadata, named by a variable, or refused with the reason."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import InvalidField
from shared.registry import Registry
from systems.registry import SYSTEMS
from systems.rows import System

_MODULE = """
from systems.rows import System
MORSE = System("morse", "Dots and dashes.", package="morse_halves")
NUMBER = 7
"""
Declare = Callable[[str, str], Registry[System]]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declares a row as an installed distribution does, and makes the registry anew."""

    def declare(entry: str, distribution: str = "semcom-morse") -> Registry[System]:
        folder = tmp_path / f"{distribution.replace('-', '_')}-2.1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.1\n")
        (folder / "entry_points.txt").write_text(f"[semcom.systems]\n{entry}\n")
        (tmp_path / "registered_rows.py").write_text(_MODULE)
        return _registry()

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "registered_rows", raising=False)
    return declare


def _registry() -> Registry[System]:
    built_in = {"plain": System("plain", "Built in.", package="plain")}
    return Registry(built_in, System, group="semcom.systems", variable="systems")


def test_a_distribution_adds_a_row_after_the_built_in_ones(declare: Declare) -> None:
    registry = declare("morse = registered_rows:MORSE", "semcom-morse")
    registry.check()
    assert list(registry) == ["plain", "morse"]
    assert registry["morse"].package == "morse_halves"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("plain = registered_rows:MORSE", "a name that semcom does not have already"),
        ("morse = registered_rows:NUMBER", "an object of the type System, not int"),
        ("morse = registered_rows:ABSENT", "AttributeError"),
        ("morse = no_such_module_here:MORSE", "ModuleNotFoundError"),
        ("Mor.se = registered_rows:MORSE", "a name of small letters"),
    ],
)
def test_a_row_that_is_not_fit_names_its_distribution(entry: str, says: str, declare: Declare) -> None:
    registry = declare(entry, "semcom-morse")
    assert list(registry) == ["plain"]
    with pytest.raises(InvalidField, match=r"from semcom-morse 2\.1") as caught:
        registry.check()
    assert says in caught.value.message


def test_two_distributions_cannot_share_a_name(declare: Declare) -> None:
    declare("morse = registered_rows:MORSE", "semcom-morse")
    registry = declare("morse = registered_rows:MORSE", "semcom-other")
    assert list(registry) == ["plain", "morse"]
    with pytest.raises(InvalidField, match=r"a name that semcom-morse 2\.1 does not have already"):
        registry.check()


def test_a_variable_names_a_module_of_no_distribution(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare("dots = registered_rows:MORSE", "semcom-dots")
    monkeypatch.setenv("SEMCOM_SYSTEMS", "morse=registered_rows:MORSE, dashes = registered_rows:NUMBER")
    registry = _registry()
    assert {"dots", "morse"} < set(registry)
    with pytest.raises(InvalidField, match=r"from SEMCOM_SYSTEMS.*not int"):
        registry.check()


def test_a_row_has_the_name_of_its_entry_point() -> None:
    row = System("morse", "Dots and dashes.", package="morse_halves")
    with pytest.raises(ValueError, match="not morse"):
        SYSTEMS._accept("dots", row, "semcom-dots 1.0")
    assert SYSTEMS._accept("morse", row, "semcom-morse 1.0").origin == "semcom-morse 1.0"
