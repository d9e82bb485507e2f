"""Weights on disk: a folder a system with one file for each end and a manifest.

weights/mfmsc/
    manifest.json               system, profile, tasks, labels, training, metrics, fingerprint
    transmitter.safetensors     one half each; large matrices as int8 rows with a float16 scale,
    receiver.safetensors        the rest as float16
    vocab.txt                   word pieces, where text is among the modalities

The fingerprint is a hash over all but the manifest: every frame carries it, and a receiver with other weights
refuses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shared.errors import InvalidField
from shared.networks.text import VOCABULARY_FILE, Vocabulary

Half = Literal["transmitter", "receiver"]
HALVES: tuple[Half, Half] = ("transmitter", "receiver")
MANIFEST_FILE = "manifest.json"
_SCALE_SUFFIX = ".row_scale"
_MIN_INT8_ELEMENTS = 1 << 16
_INT8_MAX = 127


@dataclass(frozen=True)
class Manifest:
    """What a folder of weights is.

    Attributes:
        system: Name of the system.
        profile: Name of the profile.
        tasks: Trained tasks.
        labels: Labels of each labelling task, in the order of the head's outputs.
        vocab_size: Word pieces; 1 without text.
        words: Of each task that answers with a transcript, all words of the transcripts it was trained on; a
            task without spells what it hears.
        fingerprint: Hash over the hashes of all files.
        sha256: Hash of each file, by name.
        training: Command, data sets, steps, hours, commit: whatever the training wrote down.
    """

    system: str
    profile: str
    tasks: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    vocab_size: int
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprint: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


def save_weights(
    folder: Path, manifest: Manifest, halves: Mapping[Half, nn.Module], vocabulary: Vocabulary | None
) -> Manifest:
    """Write both halves, and the manifest last, so that a broken save is never taken for weights.

    Returns:
        The manifest with its hashes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in halves.items():
        save_file(_compress(module.state_dict()), _half_path(folder, name))
    names = [_half_path(folder, name).name for name in HALVES]
    if vocabulary is not None:
        vocabulary.save(folder)
        names.append(VOCABULARY_FILE)
    hashes = {name: _sha256(folder / name) for name in names}
    complete = replace(manifest, sha256=hashes, fingerprint=fingerprint_of(hashes))
    (folder / MANIFEST_FILE).write_text(json.dumps(asdict(complete), indent=2) + "\n", encoding="utf-8")
    return complete


def load_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest.

    Raises:
        InvalidField: If it is missing or not of this shape.
    """
    path = folder / MANIFEST_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["tasks"] = tuple(fields["tasks"])
        for mapping in ("labels", "words"):
            fields[mapping] = {task: tuple(names) for task, names in fields.get(mapping, {}).items()}
        return Manifest(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidField(
            "weights", folder.name, f"a folder with a readable {MANIFEST_FILE} ({error})"
        ) from error


def load_half(folder: Path, half: Half, module: nn.Module, manifest: Manifest) -> None:
    """Load one half into its network, and check that it is the file the manifest speaks of.

    Raises:
        InvalidField: If the file is missing, was changed, or does not fit the network.
    """
    try:
        module.load_state_dict(load_state(folder, half, manifest))
    except RuntimeError as error:
        raise InvalidField("weights", half, f"tensors of this network, profile {manifest.profile}") from error


def load_state(folder: Path, half: Half, manifest: Manifest) -> dict[str, Tensor]:
    """One half's tensors by name, as float32.

    Raises:
        InvalidField: If the file is missing or was changed.
    """
    return _expand(load_file(_checked(_half_path(folder, half), manifest)))


def load_vocabulary(folder: Path, manifest: Manifest, max_tokens: int) -> Vocabulary | None:
    """Load the word pieces, and check that they are those the manifest speaks of; None without text.

    Raises:
        InvalidField: If the file is missing or was changed.
    """
    if VOCABULARY_FILE not in manifest.sha256:
        return None
    _checked(folder / VOCABULARY_FILE, manifest)
    return Vocabulary.load(folder, max_tokens)


def _checked(path: Path, manifest: Manifest) -> Path:
    if not path.is_file() or _sha256(path) != manifest.sha256.get(path.name):
        raise InvalidField("weights", path.name, f"the file its {MANIFEST_FILE} was written for")
    return path


def find_weights(root: Path) -> dict[str, Path]:
    """Folder of weights of each system below `root`, by the system's name; none is no error.

    Raises:
        InvalidField: If two folders hold weights of one system, or a manifest cannot be read.
    """
    folders: dict[str, Path] = {}
    for path in sorted(root.glob(f"*/{MANIFEST_FILE}")):
        system = load_manifest(path.parent).system
        if system in folders:
            both = f"{folders[system].name} and {path.parent.name}"
            raise InvalidField("weights", both, f"one folder of weights for system {system}")
        folders[system] = path.parent
    return folders


def _half_path(folder: Path, half: Half) -> Path:
    return folder / f"{half}.safetensors"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint_of(hashes: Mapping[str, str]) -> str:
    """16 hexadecimal digits over the hashes of all files, by name."""
    return hashlib.sha256("".join(hashes[name] for name in sorted(hashes)).encode()).hexdigest()[:16]


def _compress(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    stored: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            stored[name] = tensor.contiguous()
        elif tensor.ndim == 2 and tensor.numel() >= _MIN_INT8_ELEMENTS:
            scale = (tensor.abs().amax(1, keepdim=True) / _INT8_MAX).clamp_min(1e-7).half()
            stored[name] = (tensor / scale.float()).round().clamp(-_INT8_MAX, _INT8_MAX).to(torch.int8)
            stored[name + _SCALE_SUFFIX] = scale
        else:
            stored[name] = tensor.half().contiguous()
    return stored


def _expand(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if name.endswith(_SCALE_SUFFIX):
            continue
        scale = stored.get(name + _SCALE_SUFFIX)
        if scale is not None:
            state[name] = tensor.float() * scale.float()
        else:
            state[name] = tensor.float() if tensor.is_floating_point() else tensor
    return state
