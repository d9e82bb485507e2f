"""What a client of Locust does: it sends a request, and the next one when that is answered.

`bench.load` runs it and reads the file of outcomes, one JSON object a line.
"""

from __future__ import annotations

import base64
import json
import random
import time
from argparse import ArgumentParser
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events, task
from locust.env import Environment

_PAUSE_AFTER_FAILURE_S = 0.1
# Each is used once, so that it marks its request in the report store whatever identifier the instance gets.
_FRAME_NUMBERS = count(time.time_ns() // 1000)
_RNG = random.Random(1)


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser) -> None:
    """Options beside those of Locust."""
    parser.add_argument("--requests", type=Path, required=True, help="JSON file of what is sent")
    parser.add_argument("--outcomes", type=Path, required=True, help="file to write, a line a request")
    parser.add_argument("--window-s", type=float, help="ends so long after as many answers as clients")
    parser.add_argument("--patience-s", type=float, help="a client's own; longer than the service may take")
    parser.add_argument("--numbered", action="store_true", help="give each request a frame number")


@events.test_start.add_listener
def open_file(environment: Environment, **_: Any) -> None:
    """Read the requests, and note every outcome."""
    options: Any = environment.parsed_options
    Client.requests = json.loads(options.requests.read_text())
    Client.network_timeout = Client.connection_timeout = options.patience_s
    Client.is_numbered = options.numbered
    file = options.outcomes.open("w", buffering=1)

    def note(
        name: str, response_time: float, start_time: float, response: Any, context: Any, **_: Any
    ) -> None:
        status = response.status_code
        answer = json.loads(response.content) if status == 200 else {}
        own = {"name": name, "started_s": start_time, "duration_s": response_time / 1e3, "status": status}
        file.write(json.dumps({**own, "instance_id": answer.get("instance_id", ""), **context}) + "\n")
        if options.window_s is not None and environment.stats.num_requests == options.num_users:
            gevent.spawn_later(options.window_s, environment.runner.quit)

    environment.events.request.add_listener(note)


class Client(FastHttpUser):
    """Sends requests in a random order; what takes long has its turn more rarely, so that all kinds come."""

    requests: list[dict[str, Any]]
    is_numbered: bool

    @task
    def send(self) -> None:
        """Send one request and wait for its answer."""
        (chosen,) = _RNG.choices(self.requests, [self._weight(own["name"]) for own in self.requests])
        number = next(_FRAME_NUMBERS) if self.is_numbered else None
        target = chosen["target"] if number is None else f"{chosen['target']}&frame_number={number}"
        body, context = base64.b64decode(chosen["body"]), {"frame_number": number}
        response = self.client.post(
            target, data=body, headers=chosen["headers"], name=chosen["name"], context=context
        )
        if response.status_code != 200:
            gevent.sleep(_PAUSE_AFTER_FAILURE_S)

    def _weight(self, name: str) -> float:
        return 1 / max(1.0, self.environment.stats.get(name, "POST").avg_response_time)
