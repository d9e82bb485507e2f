"""Hostile messages to every gRPC service: fields at their extremes, spoiled bytes, and spoiled symbols."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import numpy as np
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from experiments.reliability.attacks import Attack
from experiments.reliability.mutations import mutate_bytes, mutate_fields
from protos.semcom.v1 import channel_service_pb2 as pb
from protos.semcom.v1 import frame_pb2, receiver_pb2, receiver_pb2_grpc
from shared.wire import pack_symbols

_BAD = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE"})
_OURS = "/semcom."
_CALL_TIMEOUT_S = 15.0
_NUM_CALLERS = 4
_SEED = 3
_SHAPES = ((1, 16), (1, 4), (7, 16), (30, 8))
_COMMON_LINK, OWN_LINK = "default", "hostile"
_NO_PROXY = [("grpc.enable_http_proxy", 0)]


@dataclass(frozen=True)
class Call:
    """One method with a message that it accepts.

    Attributes:
        method: Path of the method.
        message: To be spoiled.
        is_stream: Whether the method takes a stream.
    """

    method: str
    message: Message
    is_stream: bool = False


def attack_grpc(name: str, address: str, calls: Sequence[Call], num_inputs: int, folder: Path) -> Attack:
    """Spoiled messages, in turn by their fields, by their bytes, and by their symbols.

    Args:
        name: Of the service.
        address: Of the service, "host:port".
        calls: To choose from.
        num_inputs: Messages to send.
        folder: Where findings are kept.
    """
    attack = Attack(f"messages to the {name}", _BAD, folder)
    rng = random.Random(_SEED)
    inputs = (spoil(rng.choice(calls), rng) for _ in range(num_inputs))
    asyncio.run(_send_all(attack, address, inputs))
    return attack


async def _send_all(attack: Attack, address: str, inputs: Iterator[tuple[Call, str, bytes]]) -> None:
    async with grpc.aio.insecure_channel(address, options=_NO_PROXY) as channel:

        async def one_caller() -> None:
            for call, what, content in inputs:
                started = time.monotonic()
                status = await _status_of(channel, call, content)
                attack.note(status, time.monotonic() - started, f"{call.method}: {what}", content)

        await asyncio.gather(*(one_caller() for _ in range(_NUM_CALLERS)))


async def _status_of(channel: grpc.aio.Channel, call: Call, content: bytes) -> str:
    """Name of the status that a method answers to bytes, which go over the wire as they are."""
    try:
        if call.is_stream:
            stream = channel.stream_stream(call.method, bytes, bytes)
            async for _ in stream(iter([content]), timeout=_CALL_TIMEOUT_S):
                pass
        else:
            await channel.unary_unary(call.method, bytes, bytes)(content, timeout=_CALL_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        status = str(error.code().name)
        # Health and reflection are gRPC's own code, which calls bytes that are no message UNKNOWN.
        return f"{status} of gRPC" if not call.method.startswith(_OURS) and status == "UNKNOWN" else status
    return "OK"


def spoil(call: Call, rng: random.Random) -> tuple[Call, str, bytes]:
    """The call, how its message was spoiled, and the spoiled message's bytes; its own message stays."""
    message = type(call.message)()
    message.CopyFrom(call.message)
    frames = list(_frames_of(message))
    kind = rng.choice(("fields", "bytes", "symbols")) if frames else rng.choice(("fields", "bytes"))
    if kind == "bytes" or not message.DESCRIPTOR.fields:
        how, content = mutate_bytes(message.SerializeToString(), rng)
        return call, how, content
    if kind == "symbols":
        symbols = rng.choice(frames).symbols
        how, symbols.data = mutate_bytes(symbols.data, rng)
        return call, f"symbols, {how}", message.SerializeToString()
    what = mutate_fields(message, rng)
    if isinstance(message, pb.SetLinkRequest) and message.link.name in ("", _COMMON_LINK):
        message.link.name = OWN_LINK  # the default link carries all other inputs
    return call, what, message.SerializeToString()


def _frames_of(message: Message) -> Iterator[frame_pb2.Frame]:
    """The frames in a message."""
    if isinstance(message, pb.RelayRequest | pb.PropagateRequest):
        yield from message.frames
    elif isinstance(message, receiver_pb2.DecodeRequest):
        yield from (received.frame for received in message.frames)


