"""The HTTP side: links, and the routes of the books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Path
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from channel_service.channels import MODELS
from channel_service.links import CSI_MODES, Links, LinkSettings
from channel_service.live import LiveFeed
from channel_service.live_api import add_live_routes
from channel_service.reports import Store
from channel_service.reports_api import add_report_routes
from protos.semcom.v1 import channel_service_pb2
from shared.http_runtime import build_app, error_responses
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

# Measuring the length reads the text: half a surrogate pair is refused there, and not on the wire.
_Name = Annotated[str, Field(max_length=64)]
_DESCRIPTION = "Fades and disturbs frames on named links, and keeps the books of what every instance cost."


class LinkChange(BaseModel):
    """Settings to change; absent ones keep their value."""

    model_config = ConfigDict(extra="forbid")

    channel: _Name | None = Field(None, description=" | ".join(MODELS), examples=["rayleigh"])
    fading: _Name | None = Field(
        None, description="block: one gain a frame | symbol: independent gains", examples=["block"]
    )
    snr_db: float | None = Field(
        None, description=f"Es/N0 per complex symbol, {MIN_SNR_DB:g} to {MAX_SNR_DB:g} [dB].", examples=[6.0]
    )
    k_factor_db: float | None = Field(None, description="Rician K, -20 to 40 [dB].", examples=[6.0])
    csi: _Name | None = Field(
        None, description="What the receiver may know: " + " | ".join(CSI_MODES), examples=["perfect"]
    )
    num_pilots: int | None = Field(
        None, ge=1, le=1024, description="Pilots a frame where csi=estimated.", examples=[4]
    )
    seed: int | None = Field(None, ge=0, lt=1 << 64, description="Of the draws.", examples=[0])
    symbol_rate_hz: float | None = Field(
        None, description="Complex symbols a second, for the airtime [Hz].", examples=[1e6]
    )

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """As the message of the wire contract."""
        return channel_service_pb2.LinkSettings(**self.model_dump(exclude_none=True))


class LinkState(BaseModel):
    """A link as it is now."""

    name: str = Field(description="Name of the link.", examples=["default"])
    channel: str = Field(description=" | ".join(MODELS), examples=["awgn"])
    fading: str = Field(description="block: one gain a frame | symbol: independent gains", examples=["block"])
    snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    k_factor_db: float = Field(description="Rician K [dB].", examples=[6.0])
    csi: str = Field(description="What the receiver may know: " + " | ".join(CSI_MODES), examples=["perfect"])
    num_pilots: int = Field(description="Pilots a frame where csi=estimated.", examples=[4])
    seed: int = Field(description="With the frame number it fixes the draw.", examples=[0])
    symbol_rate_hz: float = Field(description="Complex symbols a second [Hz].", examples=[1e6])


LinkName = Annotated[str, Path(description="Name of the link.", examples=["default"])]


def create_app(
    links: Links,
    store: Store,
    feed: LiveFeed,
    ready: Callable[[], Awaitable[None]],
    registry: CollectorRegistry,
) -> FastAPI:
    """The service's HTTP app.

    Args:
        links: Shared with the gRPC side.
        store: Shared with the gRPC side.
        feed: Shared with the gRPC side.
        ready: See `shared.http_runtime.build_app`.
        registry: Metrics.
    """
    app = build_app("semcom channel_service", _DESCRIPTION, ready=ready, registry=registry)
    _add_link_routes(app, links)
    add_report_routes(app, store)
    add_live_routes(app, feed)
    return app


def _add_link_routes(app: FastAPI, links: Links) -> None:
    @app.get("/links", tags=["links"], summary="Every link.")
    async def list_links() -> list[LinkState]:
        return [_state(name, settings) for name, settings in links.all().items()]

    @app.get("/links/{name}", tags=["links"], summary="One link.", responses=error_responses(404))
    async def get_link(name: LinkName) -> LinkState:
        return _state(name, links.get(name))

    @app.put(
        "/links/{name}",
        tags=["links"],
        summary="Create or change a link; holds from the next frame.",
        responses=error_responses(400, 422),
    )
    async def put_link(name: LinkName, change: LinkChange) -> LinkState:
        return _state(name, links.set(name, change.to_proto()))


def _state(name: str, settings: LinkSettings) -> LinkState:
    return LinkState(name=name, **vars(settings))
