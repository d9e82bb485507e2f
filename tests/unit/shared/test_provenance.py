"""A figure's commit and machine."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from shared.provenance import cpu_name


def test_a_processor_has_name_family_and_model(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = "processor\t: 0\nmodel\t\t: 1\ncpu family\t: 23\nmodel name\t: AMD EPYC\n\n" * 2
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: cores)
    assert cpu_name() == "AMD EPYC, family 23, model 1"


def test_a_machine_that_is_not_linux_still_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(self: Path, encoding: str) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", absent)
    assert cpu_name() == (platform.processor() or platform.machine())
