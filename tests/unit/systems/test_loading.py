"""Sides whose code stands in another distribution, and what is said where it is not fit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shared.errors import InvalidField, UnknownName
from shared.weights import Manifest, save_weights
from systems.loading import load_receivers, load_transmitters
from systems.registry import SYSTEMS
from systems.rows import System

_TRANSMITTER = """
class Transmitter:
    @classmethod
    def load(cls, folder):
        side = cls()
        side.says = f"{cls.__name__} of {folder.name}"
        return side
"""
_RECEIVER = """
from morse_sides.transmitter import Transmitter

class Receiver(Transmitter):
    pass
"""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of the system morse, whose sides stand in the package `morse_sides`."""
    (tmp_path / "modules").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    for name in ("morse_sides", "morse_sides.transmitter", "morse_sides.receiver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    row = System("morse", "Dots and dashes.", package="morse_sides", origin="semcom-morse 2.1")
    monkeypatch.setitem(SYSTEMS, "morse", row)
    save_weights(tmp_path / "weights" / "morse", Manifest("morse", ("sentiment",), {}, {}), {}, None)
    return tmp_path / "weights"


def _write_package(weights: Path, transmitter: str) -> None:
    package = weights.parent / "modules" / "morse_sides"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "transmitter.py").write_text(transmitter)
    (package / "receiver.py").write_text(_RECEIVER)


def test_each_side_is_a_module_of_the_package(weights: Path) -> None:
    _write_package(weights, _TRANSMITTER)
    assert load_transmitters(weights)["morse"].says == "Transmitter of morse"
    assert load_receivers(weights)["morse"].says == "Receiver of morse"


def test_a_system_that_is_not_asked_for_is_not_loaded(weights: Path) -> None:
    _write_package(weights, "import no_such_module_here")
    assert load_transmitters(weights, ["smoke"]) == {}


@pytest.mark.parametrize(
    ("text", "says"), [("", "has no attribute 'Transmitter'"), ("import no_such_module_here", "no_such")]
)
def test_code_that_is_not_fit_names_its_distribution(text: str, says: str, weights: Path) -> None:
    _write_package(weights, text)
    with pytest.raises(InvalidField, match=r"morse_sides, from semcom-morse 2\.1") as caught:
        load_transmitters(weights)
    assert says in caught.value.message


def test_weights_of_a_system_that_nobody_declares_are_an_error(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(SYSTEMS, "morse")
    with pytest.raises(UnknownName, match="morse"):
        load_receivers(weights)
