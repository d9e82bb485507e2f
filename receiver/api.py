"""The receiver's HTTP side: health, readiness and metrics, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from shared.errors import NoWeights
from shared.runtime.access import OPEN, Access
from shared.runtime.http_runtime import build_app
from systems.base import ReceiverSystem


def build_api(
    systems: Mapping[str, ReceiverSystem], weights: Path, registry: CollectorRegistry, access: Access = OPEN
) -> FastAPI:
    """The receiver's app.

    Args:
        systems: Loaded receivers by name; without one the receiver is alive, but not ready.
        weights: Folder they came from, for the message.
        registry: Metrics of the service.
        access: What callers have to show.
    """

    async def ready() -> None:
        if not systems:
            raise NoWeights(str(weights))

    return build_app(
        "semcom receiver",
        "Health and metrics; frames come by gRPC.",
        ready=ready,
        registry=registry,
        access=access,
    )
