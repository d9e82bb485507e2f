"""Systems made from MFMSC's network: what they send and refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from shared.errors import InvalidField
from shared.tasks import TASKS
from systems.base import Received
from systems.layers.profiles import get_profile
from systems.layers.text import Vocabulary
from systems.registry import get_system

_CHANNEL = Channel("awgn", "block", 40.0, seed=1)


def _wanted(task: str, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{modality: source[modality] for modality in TASKS[task].modalities} for source in sources]


def test_without_fusion_every_token_of_every_modality_is_sent(
    tiny_variants: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_variants, "mmsc")
    vocabulary = Vocabulary.load(tiny_variants / "mmsc", get_profile("tiny").max_text_tokens)
    options = get_system("mmsc").read_options("vqa", {})
    wanted = _wanted("vqa", sources)
    encoded = link.transmitter.encode("vqa", wanted, options)
    for source, instance in zip(wanted, encoded, strict=True):
        assert instance.symbols.shape == (4 * 4 + vocabulary.num_pieces(source["text"]), 16)
        assert np.mean(np.abs(instance.symbols) ** 2) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("system", "task"), [("mmsc", "sentiment"), ("mfsc", "vqa"), ("mfsc", "sentiment")])
def test_one_vector_costs_sixteen_channel_uses(
    system: str, task: str, tiny_variants: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_variants, system)
    (answers,) = link.send(task, _wanted(task, sources), [_CHANNEL], [0, 1])
    assert [answer.channel_uses for answer in answers] == [16, 16]


def test_tasks_and_shapes_that_are_not_served_are_refused(tiny_variants: Path) -> None:
    link = SemanticLink.load(tiny_variants, "mfsc")
    two_tokens = Received(np.zeros((2, 16), np.complex64), np.ones((2, 16), np.float32))
    with pytest.raises(InvalidField, match="one token for vqa"):
        link.receiver.decode("vqa", [two_tokens])
    scores = SemanticLink.load(tiny_variants, "mmsc").receiver.decode("vqa", [two_tokens])[0].scores
    assert sum(probability for _, probability in scores) == pytest.approx(1.0, abs=1e-5)
