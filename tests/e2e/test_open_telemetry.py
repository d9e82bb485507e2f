"""OpenTelemetry's own instrumentation makes one trace of a request through all three processes."""

import os
import shutil
import sys
import time
from pathlib import Path

import httpx
import pytest

from semcom.stack import Stack

pytest.importorskip("opentelemetry.instrumentation", reason="needs pip install 'semcom[otel]'")

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPANS = {
    "transmitter": ("POST /transmit", "/semcom.v1.ChannelService/Relay"),
    "channel_service": ("/semcom.v1.ChannelService/Relay", "/semcom.v1.ReceiverService/Decode"),
    "receiver": ("/semcom.v1.ReceiverService/Decode",),
}
TIMEOUT_S = 30.0


def instrumented():
    """What `opentelemetry-instrument` sets for the processes that it starts."""
    import opentelemetry.instrumentation.auto_instrumentation as auto

    paths = [str(Path(auto.__file__).parent), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }


def spans_of(log):
    """Names of the spans of our trace in a service's log, which the exporter writes name first."""
    lines = [line.strip() for line in log.splitlines()]
    names = [line.removeprefix('"name": "').rstrip('",') for line in lines]
    ours = [index for index, line in enumerate(lines) if line == f'"trace_id": "0x{TRACE}",']
    # The name stands two lines above the trace's number.
    return {names[index - 2] for index in ours}


def test_one_trace_runs_through_all_services(tiny_weights, tmp_path):
    with Stack.start(
        weights=tiny_weights, free_ports=True, run_folder=tmp_path, environment=instrumented()
    ) as stack:
        response = httpx.post(
            f"{stack.base_url}/transmit",
            params={"task": "sentiment"},
            json={"text": "a fine film"},
            headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
            trust_env=False,
            timeout=60,
        )
        assert response.status_code == 200, response.text
        deadline = time.monotonic() + TIMEOUT_S
        for service, names in SPANS.items():
            log = tmp_path / f"{service}.log"
            while not set(names) <= spans_of(log.read_text()) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert set(names) <= spans_of(log.read_text()), log.read_text()[-2000:]


def test_the_command_of_the_documentation_is_there():
    folder = Path(sys.executable).parent
    assert shutil.which("opentelemetry-instrument", path=str(folder))
