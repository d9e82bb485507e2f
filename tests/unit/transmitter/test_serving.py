"""Many clients at a time: what waits goes together, what is too much is refused, what is late is dropped."""

import asyncio
import threading
import time

import pytest
from gateway_fakes import Gateway, LoopbackChannel, PowerSystem, refused, rpc_error, unavailable

from protos.semcom.v1 import channel_service_pb2, frame_pb2
from shared.errors import FrameLost, InvalidField, TooMany
from shared.runtime.rpc_errors import status_code
from transmitter import media, uploads


class GatedSystem(PowerSystem):
    """Encodes while its gate is open, and keeps the batches."""

    def __init__(self):
        super().__init__()
        self.gate, self.batches, self.begun = threading.Event(), [], threading.Event()

    def encode(self, task, sources, options):
        self.batches.append([source["text"] for source in sources])
        self.begun.set()
        assert self.gate.wait(60)
        return super().encode(task, sources, options)


class HangingChannel(LoopbackChannel):
    """Never answers, and keeps what became of its calls."""

    def __init__(self):
        super().__init__()
        self.reached, self.num_cancelled = asyncio.Event(), 0

    async def Relay(self, request, timeout):
        self.requests.append((request, timeout))
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.num_cancelled += 1
            raise


def post(client, text, **params):
    return client.post("/transmit", params={"task": "sentiment", **params}, json={"text": text})


async def until_waiting(client, num_waiting):
    """Wait until so many instances wait to be encoded."""
    while f"semcom_transmitter_encode_waiting {num_waiting}.0" not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.01)


async def behind_a_busy_encoder(gateway, client, *requests):
    """Responses to a first request and to all those that come while it is encoded."""
    tasks = [asyncio.create_task(post(client, "first"))]
    await asyncio.to_thread(gateway.system.begun.wait, 10)
    tasks += [asyncio.create_task(post(client, text, **params)) for text, params in requests]
    await until_waiting(client, len(requests))
    gateway.system.gate.set()
    return await asyncio.gather(*tasks)


def gated(channel=None, **limits):
    system = GatedSystem()
    # Time enough for the first score of a text, which imports a library.
    gateway = Gateway(channel, {"mfmsc": system}, **{"timeout_s": 60.0, "num_encoders": 1, **limits})
    gateway.system = system
    return gateway


def send_behind(gateway, *requests):
    async def test():
        async with gateway.client() as client:
            responses = await behind_a_busy_encoder(gateway, client, *requests)
            return responses, (await client.get("/metrics")).text

    return asyncio.run(test())


def test_what_waits_for_the_encoder_is_encoded_and_sent_together():
    gateway = gated()
    responses, metrics = send_behind(gateway, *((f"text {number}", {}) for number in range(8)))
    assert {response.status_code for response in responses} == {200}
    assert gateway.system.batches == [["first"], [f"text {number}" for number in range(8)]]
    assert [len(request.frames) for request in gateway.channel.requests] == [1, 8]
    ids = {response.json()["instance_id"] for response in responses}
    assert len(ids) == 9
    assert "semcom_transmitter_encode_batch_size_sum 9.0" in metrics
    assert "semcom_transmitter_relay_batch_size_count 2.0" in metrics


def test_each_task_system_link_and_setting_goes_by_itself():
    gateway = gated()
    kinds = [{}, {"task": "text_reconstruction"}, {"snr_db": 3}, {"link": "other"}, {"snr_db": 3}]
    responses, _ = send_behind(gateway, *(("x", kind) for kind in kinds))
    assert {response.status_code for response in responses} == {200}
    assert [len(batch) for batch in gateway.system.batches] == [1, 4, 1]
    sent = [(request.link, len(request.frames)) for request in gateway.channel.requests]
    assert sorted(sent) == [("default", 1), ("default", 1), ("default", 1), ("default", 2), ("other", 1)]


class CrowdedSystem(PowerSystem):
    """Notes how many batches are at work at a time."""

    def __init__(self, is_thread_safe):
        super().__init__()
        self.is_thread_safe, self.at_work, self.most = is_thread_safe, 0, 0
        self.lock = threading.Lock()

    def encode(self, task, sources, options):
        with self.lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        time.sleep(0.1)
        with self.lock:
            self.at_work -= 1
        return super().encode(task, sources, options)


