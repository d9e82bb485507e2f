"""Inputs that no client of good will sends: no service may crash, fail inside, or grow without bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from experiments.reliability.attacks import Attack
from experiments.reliability.hostile_grpc import (
    attack_grpc,
    channel_calls,
    models_of,
    receiver_calls,
    valid_frames,
)
from experiments.reliability.hostile_http import attack_media, attack_schema
from experiments.reliability.processes import memory_mib, pids_of
from semcom.stack import Stack

_HOST = "127.0.0.1"


def measure_hostile(
    num_inputs: int, weights: Path, folder: Path, on_progress: Callable[[str], None]
) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        num_inputs: To be sent in all, a fifth of each kind.
        weights: Folder with a folder of weights a system.
        folder: Where inputs that are findings are kept.
        on_progress: Told how far it is.
    """
    with Stack.start(weights=weights, free_ports=True, on_progress=on_progress) as stack:
        pids = pids_of(stack)
        before = memory_mib(pids)
        attacks = []
        for number, attack in enumerate(_attacks(stack, max(1, num_inputs // 5), folder), 1):
            attacks.append({**attack.to_json(), "memory_mib": memory_mib(pids)})
            on_progress(f"{number} of 5 kinds of inputs")
        for service in stack.services:
            service.check_running()
    return {
        "num_inputs": sum(attack["num_inputs"] for attack in attacks),
        "attacks": attacks,
        "memory_before_mib": before,
    }


def _attacks(stack: Stack, num_each: int, folder: Path) -> Iterator[Attack]:
    """Five kinds of inputs, each sent when it is asked for."""
    channel = f"{_HOST}:{stack.ports.channel_grpc}"
    receiver = f"{_HOST}:{stack.ports.receiver_grpc}"
    frames = valid_frames(models_of(receiver))
    yield attack_media(stack.base_url, num_each, folder)
    yield attack_grpc("channel_service", channel, channel_calls(frames), num_each, folder)
    yield attack_grpc("receiver", receiver, receiver_calls(frames), num_each, folder)
    yield attack_schema(stack.base_url, "transmitter", num_each, folder)
    yield attack_schema(stack.channel_url, "channel_service", num_each, folder)
