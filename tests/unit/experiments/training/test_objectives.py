"""Targets and losses of every kind of answer, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from experiments.data.base import Instances, one_each
from experiments.training.objectives import OBJECTIVES, SpeechCode
from experiments.training.recipes import TaskRecipe
from shared.answers import ImageAnswer, LabelsAnswer, TextAnswer, TranscriptAnswer
from systems.layers.batch import Batch
from systems.layers.patches import patches_to_picture
from systems.layers.preprocessing import pixels_to_tensor

RECIPE = TaskRecipe(steps=1, batch=2)
CODE = SpeechCode(("<blank>", *"abc"), frames_per_token=4, steps_per_token=2)
ALL_SENT = torch.ones(2, 4, dtype=torch.bool)


def test_picture_targets_are_the_pictures_themselves() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    batch = Batch({"image": (pixels_to_tensor(pictures[:2]),)}, {"image": torch.tensor([0, 1, 1])})
    examples = Instances({"image": one_each(pictures)})
    (targets,) = OBJECTIVES[ImageAnswer].targets(examples, np.array([0, 1, 1]), batch, CODE)
    assert targets.shape == (3, 64, 48)
    for patches, picture in zip(targets, pictures[[0, 1, 1]], strict=True):
        np.testing.assert_allclose(patches_to_picture(patches).numpy() * 255, picture, atol=0.01)
    off = targets + torch.tensor([0.1, 0.1, 0.01])[:, None, None]
    loss = OBJECTIVES[ImageAnswer].loss(off, ALL_SENT, (targets,), RECIPE)
    assert float(loss) == pytest.approx(math.log(0.1**2 * 0.1**2 * 0.01**2) / 3, rel=1e-3)
    at_grey = torch.full_like(targets, 0.5)
    psnr_db = OBJECTIVES[ImageAnswer].quality(at_grey + 0.1, ALL_SENT, (at_grey,))
    assert float(psnr_db) == pytest.approx(20.0, rel=1e-4)


def test_text_targets_leave_padding_out() -> None:
    pieces, mask = torch.tensor([[5, 6, 7], [8, 0, 0]]), torch.tensor([[True] * 3, [True, False, False]])
    batch = Batch({"text": (pieces, mask)}, {"text": torch.tensor([0, 1])})
    examples = Instances({"text": one_each(["a b c", "d"])})
    (targets,) = OBJECTIVES[TextAnswer].targets(examples, np.array([0, 1]), batch, CODE)
    scores = torch.zeros(2, 3, 10)
    scores[1, 1:] = 1e3 * torch.eye(10)[9]  # what is said in the padding must not count
    loss = OBJECTIVES[TextAnswer].loss(scores, mask, (targets,), RECIPE)
    assert float(loss) == pytest.approx(math.log(10), rel=1e-5)
    right = torch.nn.functional.one_hot(pieces, 10).float()
    right[0, 0] = torch.eye(10)[1]
    assert float(OBJECTIVES[TextAnswer].quality(right, mask, (targets,))) == pytest.approx(3 / 4)


def _recording(num_frames: int) -> Batch:
    mask = torch.arange(8)[None] < num_frames
    return Batch({"audio": (torch.zeros(1, 8, 80), mask)}, {"audio": torch.tensor([0])})


def test_transcript_loss_is_that_of_every_path() -> None:
    """One token, "a": the paths aa, a_ and _a spell it; each of its halves says a and blank with one half."""
    recordings = one_each([np.zeros(8, np.float32)])
    examples = Instances({"audio": recordings}, ["a"])
    targets = OBJECTIVES[TranscriptAnswer].targets(examples, np.array([0]), _recording(num_frames=3), CODE)
    scores = torch.full((1, 2, len(CODE.characters)), -1e4)
    scores[..., [0, CODE.characters.index("a")]] = 0.0
    loss = OBJECTIVES[TranscriptAnswer].loss(scores, torch.ones(1, 1, dtype=torch.bool), targets, RECIPE)
    assert float(loss) == pytest.approx(-math.log(3 / 4), rel=1e-4)


def test_a_transcript_too_long_for_its_tokens_counts_nothing() -> None:
    recordings = one_each([np.zeros(8, np.float32)])
    examples = Instances({"audio": recordings}, ["aa"])
    targets = OBJECTIVES[TranscriptAnswer].targets(examples, np.array([0]), _recording(num_frames=3), CODE)
    scores = torch.zeros(1, 2, len(CODE.characters), requires_grad=True)
    loss = OBJECTIVES[TranscriptAnswer].loss(scores, torch.ones(1, 1, dtype=torch.bool), targets, RECIPE)
    assert float(loss.detach()) == 0.0


def test_present_labels_weigh_as_told() -> None:
    scores, targets = torch.zeros(1, 2), (torch.tensor([[1.0, 0.0]]),)
    plain = OBJECTIVES[LabelsAnswer].loss(scores, ALL_SENT, targets, RECIPE)
    weighed = OBJECTIVES[LabelsAnswer].loss(
        scores, ALL_SENT, targets, TaskRecipe(steps=1, batch=1, present_weight=3.0)
    )
    assert float(plain) == pytest.approx(math.log(2))
    assert float(weighed) == pytest.approx(2 * math.log(2))
    said = torch.tensor([[2.0, 2.0]])
    assert float(OBJECTIVES[LabelsAnswer].quality(said, ALL_SENT, targets)) == pytest.approx(2 / 3)