@pytest.mark.parametrize(("is_thread_safe", "most"), [(True, 2), (False, 1)])
async def test_only_a_thread_safe_system_encodes_several_batches_at_a_time(is_thread_safe, most):
    system = CrowdedSystem(is_thread_safe)
    async with Gateway(systems={"mfmsc": system}, num_encoders=2, timeout_s=60.0).client() as client:
        rebuilt = {"task": "text_reconstruction"}
        kinds = [{}, rebuilt, {**rebuilt, "symbols_per_token": 8}]
        returned = await asyncio.gather(*[post(client, "x", **kind) for kind in kinds])
    assert {response.status_code for response in returned} == {200}
    assert system.most == most


class RefusingChannel(LoopbackChannel):
    """Refuses requests with a frame of number 13, and loses frames above 100."""

    async def Relay(self, request, timeout):
        numbers = [frame.frame_number for frame in request.frames]
        if 13 in numbers:
            self.requests.append(request)
            raise rpc_error_of(InvalidField("frames[1].symbols", "nan", "finite numbers"))
        if all(number > 100 for number in numbers):
            raise rpc_error_of(FrameLost("default", numbers))
        return await super().Relay(request, timeout)

    def answer(self, request, frame):
        if frame.frame_number > 100:
            state = frame_pb2.ChannelState(link="default", frame_number=frame.frame_number, lost=True)
            return channel_service_pb2.InstanceResult(state=state)
        return super().answer(request, frame)


def rpc_error_of(error):
    return rpc_error(status_code(error), error)


def test_a_refused_frame_fails_alone_and_the_others_take_the_place_of_their_first_try():
    gateway = gated(RefusingChannel())
    responses, _ = send_behind(gateway, *(("x", {"frame_number": number}) for number in (12, 13, 14)))
    assert [response.status_code for response in responses] == [200, 200, 422, 200]
    assert [response.json()["frame_number"] for response in (responses[1], responses[3])] == [12, 14]
    assert [request.resent for request in gateway.channel.requests[2:]] == [True, True, True]


@pytest.mark.parametrize("numbers", [(12, 101, 14), (101, 102)])
def test_a_lost_frame_is_its_own_clients_error(numbers):
    gateway = gated(RefusingChannel())
    responses, _ = send_behind(gateway, *(("x", {"frame_number": number}) for number in numbers))
    for number, response in zip(numbers, responses[1:], strict=True):
        if number < 100:
            assert response.json()["frame_number"] == number
        else:
            refused(response, 502, says=f"lost frame {number} on")


def test_a_receiver_without_room_is_not_asked_again():
    gateway = Gateway(LoopbackChannel(rpc_error_of(TooMany("requests to decode", 257, "at most 256"))))
    response = gateway.transmit("sentiment", json={"text": "x"})
    refused(response, 429, "requests to decode")
    assert response.headers["retry-after"] == "1"
    assert gateway.channel.tries == 1


async def test_beyond_the_limit_a_request_is_refused_before_its_body_is_read():
    gateway = gated(max_requests=2)
    num_read = 0

    async def body():
        nonlocal num_read
        num_read += 1
        yield b'{"text": "x"}'

    async with gateway.client() as client:
        tasks = [asyncio.create_task(post(client, "at work"))]
        await asyncio.to_thread(gateway.system.begun.wait, 10)
        tasks.append(asyncio.create_task(post(client, "waits")))
        await until_waiting(client, 1)
        headers = {"content-type": "application/json"}
        late = await client.post("/transmit?task=sentiment", content=body(), headers=headers)
        gateway.system.gate.set()
        answered = await asyncio.gather(*tasks)
        late, answered, after = late, answered, await post(client, "after")
    error = refused(late, 429, "requests")
    assert late.headers["retry-after"] == "1"
    assert num_read == 0
    assert error["allowed"] == "at most 2 at a time; try again later"
    assert [response.status_code for response in (*answered, after)] == [200, 200, 200]


class SlowUpload:
    """A request whose body begins, and goes on once it is let go."""

    def __init__(self, client, begins=b'{"text": '):
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        headers = {"content-type": "application/json"}
        sending = client.post("/transmit?task=sentiment", content=self.body(begins), headers=headers)
        self.answering = asyncio.create_task(sending)

    async def body(self, begins):
        yield begins
        self.begun.set()
        await self.goes_on.wait()
        yield b'"x"}'


async def test_slow_uploads_keep_nobody_out():
    async with Gateway(max_requests=2).client() as client:
        slow = [SlowUpload(client) for _ in range(5)]
        await asyncio.gather(*(upload.begun.wait() for upload in slow))
        quick = await post(client, "quick")
        for upload in slow[:2]:
            upload.goes_on.set()
        answered = await asyncio.gather(*(upload.answering for upload in slow[:2]))
        for upload in slow[2:]:
            upload.answering.cancel()
        returned = [response.status_code for response in (quick, *answered)]
    assert returned == [200, 200, 200]


