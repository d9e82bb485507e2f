"""The semcom command over three real processes with tiny weights."""

import json
import os
import socket
import subprocess
import sys

import pytest

from semcom.demo import SAMPLES
from semcom.stack import Stack, StackError
from shared.ledger import HOPS

SEMCOM = (sys.executable, "-m", "semcom.cli")
PICTURE = SAMPLES.parent / "vqa" / "red_circle.png"
OVERHEAD = {"source_bytes", "real_values", "channel_uses", "num_pilots", "payload_bytes", "message_bytes"}


@pytest.fixture
def command(tiny_stack, semcom_of):
    """Runs `semcom ARGS` against services with tiny weights."""
    return lambda *args: semcom_of(tiny_stack, *args)


def test_send_json_prints_the_documented_fields(tiny_stack):
    question = "what color is the shape?"
    args = ("--text", question, "--image", str(PICTURE), "--snr-db", "-6", "--channel", "rayleigh", "--json")
    done = subprocess.run(
        [*SEMCOM, "send", "--task", "vqa", *args, "--seed", "5", "--frame-number", "9"],
        env={**os.environ, "SEMCOM_URL": tiny_stack.base_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
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


def test_a_link_set_by_the_command_holds_for_the_next_frame(command):
    assert command("link", "far", "--channel", "rician", "--snr-db=-3", "--k-factor-db", "4").returncode == 0
    shown = json.loads(command("link", "far", "--json").stdout)
    assert (shown["channel"], shown["snr_db"], shown["k_factor_db"]) == ("rician", -3, 4)
    sent = json.loads(command("send", "--task=sentiment", "--text", "x", "--link", "far", "--json").stdout)
    assert (sent["link"], sent["channel"], sent["snr_db"]) == ("far", "rician", -3)
    assert "far" in command("link").stdout


def test_reports_in_every_form(command):
    assert command("send", "--task", "sentiment", "--text", "good").returncode == 0
    for kind in ("overhead", "latency"):
        rows = json.loads(command("report", kind, "--format", "json", "--task", "sentiment").stdout)
        assert {row["task"] for row in rows} == {"sentiment"}
        csv = command("report", kind, "--format", "csv").stdout
        assert csv.startswith("task,system,")
        assert "sentiment" in command("report", kind).stdout


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
def test_bad_input_is_one_clear_line(command, args, named):
    done = command(*args)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr


def test_a_service_that_ends_is_reported_with_its_log(tiny_weights, tmp_path):
    loud = {"SEMCOM_LOG_LEVEL": "LOUD"}
    with pytest.raises(StackError, match=r"(?s)ended with status 2.*SEMCOM_LOG_LEVEL = 'LOUD'"):
        Stack.start(weights=tiny_weights, free_ports=True, run_folder=tmp_path, environment=loud)


def test_up_refuses_taken_ports(tiny_weights, semcom, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("SEMCOM_CHANNEL_HTTP_PORT", str(port))
        done = semcom("up", "--weights", str(tiny_weights))
    assert done.returncode == 1
    assert f"{port} (channel http)" in done.stderr
