"""Halves whose code stands in another distribution, and what is said where it is not fit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from receiver.systems import load_systems as load_receivers
from shared.errors import InvalidField, UnknownName
from shared.systems import SYSTEMS, System
from shared.weights import Manifest, save_weights
from transmitter.systems import load_systems as load_transmitters

_BOTH_HALVES = """
class Transmitter:
    @classmethod
    def load(cls, folder):
        return f"{cls.__name__} of {folder.name}"

class Receiver(Transmitter):
    pass
"""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of the system morse, whose halves stand in the module `morse_halves`."""
    (tmp_path / "modules").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.delitem(sys.modules, "morse_halves", raising=False)
    row = System("morse", "Dots and dashes.", package="morse_halves", origin="semcom-morse 2.1")
    monkeypatch.setitem(SYSTEMS, "morse", row)
    save_weights(tmp_path / "weights" / "morse", Manifest("morse", ("sentiment",), {}, {}), {}, None)
    return tmp_path / "weights"


def _write_module(weights: Path, text: str) -> None:
    (weights.parent / "modules" / "morse_halves.py").write_text(text)


def test_one_module_may_hold_both_halves(weights: Path) -> None:
    _write_module(weights, _BOTH_HALVES)
    assert load_transmitters(weights) == {"morse": "Transmitter of morse"}
    assert load_receivers(weights) == {"morse": "Receiver of morse"}


def test_a_system_that_is_not_asked_for_is_not_loaded(weights: Path) -> None:
    _write_module(weights, "import no_such_module_here")
    assert load_transmitters(weights, ["smoke"]) == {}


@pytest.mark.parametrize(
    ("text", "says"), [("", "has no attribute 'Transmitter'"), ("import no_such_module_here", "no_such")]
)
def test_code_that_is_not_fit_names_its_distribution(text: str, says: str, weights: Path) -> None:
    _write_module(weights, text)
    with pytest.raises(InvalidField, match=r"morse_halves, from semcom-morse 2\.1") as caught:
        load_transmitters(weights)
    assert says in caught.value.message


def test_weights_of_a_system_that_nobody_declares_are_an_error(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(SYSTEMS, "morse")
    with pytest.raises(UnknownName, match="morse"):
        load_receivers(weights)