def valid_frames(models: Sequence[receiver_pb2.Model]) -> list[frame_pb2.Frame]:
    """A frame of each task of each model, of random symbols of unit mean power.

    Args:
        models: As the receiver states them.
    """
    rng = np.random.default_rng(_SEED)
    return [
        _frame(f"hostile-{number}", model, task, rng)
        for number, (model, task) in enumerate((model, task) for model in models for task in model.tasks)
    ]


def _frame(
    instance_id: str, model: receiver_pb2.Model, task: str, rng: np.random.Generator
) -> frame_pb2.Frame:
    shape = _SHAPES[rng.integers(len(_SHAPES))]
    symbols = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    symbols = (symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))).astype(np.complex64)
    return frame_pb2.Frame(
        instance_id=instance_id,
        task=task,
        system=model.system,
        fingerprint=model.fingerprint,
        symbols=pack_symbols(symbols, "float32"),
        source_bytes=100,
        num_source_values=100,
        encode_ms=1.0,
    )


def channel_calls(frames: Sequence[frame_pb2.Frame]) -> list[Call]:
    """Calls of the channel service, its health and its reflection."""
    service = "/semcom.v1.ChannelService/"
    overrides = pb.LinkSettings(channel="rician", fading="block", snr_db=6.0, k_factor_db=3.0, csi="perfect")
    relays = [pb.RelayRequest(link=_COMMON_LINK, overrides=overrides, frames=[frame]) for frame in frames]
    propagates = [pb.PropagateRequest(overrides=overrides, frames=[frame]) for frame in frames]
    timings = pb.InstanceTimings(instance_id="hostile-0", encode_ms=1.0, uplink_ms=1.0, total_ms=3.0)
    link = pb.Link(name=OWN_LINK, settings=overrides)
    others = [
        Call(service + "SetLink", pb.SetLinkRequest(link=link)),
        Call(service + "GetLink", pb.GetLinkRequest(name=_COMMON_LINK)),
        Call(service + "ListLinkChanges", pb.ListLinkChangesRequest(name=OWN_LINK)),
        Call(service + "CompleteInstances", pb.CompleteInstancesRequest(instances=[timings])),
        Call(service + "GetOverheadReport", pb.GetReportRequest(group_by=["task", "snr_bin"])),
        Call(service + "GetLatencyReport", pb.GetReportRequest(link=_COMMON_LINK)),
        *_common_calls("semcom.v1.ChannelService"),
    ]
    return [
        *others,
        *(Call(service + "Relay", relay) for relay in relays),
        *(Call(service + "RelayStream", relay, is_stream=True) for relay in relays[:1]),
        *(Call(service + "Propagate", propagate) for propagate in propagates[: len(others)]),
        *(Call(service + "PropagateStream", propagate, is_stream=True) for propagate in propagates[:1]),
    ]


def receiver_calls(frames: Sequence[frame_pb2.Frame]) -> list[Call]:
    """Calls of the receiver, its health and its reflection."""
    service = "/semcom.v1.ReceiverService/"
    state = frame_pb2.ChannelState(
        link=_COMMON_LINK,
        channel="rayleigh",
        fading="block",
        csi="perfect",
        requested_snr_db=6.0,
        realised_snr_db=6.0,
        noise_variance=0.25,
        gains=pack_symbols(np.full((1, 1), 0.6 + 0.8j, np.complex64), "float32"),
    )
    decodes = [
        receiver_pb2.DecodeRequest(frames=[frame_pb2.ReceivedFrame(frame=frame, state=state)])
        for frame in frames
    ]
    return [
        *(Call(service + "Decode", decode) for decode in decodes),
        Call(service + "GetModel", receiver_pb2.GetModelRequest()),
        *_common_calls("semcom.v1.ReceiverService"),
    ]


def _common_calls(name: str) -> list[Call]:
    reflect = reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)
    return [
        Call("/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest(service=name)),
        Call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", reflect, is_stream=True),
    ]


def models_of(address: str) -> list[receiver_pb2.Model]:
    """What a receiver has loaded.

    Args:
        address: Of its gRPC port, "host:port".
    """
    with grpc.insecure_channel(address, options=_NO_PROXY) as channel:
        receiver = receiver_pb2_grpc.ReceiverServiceStub(channel)
        return list(receiver.GetModel(receiver_pb2.GetModelRequest(), timeout=_CALL_TIMEOUT_S).models)
