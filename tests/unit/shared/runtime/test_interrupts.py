"""Signals that end a command as Ctrl-C does, and when they do not."""

from __future__ import annotations

import os
import signal

import pytest

from shared.runtime.interrupts import ended_by_signals, signals_noted


def _kill(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_ctrl_c_within_the_block_only(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        _kill(number)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_noted_signal_interrupts_nothing(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with signals_noted() as noted:
        assert not noted.is_set()
        _kill(number)
        assert noted.is_set()
        _kill(number)
    assert signal.getsignal(number) is before


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            _kill(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
