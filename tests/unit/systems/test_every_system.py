"""What holds for every built-in system, and for each that is trained task by task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from shared.errors import TaskNotTrained
from shared.tasks import TASKS
from systems.base import Received
from systems.registry import SYSTEMS, get_system

_CHANNEL = Channel("awgn", "block", 40.0, seed=1)


@pytest.fixture(scope="module")
def links(tiny_systems: Path) -> dict[str, SemanticLink]:
    return {name: SemanticLink.load(tiny_systems, name) for name in SYSTEMS}


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_an_instance_does_not_depend_on_its_batch(
    system: str, links: dict[str, SemanticLink], sources: list[dict[str, Any]]
) -> None:
    link = links[system]
    for task in link.transmitter.tasks:
        wanted = [{modality: source[modality] for modality in TASKS[task].modalities} for source in sources]
        wanted = [{**own, "audio": own["audio"][:1600]} if "audio" in own else own for own in wanted]
        options = get_system(system).read_options(task, {})
        encoded = link.transmitter.encode(task, wanted, options)
        (together,) = link.send(task, wanted, [_CHANNEL], [0, 1], options)
        for number, source in enumerate(wanted):
            (symbols,) = link.transmitter.encode(task, [source], options)
            np.testing.assert_allclose(symbols.symbols, encoded[number].symbols, atol=1e-4)
            ((alone,),) = link.send(task, [source], [_CHANNEL], [number], options)
            answer, batched = alone.answer, together[number].answer
            assert (answer.labels, answer.text) == (batched.labels, batched.text)
            assert dict(answer.scores) == pytest.approx(dict(batched.scores), abs=1e-4)
            if answer.image is not None:
                assert np.abs(answer.image.astype(int) - batched.image).max() <= 1


@pytest.mark.parametrize("system", ["mfsc", "tdeepsc"])
def test_a_task_without_weights_is_refused_at_both_ends(system: str, links: dict[str, SemanticLink]) -> None:
    link = links[system]
    frame = Received(np.zeros((1, 16), np.complex64), np.ones((1, 16), np.float32))
    missing = set(TASKS) - set(link.transmitter.tasks)
    assert missing
    for task in missing:
        with pytest.raises(TaskNotTrained, match=task):
            link.receiver.decode(task, [frame])
        with pytest.raises(TaskNotTrained, match=task):
            link.transmitter.encode(task, [], {})
