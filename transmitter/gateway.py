"""The REST edge: POST /transmit, GET /tasks, GET /systems, and what every service answers."""

from __future__ import annotations

import asyncio
from collections import Counter as CountOf
from collections.abc import Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protos.semcom.v1.channel_service_pb2 import LinkSettings
from shared.errors import ClientLeft, DeadlineExceeded, InvalidField
from shared.runtime.access import OPEN, Access
from shared.runtime.http_runtime import build_app, error_responses, route_path
from shared.runtime.slots import Room
from shared.tasks import TASKS, Modality, Task, get_task
from systems.registry import DEFAULT_SYSTEM, SYSTEMS, get_system
from systems.rows import Options, System, read_options
from transmitter.answers import OptionInfo, SystemInfo, SystemOutcome, TaskInfo, TransmitAnswer
from transmitter.instances import Instance, TransmitResult
from transmitter.media import decode_source
from transmitter.page.files import PREFIX, PageHeaders, page_routes
from transmitter.queries import OPTION_PARAMETERS, TransmitQuery
from transmitter.service import TransmitterService
from transmitter.uploads import REQUEST_BODY, read_fields

_TITLE = "semcom transmitter"
_DESCRIPTION = (
    "Sends one input across a semantic communication link and returns what the receiver made of it, with the "
    "channel as applied, the overhead and the latency of every hop."
)
_TRANSMIT_PATH = "/transmit"
_TRANSMITTER = "transmitter"
_Result = TypeVar("_Result")
_ANSWER: TypeAdapter[TransmitAnswer | list[SystemOutcome]] = TypeAdapter(TransmitAnswer | list[SystemOutcome])


