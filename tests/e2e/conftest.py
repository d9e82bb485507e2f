"""Real services for the session: three processes with tiny random weights, three with the shipped ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semcom.stack import Stack
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.weights import find_weights


@pytest.fixture(scope="session")
def tiny_stack(tiny_systems: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with Stack.start(weights=tiny_systems, free_ports=True, run_folder=folder) as stack:
        yield stack


@pytest.fixture(scope="session")
def shipped_stack() -> Iterator[Stack]:
    if not find_weights(DEFAULT_WEIGHTS):
        pytest.skip("no weights are shipped")
    with Stack.start(weights=DEFAULT_WEIGHTS, free_ports=True) as stack:
        yield stack


@pytest.fixture
def lend(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stack], None]:
    """Gives running services to what would start some of its own, and lets it not stop them."""

    def lend_to_all(stack: Stack) -> None:
        lent = copy.copy(stack)
        monkeypatch.setattr(lent, "stop", lambda: None, raising=False)
        monkeypatch.setattr(Stack, "start", lambda **_: lent)

    return lend_to_all


@pytest.fixture
def semcom_of(semcom, monkeypatch: pytest.MonkeyPatch):
    """Runs `semcom ARGS` in this process against the given services."""

    def run(stack: Stack, *args: str):
        monkeypatch.setenv("SEMCOM_URL", stack.base_url)
        monkeypatch.setenv("SEMCOM_CHANNEL_URL", stack.channel_url)
        return semcom(*args)

    return run
