"""The semcom command over three real processes with tiny weights."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from semcom.demo import SAMPLES
from semcom.stack import Stack, StackError
from shared.ledger import HOPS
from shared.tasks import TASKS

SEMCOM = (sys.executable, "-m", "semcom.cli")
PICTURE = SAMPLES.parent / "vqa" / "red_circle.png"
OVERHEAD = {"source_bytes", "real_values", "channel_uses", "num_pilots", "payload_bytes", "message_bytes"}


@pytest.fixture(scope="module")
def stack(tiny_weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    with Stack.start(weights=tiny_weights, free_ports=True, run_folder=folder) as started:
        yield started


def semcom(stack: Stack, *args: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SEMCOM_URL": stack.base_url, "SEMCOM_CHANNEL_URL": stack.channel_url}
    return subprocess.run(
        [*SEMCOM, *args], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_send_json_prints_the_documented_fields(stack):
    question = "what color is the shape?"
    args = ("--text", question, "--image", str(PICTURE), "--snr-db", "-6", "--channel", "rayleigh", "--json")
    done = semcom(stack, "send", "--task", "vqa", *args, "--seed", "5", "--frame-number", "9")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    sent = json.loads(done.stdout)
    assert (sent["task"], sent["system"], sent["channel"], sent["snr_db"]) == ("vqa", "mfmsc", "rayleigh", -6)
    assert (sent["requested_snr_db"], sent["seed"], sent["frame_number"]) == (-6, 5, 9)
    assert isinstance(sent["realised_snr_db"], float)
    assert sum(sent["answer"]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert sent["overhead"].keys() >= OVERHEAD
    assert sent["overhead"]["source_bytes"] == len(question) + PICTURE.stat().st_size
    assert sent["latency_ms"].keys() == set(HOPS)
    parts = sum(sent["latency_ms"][hop] for hop in HOPS if hop != "total")
    assert sent["latency_ms"]["total"] == pytest.approx(parts, rel=1e-6)


def test_the_same_frame_replays(stack):
    args = (
        "send",
        "--task",
        "sentiment",
        "--text",
        "a fine film",
        "--seed",
        "2",
        "--frame-number",
        "4",
        "--json",
    )
    first, second = (json.loads(semcom(stack, *args).stdout) for _ in range(2))
    assert first["answer"] == second["answer"]
    assert first["realised_snr_db"] == second["realised_snr_db"]
    assert first["instance_id"] != second["instance_id"]


def test_a_link_set_by_the_command_holds_for_the_next_frame(stack):
    assert (
        semcom(stack, "link", "far", "--channel", "rician", "--snr-db=-3", "--k-factor-db", "4").returncode
        == 0
    )
    shown = json.loads(semcom(stack, "link", "far", "--json").stdout)
    assert (shown["channel"], shown["snr_db"], shown["k_factor_db"]) == ("rician", -3, 4)
    sent = json.loads(
        semcom(stack, "send", "--task", "sentiment", "--text", "x", "--link", "far", "--json").stdout
    )
    assert (sent["link"], sent["channel"], sent["snr_db"]) == ("far", "rician", -3)
    assert "far" in semcom(stack, "link").stdout


def test_reports_in_every_form(stack):
    assert semcom(stack, "send", "--task", "sentiment", "--text", "good").returncode == 0
    for kind in ("overhead", "latency"):
        rows = json.loads(semcom(stack, "report", kind, "--format", "json", "--task", "sentiment").stdout)
        assert {row["task"] for row in rows} == {"sentiment"}
        csv = semcom(stack, "report", kind, "--format", "csv").stdout
        assert csv.startswith("task,system,")
        assert "sentiment" in semcom(stack, "report", kind).stdout


def test_tasks_are_listed(stack):
    assert {task["name"] for task in json.loads(semcom(stack, "tasks", "--json").stdout)} == set(TASKS)
    assert semcom(stack, "tasks").returncode == 0


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("send", "--task", "nope", "--text", "x"), "vqa"),
        (("send", "--task", "vqa", "--text", "x"), "image"),
        (("send", "--task", "sentiment", "--text", ""), "text"),
        (("send", "--task", "sentiment", "--text", "x", "--snr-db", "nan"), "snr_db"),
        (("send", "--task", "sentiment", "--text", "x", "--channel", "tin-can"), "rayleigh"),
        (("send", "--task", "vqa", "--text", "x", "--image", __file__), "PNG"),
        (("link", "--snr-db", "nan"), "snr_db"),
        (("link", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(stack, args, named):
    done = semcom(stack, *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr


def test_stop_ends_every_process_with_status_0(tiny_weights, tmp_path):
    with Stack.start(weights=tiny_weights, free_ports=True, run_folder=tmp_path) as stack:
        processes = [service.process for service in stack.services]
        assert all(process.poll() is None for process in processes)
    assert [process.poll() for process in processes] == [0, 0, 0]


def test_a_service_that_ends_is_reported_with_its_log(tiny_weights, tmp_path):
    loud = {"SEMCOM_LOG_LEVEL": "LOUD"}
    with pytest.raises(StackError, match=r"(?s)ended with status 2.*SEMCOM_LOG_LEVEL = 'LOUD'"):
        Stack.start(weights=tiny_weights, free_ports=True, run_folder=tmp_path, environment=loud)


def test_up_refuses_taken_ports(tiny_weights, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {**os.environ, "SEMCOM_CHANNEL_HTTP_PORT": str(port)}
        done = subprocess.run(
            [*SEMCOM, "up", "--weights", str(tiny_weights)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"{port} (channel http)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_serves_until_a_signal_and_leaves_nothing(tiny_weights, tmp_path, number):
    command = [*SEMCOM, "up", "--free-ports", "--weights", str(tiny_weights)]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            children = _children_once_ready(process)
        finally:
            process.send_signal(number)
            remaining, _ = process.communicate(timeout=60)
    assert process.returncode == 0, remaining
    assert "Traceback" not in remaining
    assert len(children) == 3
    assert not [pid for pid in children if is_alive(pid)]
    assert (tmp_path / "runs" / "semcom.sqlite3").exists()


def test_the_services_end_with_their_parent_even_where_it_is_killed(tiny_weights, tmp_path):
    command = [*SEMCOM, "up", "--free-ports", "--weights", str(tiny_weights)]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        children = _children_once_ready(process)
        assert all(map(is_running, children))
        process.kill()
    deadline = time.monotonic() + 60.0
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(children) == 3
    assert not [pid for pid in children if is_running(pid)]


def is_running(pid: int) -> bool:
    """Whether the process does anything yet: one that waits for its exit status to be read does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _children_once_ready(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    lines = []
    while not lines or (lines[-1] and not lines[-1].startswith("Ready")):
        lines.append(process.stdout.readline())
    assert lines[-1], "".join(lines)
    url = next(line.split()[1] for line in lines if line.startswith("transmitter"))
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]