async def test_slow_uploads_hold_no_more_bytes_than_full_places_would():
    async with Gateway(max_requests=1, max_upload_bytes=100).client() as client:
        first, second = SlowUpload(client, b" " * 60), SlowUpload(client, b" " * 60)
        refusal = await second.answering
        first.answering.cancel()
        await asyncio.gather(first.answering, return_exceptions=True)
        refusal, after = refusal, await post(client, "x" * 50)
    refused(refusal, 429, "bytes of requests")
    assert refusal.headers["retry-after"] == "1"
    assert after.status_code == 200


async def test_after_its_time_a_request_is_answered_504_and_its_call_is_cancelled():
    gateway = Gateway(HangingChannel())
    async with gateway.client() as client:
        response = await post(client, "x", timeout_s=0.2)
        await asyncio.sleep(0)
        channel, response = gateway.channel, response
    refused(response, 504, says="within 0.2 s")
    ((_, timeout),) = channel.requests
    assert 0 < timeout <= 0.2
    assert channel.num_cancelled == 1


async def test_what_is_late_leaves_the_queue_and_is_not_encoded():
    gateway = gated()
    async with gateway.client() as client:
        first = asyncio.create_task(post(client, "first"))
        await asyncio.to_thread(gateway.system.begun.wait, 10)
        late = await post(client, "late", timeout_s=0.05)
        gateway.system.gate.set()
        system, late, first = gateway.system, late, await first
    assert (late.status_code, first.status_code) == (504, 200)
    assert system.batches == [["first"]]


async def test_a_client_that_leaves_is_not_worked_for():
    gateway = Gateway(HangingChannel())
    async with gateway.client() as client:
        request = asyncio.create_task(leaving_client(gateway, client))
        await request
        await asyncio.sleep(0)
        channel, metrics = gateway.channel, (await client.get("/metrics")).text
    assert channel.num_cancelled == 1
    assert 'status="499"' in metrics


async def leaving_client(gateway, client):
    """Sends a request, and disconnects when it has reached the channel."""
    app = client._transport.app
    messages = [{"type": "http.request", "body": b'{"text": "x"}', "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        await gateway.channel.reached.wait()
        return {"type": "http.disconnect"}

    async def send(_):
        pass

    scope = {
        "type": "http", "method": "POST", "path": "/transmit", "raw_path": b"/transmit", "root_path": "",
        "query_string": b"task=sentiment", "headers": [(b"content-type", b"application/json")],
        "scheme": "http", "server": ("test", 80), "client": ("test", 1), "http_version": "1.1",
    }  # fmt: skip
    await app(scope, receive, send)


class BreakingChannel(LoopbackChannel):
    """The connection breaks at the first try, maybe after the frame was stored."""

    async def Relay(self, request, timeout):
        self.tries += 1
        if self.tries == 1:
            self.first = channel_service_pb2.RelayRequest()
            self.first.CopyFrom(request)
            raise unavailable()
        return await super().Relay(request, timeout)


def test_a_second_try_is_the_same_instance_and_takes_the_firsts_place():
    gateway = Gateway(BreakingChannel())
    response = gateway.transmit("sentiment", json={"text": "x"})
    assert response.status_code == 200
    first, (second,) = gateway.channel.first, gateway.channel.requests
    assert (first.resent, second.resent) == (False, True)
    assert first.frames[0].instance_id == second.frames[0].instance_id == response.json()["instance_id"]


@pytest.mark.parametrize("timeout_s", ["0", "-1", "nan", "inf", "3601", "soon"])
def test_a_time_that_is_no_time_is_refused(timeout_s):
    response = Gateway().transmit("sentiment", params={"timeout_s": timeout_s}, json={"text": "x"})
    refused(response, 422, "timeout_s")


@pytest.mark.parametrize("blanks", [0, 60_000])
def test_megabytes_of_text_do_not_hold_up_the_other_requests(blanks, monkeypatch):
    """They are parsed and decoded beside the event loop; a short text is not worth a thread."""
    threads = {}

    def noting_thread(name, work):
        def noted(*arguments, **options):
            threads[name] = threading.current_thread()
            return work(*arguments, **options)

        return noted

    monkeypatch.setitem(media._DECODERS, "text", noting_thread("decode", media.decode_text))
    monkeypatch.setattr(uploads, "parse_qsl", noting_thread("parse", uploads.parse_qsl))
    response = Gateway().transmit("sentiment", data={"text": "x" + " " * blanks})
    assert response.status_code == 200
    is_at_once = [threads[name] is threading.main_thread() for name in ("parse", "decode")]
    assert is_at_once == [not blanks] * 2
