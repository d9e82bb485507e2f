"""A frame's answer does not depend on the frames that are decoded with it."""

import numpy as np
import pytest

from shared.tasks import TASKS
from systems.base import Received
from systems.loading import load_receivers


def _frame(rng, num_tokens):
    shape = (num_tokens, 16)
    symbols = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    return Received(symbols.astype(np.complex64), np.full(shape, 0.1, np.float32))


@pytest.mark.parametrize("task", TASKS)
def test_answers_of_a_batch_are_those_of_its_frames_alone(tiny_weights, task):
    rng = np.random.default_rng(0)
    lengths = (4, 9, 1, 16) if TASKS[task].answer.sends_sequence else (1, 1, 1, 1)
    frames = [_frame(rng, num_tokens) for num_tokens in lengths]
    system = load_receivers(tiny_weights)["mfmsc"]
    together = system.decode(task, frames)
    for frame, batched in zip(frames, together, strict=True):
        (alone,) = system.decode(task, [frame])
        assert (batched.labels, batched.text) == (alone.labels, alone.text)
        assert dict(batched.scores) == pytest.approx(dict(alone.scores), abs=1e-4)
        if alone.image is not None:
            assert np.abs(batched.image.astype(int) - alone.image).max() <= 1
    assert len({str(answer) for answer in together}) > 1  # or nothing could have been mixed up
