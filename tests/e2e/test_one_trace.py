"""One request's id in the log lines of three real processes, also where requests share a batch."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TIMEOUT_S = 10.0


def send(stack, headers, task="sentiment"):
    url = f"{stack.base_url}/transmit"
    body = {"text": "a fine film"}
    return httpx.post(url, params={"task": task}, json=body, headers=headers, trust_env=False, timeout=60)


def events_of(stack, request_id):
    """The events of each service's log lines that carry an id."""
    found = {}
    for service in stack.services:
        lines = map(json.loads, service.log.read_text().splitlines())
        found[service.name] = {
            line["event"]
            for line in lines
            if request_id == line.get("request_id") or request_id in line.get("request_ids", ())
        }
    return found


def assert_logged(stack, request_id, expected):
    """The events of an id come to be those expected; services write a line after the answer has gone out."""
    deadline = time.monotonic() + TIMEOUT_S
    while events_of(stack, request_id) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert events_of(stack, request_id) == expected


EVERYWHERE = {
    "transmitter": {"transmit", "http"},
    "channel_service": {"rpc"},
    "receiver": {"instance", "rpc"},
}


def test_a_traceparent_is_found_in_all_services_and_in_the_answer(tiny_stack):
    response = send(tiny_stack, {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert response.status_code == 200, response.text
    assert response.json()["request_id"] == response.headers["x-request-id"] == TRACE
    assert_logged(tiny_stack, TRACE, EVERYWHERE)


def test_an_error_names_it_too(tiny_stack):
    response = send(tiny_stack, {"X-Request-Id": "refused-7"}, task="nope")
    assert (response.status_code, response.headers["x-request-id"]) == (404, "refused-7")
    assert_logged(
        tiny_stack, "refused-7", {"transmitter": {"http"}, "channel_service": set(), "receiver": set()}
    )


def test_requests_that_share_a_batch_keep_their_own(tiny_stack):
    names = [f"student-{number}" for number in range(24)]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: send(tiny_stack, {"X-Request-Id": name}), names))
    assert [answer.json()["request_id"] for answer in answers] == names
    for name in names:
        assert_logged(tiny_stack, name, EVERYWHERE)
    receiver = next(service for service in tiny_stack.services if service.name == "receiver")
    lines = [json.loads(line) for line in receiver.log.read_text().splitlines()]
    by_instance = {line["instance_id"]: line["request_id"] for line in lines if line["event"] == "instance"}
    assert all(
        by_instance[answer.json()["instance_id"]] == name for answer, name in zip(answers, names, strict=True)
    )
