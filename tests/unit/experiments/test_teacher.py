"""A teacher labels a training split out of fold, and a run learns from that beside the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_data import small_examples
from small_runs import QUIET, small_recipe, start_small
from torch.nn import functional as F
from transformers import BertConfig, BertModel, BertTokenizerFast
from typer.testing import CliRunner

from experiments.cli import app
from experiments.data.base import one_each
from experiments.teacher import Lessons, Opinions, teach
from experiments.training.checkpoints import export, load_checkpoint, save_checkpoint
from experiments.training.objectives import OBJECTIVES
from experiments.training.recipes import TaskRecipe
from experiments.training.train import train
from shared.errors import InvalidField
from shared.weights import load_manifest

pytestmark = pytest.mark.usefixtures("small_data")
_CPU = torch.device("cpu")
_RARE = [f"rare{number}" for number in range(48)]  # a word each


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT at random that knows the small data set's words and some others, in the Hugging Face layout."""
    folder = tmp_path_factory.mktemp("bert")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "bad", "film", ".", *_RARE]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


def _opinions(probability: float = 0.8) -> Opinions:
    """Of sentiment: so much for the wrong label."""
    examples = small_examples("sentiment", "train")
    wrong = 1 - np.eye(len(examples.labels), dtype=np.float32)[examples.targets]
    said = torch.from_numpy(np.where(wrong, probability, 1 - probability).astype(np.float32))
    return Opinions(examples.task, examples.dataset, said, {"encoder": "contrary"})


def test_a_teacher_learns_what_it_did_not_see(encoder: Path, tmp_path: Path) -> None:
    targets = np.random.default_rng(0).integers(0, 2, 96)
    texts = [
        f"a {('bad', 'good')[good]} film {_RARE[n % 48]} {_RARE[n // 48]}" for n, good in enumerate(targets)
    ]
    examples = replace(
        small_examples("sentiment", "train"), columns={"text": one_each(texts)}, targets=targets
    )
    steps: list[tuple[int, int]] = []
    lessons = Lessons(folds=2, epochs=30, batch=8, learning_rate=5e-3)
    opinions = teach(
        examples, encoder, lessons, device=_CPU, on_step=lambda done, of: steps.append((done, of))
    )
    assert opinions.probabilities.shape == (96, 2)
    torch.testing.assert_close(opinions.probabilities.sum(1), torch.ones(96))
    right = (opinions.probabilities.argmax(1).numpy() == examples.targets).mean()
    assert round(right, 4) == opinions.origin["accuracy"] > 0.9
    assert steps == [(number + 1, 360) for number in range(360)]  # 2 folds x 30 epochs x 48 / 8
    opinions.save(tmp_path / "told.safetensors")
    read = Opinions.load(tmp_path / "told.safetensors")
    assert (read.task, read.dataset, read.origin) == ("sentiment", "words", dict(opinions.origin))
    torch.testing.assert_close(read.probabilities, opinions.probabilities, atol=1e-3, rtol=0)


def test_no_text_is_labelled_by_who_learnt_from_it(encoder: Path) -> None:
    """Labels by chance cannot be known from other texts; whoever learnt from these would know nine in ten."""
    chance = np.tile(np.random.default_rng(0).integers(0, 2, len(_RARE)), 4)
    examples = replace(
        small_examples("sentiment", "train"), columns={"text": one_each(_RARE * 4)}, targets=chance
    )
    opinions = teach(examples, encoder, Lessons(folds=2, epochs=10, batch=8, learning_rate=1e-2), device=_CPU)
    assert opinions.origin["accuracy"] < 0.75


def test_targets_are_half_the_truth() -> None:
    examples = small_examples("sentiment", "train")
    both = _opinions(probability=0.8).beside_truth(examples)
    assert both.targets.shape == (96, 2)
    np.testing.assert_allclose(both.targets[np.arange(96), examples.targets], 0.6, atol=1e-6)
    np.testing.assert_allclose(both.targets.sum(1), 1, atol=1e-6)


def test_a_label_loss_takes_shares_of_classes() -> None:
    scores, shares = torch.tensor([[2.0, -1.0], [0.0, 1.0]]), torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    objective = OBJECTIVES["label"]
    recipe = TaskRecipe(steps=1, batch=2)
    by_hand = -(shares * F.log_softmax(scores, -1)).sum(1).mean()
    torch.testing.assert_close(objective.loss(scores, scores, (shares,), recipe), by_hand)
    assert float(objective.quality(scores, scores, (torch.tensor([[0.6, 0.4], [0.9, 0.1]]),))) == 0.5


def test_a_run_learns_from_a_teacher_and_says_so(tmp_path: Path) -> None:
    plain, taught = start_small(small_recipe(2)), start_small(small_recipe(2), teachers=[_opinions()])
    targets = taught.samplers["sentiment"].batch(0)[1][0]
    assert targets.shape == (8, 2)
    assert float(targets.max()) == pytest.approx(0.6)
    assert plain.samplers["sentiment"].batch(0)[1][0].shape == (8,)
    train(taught, tmp_path / "run", QUIET)
    export(taught, tmp_path / "weights")
    assert load_manifest(tmp_path / "weights").training["teachers"] == {"sentiment": {"encoder": "contrary"}}


def test_a_run_goes_on_only_with_its_teacher(tmp_path: Path) -> None:
    save_checkpoint(start_small(small_recipe(), teachers=[_opinions()]), tmp_path)
    load_checkpoint(start_small(small_recipe(), teachers=[_opinions()]), tmp_path)
    with pytest.raises(InvalidField, match=r"teacher.*contrary"):
        load_checkpoint(start_small(small_recipe()), tmp_path)


def test_opinions_of_another_split_are_refused() -> None:
    opinions = _opinions()
    fewer = Opinions(opinions.task, opinions.dataset, opinions.probabilities[:50], opinions.origin)
    with pytest.raises(InvalidField, match=r"shape \(50, 2\).*sentiment on words, shape \(96, 2\)"):
        start_small(small_recipe(), teachers=[fewer])
    with pytest.raises(InvalidField, match=r"movie_genres.*a task of the run: sentiment"):
        start_small(
            small_recipe(),
            teachers=[Opinions("movie_genres", "films", opinions.probabilities, opinions.origin)],
        )


def test_the_command_writes_what_train_takes(encoder: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.safetensors"
    arguments = ["--task", "sentiment", "--encoder", str(encoder), "--output", str(told)]
    found = CliRunner().invoke(app, ["teach", *arguments, "--folds", "2", "--epochs", "1"])
    assert found.exit_code == 0, found.output
    assert Opinions.load(told).origin["lessons"]["folds"] == 2


@pytest.mark.parametrize("task", ["image_classification", "text_reconstruction"])
def test_who_has_no_labels_or_no_text_has_no_teacher(task: str, encoder: Path) -> None:
    with pytest.raises(InvalidField, match="task"):
        teach(small_examples(task, "train"), encoder, Lessons(), device=_CPU)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match=r"encoder.*Hugging Face"):
        teach(small_examples("sentiment", "train"), tmp_path, Lessons(), device=_CPU)
    (tmp_path / "told.safetensors").write_bytes(b"nothing")
    with pytest.raises(InvalidField, match=r"semcom teach"):
        Opinions.load(tmp_path / "told.safetensors")
    with pytest.raises(InvalidField, match=r"semcom teach"):
        Opinions.load(tmp_path / "none")
