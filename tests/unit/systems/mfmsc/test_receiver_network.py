"""Channel decoder and heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shared.errors import InvalidField, TaskNotTrained
from shared.weights import Manifest
from systems.base import Received
from systems.layers.patches import PATCH_SIZE
from systems.layers.profiles import get_profile
from systems.layers.text import SPECIAL, Vocabulary
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS
from systems.mfmsc.config import MfmscConfig
from systems.mfmsc.heads import WordHead
from systems.mfmsc.networks import ReceiverNetwork
from systems.mfmsc.receiver import Receiver

TINY = get_profile("tiny")
LABELS = {"vqa": ("yes", "no", "red"), "movie_genres": ("Drama", "Comedy")}
SHAPES = {
    "vqa": (1, (3,)),
    "movie_genres": (1, (2,)),
    "text_reconstruction": (7, (7, 11)),
    "speech_recognition": (9, (18, len(TRANSCRIPT_CHARACTERS))),
    "image_reconstruction": (64, (64, 3 * PATCH_SIZE**2)),
}


@pytest.mark.parametrize("task", list(SHAPES))
def test_scores(task: str) -> None:
    network = ReceiverNetwork(TINY, list(SHAPES), LABELS, vocab_size=11)
    num_tokens, shape = SHAPES[task]
    scores = network(task, torch.randn(2, num_tokens, 16, dtype=torch.complex64))
    assert scores.shape == (2, *shape)


class _Fixed(torch.nn.Module):
    def __init__(self, scores: Any) -> None:
        super().__init__()
        self.scores = torch.as_tensor(scores, dtype=torch.float32)

    def forward(self, task: str, x_hat: torch.Tensor) -> torch.Tensor:
        return self.scores


def _receiver(task: str, scores: Any) -> Receiver:
    vocabulary = Vocabulary([*SPECIAL, "hello", "world", "##s"], 32)
    manifest = Manifest("mfmsc", (task,), LABELS, MfmscConfig("tiny", len(vocabulary)).to_json())
    return Receiver(_Fixed(scores), manifest, vocabulary)  # type: ignore[arg-type]


def _received(symbols: np.ndarray) -> Received:
    return Received(symbols, np.ones(symbols.shape, np.float32))


def _frames(num_tokens: int) -> list[Received]:
    return [_received(np.zeros((num_tokens, 16), dtype=np.complex64))]


def test_label_with_probabilities() -> None:
    (answer,) = _receiver("vqa", [[0.0, np.log(3.0), 0.0]]).decode("vqa", _frames(1))
    assert answer.labels == ("no",)
    assert [label for label, _ in answer.scores] == ["no", "yes", "red"]
    assert answer.scores[0][1] == pytest.approx(0.6)


def test_every_label_above_one_half() -> None:
    (answer,) = _receiver("movie_genres", [[-0.1, 0.1]]).decode("movie_genres", _frames(1))
    assert answer.labels == ("Comedy",)


def test_halves_of_a_token_are_read_in_order_of_time() -> None:
    network = ReceiverNetwork(TINY, ["speech_recognition"], {}, vocab_size=1).eval()
    head = network.heads["speech_recognition"]
    head.linear.weight.data.zero_()
    torch.nn.init.orthogonal_(head.turn.weight)
    manifest = Manifest("mfmsc", ("speech_recognition",), {}, MfmscConfig("tiny", 0).to_json())
    receiver = Receiver(network, manifest, None)
    rng = np.random.default_rng(0)
    frames = [rng.normal(size=(n, 32)).astype(np.float32).view(np.complex64) for n in (3, 1, 3)]
    with torch.inference_mode():
        alone = [network("speech_recognition", torch.from_numpy(frame)[None])[0] for frame in frames]
    assert [len(scores) for scores in alone] == [6, 2, 6]
    answers = receiver.decode("speech_recognition", [_received(frame) for frame in frames])
    for answer, scores in zip(answers, alone, strict=True):
        (expected,) = _receiver("speech_recognition", scores[None]).decode("speech_recognition", _frames(1))
        assert answer.text == expected.text
    for scores in alone:  # nothing is common to both halves here, so the second denies what the first says
        torch.testing.assert_close(scores[0::2] + scores[1::2], 2 * head.linear.bias.expand_as(scores[0::2]))


def test_words_are_read_by_one_layer_at_first_and_may_be_read_by_two() -> None:
    head = WordHead(6, 9)
    tokens = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))
    scores = head(tokens)
    torch.testing.assert_close(scores, head.linear(tokens))
    torch.nn.functional.cross_entropy(scores.flatten(0, 1), torch.arange(6)).backward()
    assert head.bend.weight.grad.abs().sum() > 0  # it starts as zero, and yet it learns
    torch.nn.init.orthogonal_(head.bend.weight)
    opposite = head(tokens) + head(-tokens)
    assert (opposite - 2 * head.linear.bias).abs().max() > 0.1  # no one layer gives this


def test_text_leaves_marks_out() -> None:
    scores = np.eye(7)[[2, 4, 6, 5, 3]]  # [CLS] hello ##s world [SEP]
    (answer,) = _receiver("text_reconstruction", scores[None]).decode("text_reconstruction", _frames(5))
    assert answer.text == "hellos world"


def test_patches_become_a_picture() -> None:
    patches = torch.zeros(4, 3, PATCH_SIZE, PATCH_SIZE)
    patches[1, 0] = 1.0  # the second token is the upper right patch
    (answer,) = _receiver("image_reconstruction", patches.flatten(1)[None]).decode(
        "image_reconstruction", _frames(4)
    )
    assert answer.image is not None
    assert answer.image.shape == (8, 8, 3)
    assert (answer.image[:4, 4:] == [255, 0, 0]).all()
    assert not answer.image[4:].any()


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        ("vqa", (2, 16)),
        ("vqa", (1, 15)),
        ("image_reconstruction", (63, 16)),
        ("speech_recognition", (5000, 16)),
    ],
)
def test_a_false_shape_is_refused(tiny_weights: Path, task: str, shape: tuple[int, int]) -> None:
    receiver = Receiver.load(tiny_weights / "mfmsc")
    with pytest.raises(InvalidField, match="symbols.shape"):
        receiver.decode(task, [_received(np.zeros(shape, dtype=np.complex64))])


def test_an_untrained_task_is_refused() -> None:
    with pytest.raises(TaskNotTrained, match="semcom train"):
        _receiver("vqa", [[0.0]]).decode("sentiment", _frames(1))