class GatewayMetrics:
    """What /metrics of the transmitter shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "semcom_transmitter_requests",
            "Requests to /transmit, by HTTP status.",
            ["task", "system", "status"],
            registry=registry,
        )
        self.encode_seconds = Histogram(
            "semcom_transmitter_encode_seconds",
            "Time from decoded input to symbols.",
            ["task", "system"],
            registry=registry,
        )
        self.upload_bytes = Counter(
            "semcom_transmitter_upload_bytes", "Inputs accepted.", ["task", "system"], registry=registry
        )

    def count(self, instance: Instance, sent: TransmitResult) -> None:
        """Count what one system has sent."""
        self.encode_seconds.labels(instance.task, instance.system).observe(sent.latency.encode / 1e3)
        self.upload_bytes.labels(instance.task, instance.system).inc(instance.source_bytes)


def build_gateway(
    service: TransmitterService,
    *,
    max_upload_bytes: int,
    access: Access = OPEN,
) -> FastAPI:
    """The transmitter's app.

    Args:
        service: Encodes and relays; the caller closes it. Metrics go to its registry.
        max_upload_bytes: Limit on one request's body.
        access: What callers have to show.
    """
    metrics = GatewayMetrics(service.registry)
    app = build_app(
        _TITLE,
        _DESCRIPTION,
        ready=service.ready,
        registry=service.registry,
        access=access,
        open_paths=(PREFIX,),
    )
    app.include_router(page_routes())
    app.add_middleware(PageHeaders)
    app.include_router(_catalogue(service))
    app.include_router(_transmission(service, max_upload_bytes, metrics))
    app.add_middleware(_CountTransmissions, counter=metrics.requests)
    return app


def _catalogue(service: TransmitterService) -> APIRouter:
    router = APIRouter(tags=["catalogue"])

    @router.get("/tasks", summary="What can be asked.")
    async def tasks() -> list[TaskInfo]:
        return [
            TaskInfo(
                name=task.name,
                modalities=list(task.modalities),
                answer=task.answer.kind,
                metric=task.answer.metric,
                description=task.description,
                trained_in=[name for name, system in service.systems.items() if task.name in system.tasks],
            )
            for task in TASKS.values()
        ]

    @router.get("/systems", summary="The systems whose weights are loaded.")
    async def systems() -> list[SystemInfo]:
        return [
            SystemInfo(
                name=system.name,
                description=get_system(system.name).description,
                profile=system.profile,
                fingerprint=system.fingerprint,
                tasks=list(system.tasks),
                options=[
                    OptionInfo.model_validate(option, from_attributes=True)
                    for option in get_system(system.name).options
                ],
            )
            for system in service.systems.values()
        ]

    return router


def _transmission(service: TransmitterService, max_upload_bytes: int, metrics: GatewayMetrics) -> APIRouter:
    router = APIRouter(tags=["transmission"])
    # As much as full places would hold: slow uploads have no place yet, but must not fill the memory.
    room = Room(service.limits.max_requests * max_upload_bytes)

    @router.post(
        _TRANSMIT_PATH,
        summary="Send one input across the link, by one system or by several.",
        responses=error_responses(404, 409, 413, 415, 422, 429, 502, 503, 504),
        openapi_extra={"requestBody": REQUEST_BODY, "parameters": OPTION_PARAMETERS},
        response_model=TransmitAnswer | list[SystemOutcome],
    )
    async def transmit(request: Request, query: Annotated[TransmitQuery, Query()]) -> Response:
        timeout_s = query.timeout_s or service.limits.timeout_s
        deadline = asyncio.get_running_loop().time() + timeout_s
        service.slots.check()
        task, options, overrides = await _check_query(request, query, service)
        try:
            async with asyncio.timeout_at(deadline):
                with room.hold() as hold:
                    fields = await read_fields(request, task, max_upload_bytes, hold)
                    with service.slots.take():
                        instances = await _make_instances(query, options, overrides, fields, deadline)
                        outcomes = await _unless_client_leaves(request, service.transmit_each(instances))
        except TimeoutError:
            raise DeadlineExceeded(_TRANSMITTER, timeout_s) from None
        for instance, outcome in zip(instances, outcomes, strict=True):
            if isinstance(outcome, TransmitResult):
                metrics.count(instance, outcome)
        if len(outcomes) == 1 and isinstance(outcomes[0], TransmitResult):
            return _json_of(TransmitAnswer.of(outcomes[0]))
        pairs = zip(instances, outcomes, strict=True)
        return _json_of([SystemOutcome.of(instance.system, outcome) for instance, outcome in pairs])

    return router


def _json_of(answer: TransmitAnswer | list[SystemOutcome]) -> Response:
    """The answer as it is: FastAPI would check and copy every field once more."""
    return Response(_ANSWER.dump_json(answer), media_type="application/json")


async def _check_query(
    request: Request, query: TransmitQuery, service: TransmitterService
) -> tuple[Task, Mapping[str, Options], LinkSettings]:
    """The task, each system's options and the link's settings for this instance.

    What can be refused is, before anything is uploaded.
    """
    _check_unique(request)
    task, systems = get_task(query.task), [get_system(name) for name in query.systems()]
    if len(systems) == 1:
        service.find_system(task.name, systems[0].name)
    chosen, overrides = await _part_parameters(query, systems, service)
    return task, read_options(systems, task.name, chosen), overrides


async def _make_instances(
    query: TransmitQuery,
    options: Mapping[str, Options],
    overrides: LinkSettings,
    fields: Mapping[Modality, bytes],
    deadline: float,
) -> list[Instance]:
    """An instance for each system that is asked for."""
    source = await decode_source(fields)
    return [
        Instance(
            task=query.task,
            system=system,
            source=source,
            source_bytes=sum(map(len, fields.values())),
            options=chosen,
            deadline=deadline,
            link=query.link,
            overrides=overrides,
            frame_number=query.frame_number,
            encoding=query.encoding,
        )
        for system, chosen in options.items()
    ]


async def _part_parameters(
    query: TransmitQuery, systems: Sequence[System], service: TransmitterService
) -> tuple[Options, LinkSettings]:
    """Options of the systems, and the link's settings for this instance.

    What no system declares may be a parameter of another distribution's channel model, which the channel
    service knows.
    """
    overrides, chosen = query.overrides(), dict(query.chosen_options())
    undeclared = chosen.keys() - {option.name for system in systems for option in system.options}
    if not undeclared:
        return chosen, overrides
    held = await service.settings_of(query.link)
    for name in undeclared & held.parameters.keys():
        given = chosen.pop(name)
        try:
            overrides.parameters[name] = float(given)
        except ValueError:
            raise InvalidField(name, given, "a number") from None
    return chosen, overrides


async def _unless_client_leaves(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Wait for work, and cancel it where nobody waits for its answer any more.

    Args:
        request: With its body read.
        work: What is done for it.

    Raises:
        ClientLeft: If the client closed the connection first.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_disconnection(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_unique(request: Request) -> None:
    """Refuse a parameter sent twice, of which FastAPI would take the last."""
    for name, count in CountOf(name for name, _ in request.query_params.multi_items()).items():
        if count > 1:
            raise InvalidField(name, f"sent {count} times", "each parameter once")


class _CountTransmissions:
    """Counts requests to /transmit by the status they were answered with."""

    def __init__(self, app: ASGIApp, counter: Counter) -> None:
        self._app, self._counter = app, counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or route_path(scope) != _TRANSMIT_PATH:
            await self._app(scope, receive, send)
            return
        status = 500  # what the client gets where nothing was sent before an error left the app

        async def watch(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._counter.labels(*_labels(Request(scope)), status).inc()


def _labels(request: Request) -> tuple[str, str]:
    """Task and system of a request; all other names share one label, as labels are kept for ever."""
    task = request.query_params.get("task", "")
    system = request.query_params.get("system", DEFAULT_SYSTEM)
    return (
        task if task in TASKS else "unknown",
        system if system in SYSTEMS else "several" if "," in system else "unknown",
    )
