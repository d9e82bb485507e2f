"""Three real processes and many clients: answers do not depend on company, deadlines hold for frozen ones."""

from __future__ import annotations

import base64
import io
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from semcom.stack import Stack
from shared.tasks import TASKS

_GRACE_S = 2.0


def _png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def _send(stack: Stack, task: str, number: int) -> dict[str, Any]:
    """Send the instance of a number over a Rayleigh link; texts differ in length: batches are padded."""
    fields: dict[str, Any] = {
        "text": (None, "what is it " * (1 + number % 7)),
        "image": ("p.png", _png(number)),
    }
    response = httpx.post(
        f"{stack.base_url}/transmit",
        params={"task": task, "channel": "rayleigh", "snr_db": 9, "seed": 3, "frame_number": number},
        files=[(name, fields[name]) for name in TASKS[task].modalities],
        trust_env=False,
        timeout=60,
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def _batches(stack: Stack, queue: str) -> tuple[float, float]:
    """Instances and batches that a queue of the transmitter has done."""
    lines = httpx.get(f"{stack.base_url}/metrics", trust_env=False).text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    name = f"semcom_transmitter_{queue}_batch_size"
    return float(values[f"{name}_sum"]), float(values[f"{name}_count"])


def _pixels(answer: dict[str, Any]) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(base64.b64decode(answer["image_png_base64"]))) as image:
        return np.asarray(image).astype(int)


@pytest.mark.parametrize(
    "task", ["sentiment", "vqa", "image_classification", "image_reconstruction", "text_reconstruction"]
)
def test_an_answer_does_not_depend_on_its_company(tiny_stack: Stack, task: str) -> None:
    numbers = list(range(24))
    alone = [_send(tiny_stack, task, number) for number in numbers]
    before = [_batches(tiny_stack, queue) for queue in ("encode", "relay")]
    with ThreadPoolExecutor(len(numbers)) as pool:
        together = list(pool.map(lambda number: _send(tiny_stack, task, number), numbers))
    for (num_done, num_batches), queue in zip(before, ("encode", "relay"), strict=True):
        instances, batches = _batches(tiny_stack, queue)
        assert instances - num_done == len(numbers)
        assert batches - num_batches < len(numbers)
    for one, other in zip(alone, together, strict=True):
        assert one["frame_number"] == other["frame_number"]
        assert one["realised_snr_db"] == pytest.approx(other["realised_snr_db"], abs=1e-3)
        for name in ("payload_bytes", "channel_uses", "source_bytes"):
            assert one["overhead"][name] == other["overhead"][name]
        if "image_png_base64" in one["answer"]:
            # Rounding to whole pixel values may fall to the other side.
            np.testing.assert_allclose(_pixels(one["answer"]), _pixels(other["answer"]), rtol=0, atol=1)
        elif "probabilities" in one["answer"]:
            assert one["answer"]["probabilities"] == pytest.approx(other["answer"]["probabilities"], abs=1e-4)
        else:
            assert one["answer"] == other["answer"]


@pytest.mark.parametrize("name", ["receiver", "channel_service"])
def test_a_frozen_service_costs_a_client_its_own_deadline_and_no_more(tiny_stack: Stack, name: str) -> None:
    (process,) = [service.process for service in tiny_stack.services if service.name == name]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        response = httpx.post(
            f"{tiny_stack.base_url}/transmit",
            params={"task": "sentiment", "timeout_s": 1},
            json={"text": "a fine film"},
            trust_env=False,
            timeout=60,
        )
        took_s = time.monotonic() - started
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert response.status_code == 504, response.text
    assert response.json()["error"]["type"] == "DeadlineExceeded"
    assert took_s < 1 + _GRACE_S
    assert _send(tiny_stack, "sentiment", 0)["answer"]
