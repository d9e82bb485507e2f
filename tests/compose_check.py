"""Checks started containers from outside, with the standard library alone: python3 tests/compose_check.py

Every task over two systems; a second receiver that shares the work; each service killed under load and
started again; the books: every acknowledged instance once, after the containers were taken down and up again.

SEMCOM_COMPOSE names the compose command ("docker compose" where absent).
"""

import http.client
import json
import os
import shlex
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRANSMITTER = f"http://127.0.0.1:{os.environ.get('SEMCOM_TRANSMITTER_HTTP_PORT', '8000')}"
CHANNEL = f"http://127.0.0.1:{os.environ.get('SEMCOM_CHANNEL_HTTP_PORT', '8001')}"
COMPOSE = shlex.split(os.environ.get("SEMCOM_COMPOSE", "docker compose"))
# No call goes to a proxy that the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SERVICES = ("receiver", "channel_service", "transmitter")
ALLOWED_STATUSES = {0, 200, 429, 503, 504}  # 0: the transmitter itself is down
NUM_CLIENTS, READY_S, RECOVERY_S = 4, 180.0, 60.0
# The channel service connects anew each minute, and only then finds a receiver that was added.
SHARED_S = 150.0


def send(url, body=None, headers=None, timeout_s=60.0):
    """Status and JSON of a request; status 0 where nobody answered."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with OPENER.open(request, timeout=timeout_s) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)


def transmit(task, text=None, files=(), **query):
    """One instance by multipart."""
    boundary, parts = uuid.uuid4().hex, []
    for name, path in files:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{path.name}"\r\n\r\n'
        parts.append(head.encode() + path.read_bytes())
    if text is not None:
        parts.append(b'Content-Disposition: form-data; name="text"\r\n\r\n' + text.encode())
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    url = f"{TRANSMITTER}/transmit?{urllib.parse.urlencode({'task': task, **query})}"
    content_type = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return send(url, body + b"--%s--\r\n" % boundary.encode(), content_type)


def compose(*arguments):
    """Run the compose command; its output only where it fails."""
    done = subprocess.run([*COMPOSE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join([*COMPOSE, *arguments])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(what, check, limit_s):
    """Seconds until `check` holds."""
    started = time.monotonic()
    while not check():
        if time.monotonic() - started > limit_s:
            sys.exit(f"{what}: not within {limit_s:g} s")
        time.sleep(0.5)
    return time.monotonic() - started


def is_ready():
    """Whether the transmitter can serve, and so all three can."""
    return send(f"{TRANSMITTER}/readyz", timeout_s=5.0)[0] == 200


def send_sentiment():
    """A short instance; status and body."""
    return transmit("sentiment", text="a fine film", channel="awgn", snr_db=12)


def check_every_task():
    """The first sample of each task, by the default system and by the one with digital frames."""
    samples = json.loads((ROOT / "samples" / "samples.json").read_text())
    first = {sample["task"]: sample for sample in reversed(samples)}
    for task, sample in first.items():
        files = [(name, ROOT / "samples" / path) for name, path in sample.get("files", {}).items()]
        for system in ("mfmsc", "separate"):
            status, answer = transmit(
                task,
                sample.get("text"),
                files,
                system=system,
                channel="awgn",
                snr_db=18,
                seed=1,
                frame_number=1,
            )
            assert status == 200, (task, system, status, answer)
            assert answer["overhead"]["payload_bytes"] > 0, answer
            assert task != "vqa" or answer["answer"]["label"] == sample["truth"], answer
            print(f"{task} by {system}: {answer['overhead']['channel_uses']} channel uses", flush=True)


def receiver_counts():
    """Instances that each receiver has decoded."""
    code = (
        "import urllib.request as u; opener = u.build_opener(u.ProxyHandler({})); "
        "print(opener.open('http://127.0.0.1:8002/metrics').read().decode())"
    )
    counts = []
    for container in compose("ps", "-q", "receiver").split():
        shown = subprocess.run(
            ["docker", "exec", container, "python", "-c", code], capture_output=True, text=True, check=True
        ).stdout
        lines = [line for line in shown.splitlines() if line.startswith("semcom_receiver_instances_total")]
        counts.append(sum(float(line.split()[-1]) for line in lines))
    return counts


def check_two_receivers():
    """A second receiver is found, and takes a share of the work."""
    compose("up", "--detach", "--no-recreate", "--scale", "receiver=2")

    def both_work():
        for _ in range(10):
            send_sentiment()
        return min(receiver_counts()) > 0

    print(
        f"two receivers share the work after {wait_until('a share', both_work, SHARED_S):.0f} s", flush=True
    )


class Load:
    """Clients that send until they are stopped."""

    def __init__(self):
        self.statuses, self.acknowledged, self._stop = {}, [], threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(NUM_CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self):
        while not self._stop.is_set():
            status, answer = send_sentiment()
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200:
                self.acknowledged.append(answer["instance_id"])
            else:
                time.sleep(0.2)


def check_kills():
    """Each service is killed under load and started again; what was acknowledged meanwhile."""
    with Load() as load:
        for service in SERVICES:
            time.sleep(3.0)
            compose("kill", "-s", "SIGKILL", service)
            time.sleep(3.0)
            scale = ("--scale", "receiver=2")
            compose("up", "--detach", "--no-recreate", *scale)
            took = wait_until(f"{service} after its kill", is_ready, RECOVERY_S)
            print(f"{service} killed: ready {took:.1f} s after its start", flush=True)
        time.sleep(3.0)
    assert set(load.statuses) <= ALLOWED_STATUSES, load.statuses
    print(f"statuses under load: {load.statuses}", flush=True)
    return load.acknowledged


def stored_instances():
    """How often each instance is in the books with status OK."""
    counts, offset = {}, 0
    while True:
        status, rows = send(f"{CHANNEL}/reports/instances?status=OK&limit=1000&offset={offset}")
        assert status == 200, rows
        for row in rows:
            counts[row["instance_id"]] = counts.get(row["instance_id"], 0) + 1
        if len(rows) < 1000:
            return counts
        offset += 1000


def main():
    """All checks in turn."""
    wait_until("services", is_ready, READY_S)
    check_every_task()
    check_two_receivers()
    acknowledged = check_kills()
    before = stored_instances()
    compose("down")
    compose("up", "--detach")
    wait_until("services after down and up", is_ready, READY_S)
    after = stored_instances()
    assert before == after, (len(before), len(after))
    assert all(after.get(instance) == 1 for instance in acknowledged), len(acknowledged)
    print(f"{len(acknowledged)} acknowledged instances are in the books once each, of {len(after)} stored")


if __name__ == "__main__":
    main()
