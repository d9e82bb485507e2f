"""Small real parts around the gateway: a system that encodes by size, a channel that answers every frame."""

import asyncio
import contextlib
import io
import threading

import grpc
import httpx
import numpy as np
from grpc_health.v1 import health_pb2
from PIL import Image

from protos.semcom.v1 import channel_service_pb2, frame_pb2, receiver_pb2
from shared import scores
from shared.ledger import overhead_of
from shared.runtime.rpc_errors import to_trailer
from shared.tasks import TASKS, get_task
from systems.base import EncodedInstance, TransmitterSystem
from transmitter.gateway import build_gateway
from transmitter.service import Limits, TransmitterService

scores.warm_up()  # as the service does, for its requests have deadlines

MAX_UPLOAD_BYTES = 100_000
UNTRAINED = "movie_genres"
LIMITS = {
    "max_requests": 128,
    "max_batch": 32,
    "max_calls": 16,
    "num_encoders": 2,
    "num_threads": 1,
    "timeout_s": 5.0,
}


class PowerSystem(TransmitterSystem):
    """Encodes a source by its size: real unit-power symbols, nothing learned."""

    name, profile, fingerprint = "mfmsc", "tiny", "f" * 16
    tasks = tuple(task for task in TASKS if task != UNTRAINED)

    def __init__(self):
        self.threads, self.sources = set(), []

    def encode(self, task, sources, options):
        self.threads.add(threading.current_thread().name)
        self.sources += sources
        num_tokens = 3 if get_task(task).answer.sends_sequence else 1
        return [
            EncodedInstance(
                np.ones((num_tokens, options["symbols_per_token"]), np.complex64),
                sum(map(len, source.values())),
                num_unknown_pieces=source.get("text", "").count("☃"),
            )
            for source in sources
        ]


def png_of(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
ANSWERS = {
    "label": {"labels": ["yes"], "scores": [("yes", 0.75), ("no", 0.25)]},
    "labels": {"labels": ["drama"], "scores": [("drama", 0.75), ("horror", 0.25)]},
    "text": {"text": "a fine film"},
    "transcript": {"text": "seven"},
    "image": {"image_png": png_of(PICTURE)},
}


class LoopbackChannel:
    """Answers every frame over a channel without noise, and keeps what it was sent."""

    def __init__(self, error=None, timings=None):
        self.requests, self.completed, self.tries = [], [], 0
        self.error, self.schedule, self.replay = error, channel_service_pb2.SnrSchedule(), ""
        self.parameters = {}
        self.health = health_pb2.HealthCheckResponse.SERVING
        self.timings = timings or {
            "channel_ms": 0.1, "downlink_ms": 0.3, "decode_ms": 0.2, "residence_ms": 0.7
        }  # fmt: skip

    async def Relay(self, request, timeout):
        self.tries += 1
        if self.error:
            raise self.error
        self.requests.append(request)
        results = [self.answer(request, frame) for frame in request.frames]
        timings = channel_service_pb2.HopTimings(**self.timings)
        return channel_service_pb2.RelayResponse(results=results, timings=timings)

    def answer(self, request, frame):
        settings = request.overrides
        answer = dict(ANSWERS[get_task(frame.task).answer.kind])
        scores = [receiver_pb2.LabelScore(label=n, probability=p) for n, p in answer.pop("scores", ())]
        state = frame_pb2.ChannelState(
            link=request.link,
            channel=settings.channel or "awgn",
            fading="block",
            csi="perfect",
            requested_snr_db=settings.snr_db if settings.HasField("snr_db") else 12.0,
            realised_snr_db=11.5,
            noise_variance=0.0631,
            network_delay_ms=40.0,
            frame_number=frame.frame_number,
            seed=settings.seed,
        )
        if settings.channel == "rician":
            state.k_factor_db = settings.k_factor_db
        result = channel_service_pb2.InstanceResult(
            answer=receiver_pb2.Answer(
                instance_id=frame.instance_id, scores=scores, post_equalisation_snr_db=11.9, **answer
            ),
            state=state,
        )
        overhead_of(frame, num_pilots=0, symbol_rate_hz=1e6, wire_bytes=240).write(result.overhead)
        return result

    async def GetLink(self, request, timeout):
        settings = channel_service_pb2.LinkSettings(
            channel="rayleigh", snr_db=12.0, parameters=self.parameters
        )
        settings.snr_schedule.MergeFrom(self.schedule)
        settings.replay = self.replay
        if not self.schedule.at:
            settings.ClearField("snr_schedule")
        return channel_service_pb2.Link(name=request.name, settings=settings)

    async def CompleteInstances(self, request, timeout):
        self.completed += request.instances

    async def Check(self, request, timeout):
        if self.error:
            raise self.error
        return health_pb2.HealthCheckResponse(status=self.health)


def rpc_error(status, error=None):
    trailer = grpc.aio.Metadata(*to_trailer(error)) if error else grpc.aio.Metadata()
    return grpc.aio.AioRpcError(status, grpc.aio.Metadata(), trailer, "details")


def unavailable():
    return rpc_error(grpc.StatusCode.UNAVAILABLE)


class Gateway:
    """One request at a time against a fresh app; keeps the fakes for inspection."""

    def __init__(self, channel=None, systems=None, max_upload_bytes=MAX_UPLOAD_BYTES, **limits):
        self.system, self.channel = PowerSystem(), channel or LoopbackChannel()
        self.systems = {"mfmsc": self.system} if systems is None else systems
        self.max_upload_bytes, self.limits = max_upload_bytes, Limits(**{**LIMITS, **limits})

    def build(self):
        self.service = TransmitterService(
            self.systems,
            self.channel,
            address="channel:1",
            weights_folder="weights",
            limits=self.limits,
        )
        return build_gateway(self.service, max_upload_bytes=self.max_upload_bytes)

    @contextlib.asynccontextmanager
    async def client(self):
        """An HTTP client of a fresh app, for several requests at a time."""
        transport = httpx.ASGITransport(self.build(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
        await self.service.close()

    def request(self, method, path, **options):
        async def call():
            async with self.client() as client:
                return await client.request(method, path, **options)

        return asyncio.run(call())

    def transmit(self, task, **options):
        params = {"task": task, **options.pop("params", {})}
        return self.request("POST", "/transmit", params=params, **options)


def refused(response, status, field=None, says=""):
    """Check an error's status, field and words; the error."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error.get("field") == field
    assert says in error["message"]
    return error
