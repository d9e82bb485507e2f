"""A run starts from a BERT on disk: its layers arrive where they belong, one that does not fit is named."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from small_runs import start_small
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from experiments.training.checkpoints import load_checkpoint, save_checkpoint
from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.run import Run, start_run
from experiments.training.warm_start import find_minilm
from shared.errors import InvalidField
from shared.weights import VOCABULARY_FILE
from systems.layers.layers import Tokens
from systems.layers.profiles import get_profile
from systems.layers.text import SPECIAL

_TINY = get_profile("tiny")
_PIECES = [*SPECIAL, "a", "good", "bad", "film", "is", "the", "shape", "red", "green", "blue", "?", "."]
_NUM_LAYERS = 8
"""More than the fusion's 6 and the text encoder's 2."""


def _save_bert(folder: Path, **changes: int) -> Path:
    sizes = {
        "vocab_size": len(_PIECES),
        "hidden_size": _TINY.width,
        "intermediate_size": _TINY.ffn_width,
        "num_hidden_layers": _NUM_LAYERS,
        "num_attention_heads": _TINY.num_heads,
    }
    torch.manual_seed(1)
    bert = BertModel(BertConfig(**{**sizes, **changes}))
    for parameter in bert.parameters():  # norms too, which all start alike
        parameter.data += 0.1 * torch.rand_like(parameter)
    bert.save_pretrained(folder)
    (folder / VOCABULARY_FILE).write_text("\n".join(_PIECES) + "\n")
    return folder


def _start(folder: Path) -> Run:
    recipe = Recipe({task: TaskRecipe(steps=1, batch=4) for task in ("sentiment", "vqa")})
    return start_run("mfmsc", _TINY, recipe, seed=0, device=torch.device("cpu"), minilm=folder)


@pytest.mark.usefixtures("small_data")
def test_the_layers_arrive_in_text_encoder_and_fusion(tmp_path: Path) -> None:
    folder = _save_bert(tmp_path)
    bert, run = BertModel.from_pretrained(folder).state_dict(), _start(folder)
    assert run.vocabulary.pieces == tuple(_PIECES)
    arrived = run.system.transmitter.state_dict()
    parts = {"encoders.text.bert.": "", "fusion.layers.encoder.": "encoder."}
    for part, origin in parts.items():
        own = {name.removeprefix(part): value for name, value in arrived.items() if name.startswith(part)}
        assert own
        for name, value in own.items():
            begins_small = part.startswith("fusion") and "output" in name
            assert torch.equal(value, bert[origin + name]) != begins_small, part + name
    held = {part: {n for n in arrived if n.startswith(part) and ".layer." in n} for part in parts}
    num_tensors_a_layer = sum(name.startswith("encoder.layer.0.") for name in bert)
    assert [len(names) // num_tensors_a_layer for names in held.values()] == [
        _TINY.text_layers,
        _TINY.fusion_layers,
    ]


@pytest.mark.usefixtures("small_data")
def test_the_fusion_begins_as_a_mean_of_the_tokens(tmp_path: Path) -> None:
    """Its layers hardly move a token at first: what the encoders tell apart, their mean does too."""
    fusion = _start(_save_bert(tmp_path)).system.transmitter.fusion.eval()
    generator = torch.Generator().manual_seed(0)
    tokens = F.layer_norm(torch.randn(2, 9, _TINY.width, generator=generator), [_TINY.width])
    with torch.no_grad():
        moved = fusion.layers(Tokens(tokens, torch.ones(2, 9, dtype=torch.bool)))
    assert not torch.equal(moved, tokens)
    assert F.cosine_similarity(moved, tokens, dim=-1).min() > 0.98


@pytest.mark.usefixtures("small_data")
@pytest.mark.parametrize(
    ("size", "given", "wanted"),
    [
        ("hidden_size", 96, 48),
        ("intermediate_size", 96, 192),
        ("num_attention_heads", 6, 12),
        ("max_position_embeddings", 64, 512),
        ("num_hidden_layers", 4, 6),
    ],
)
def test_a_bert_that_does_not_fit_is_refused_by_its_size(
    tmp_path: Path, size: str, given: int, wanted: int
) -> None:
    with pytest.raises(InvalidField, match=f"minilm = '{size} {given}' .* {size} {wanted}"):
        _start(_save_bert(tmp_path, **{size: given}))


@pytest.mark.usefixtures("small_data")
def test_a_checkpoint_is_resumed_only_from_the_same_bert(tmp_path: Path) -> None:
    first = _start(_save_bert(tmp_path / "bert"))
    save_checkpoint(first, tmp_path)
    load_checkpoint(_start(tmp_path / "bert"), tmp_path)
    other = _start(_save_bert(tmp_path / "other", num_hidden_layers=_NUM_LAYERS + 1))
    for run in (other, start_small(first.recipe)):
        with pytest.raises(InvalidField, match=r"the same pretrained\b"):
            load_checkpoint(run, tmp_path)


def test_the_folder_is_the_given_one_if_it_holds_a_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="minilm"):
        find_minilm(tmp_path)
    assert find_minilm(_save_bert(tmp_path)) == tmp_path


def test_without_a_folder_the_installed_package_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        name = "vocab.txt"

        def locate(self) -> Path:
            return tmp_path / self.name

    def missing(package: str) -> None:
        raise PackageNotFoundError(package)

    _save_bert(tmp_path)
    monkeypatch.setattr("experiments.training.warm_start.files", lambda package: [Installed()])
    assert find_minilm(None) == tmp_path
    monkeypatch.setattr("experiments.training.warm_start.files", missing)
    with pytest.raises(InvalidField, match="pip install"):
        find_minilm(None)
