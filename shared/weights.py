"""Weights on disk: a folder a system with one file for each end and a manifest.

weights/
    SYSTEM/, or SYSTEM-TASK/ of a system whose tasks are trained one by one
        manifest.json               system, tasks, labels, config, hashes, fingerprint, training
        transmitter.safetensors     one side each; large matrices as int8 rows with a float16 scale,
        receiver.safetensors        the rest as float16; a side without weights has no file
        vocab.txt                   word pieces, where text is among the modalities
    shared/
        HASH.safetensors            one tensor of a public model, which training left as it was

A shared tensor is stored once, whatever number of systems use it: its file is named by its own hash, and each
manifest names the file's hash.

The fingerprint is a hash over all that an answer depends on: every file, and the manifest's system, tasks,
labels and config. Every frame carries it, and a receiver with other weights refuses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn

from shared.errors import InvalidField

Side = Literal["transmitter", "receiver"]
"""Of a system; each service loads its own."""

MANIFEST_FILE = "manifest.json"
VOCABULARY_FILE = "vocab.txt"
SHARED_FOLDER = "shared"
_SHARED_TENSOR = "tensor"
_HASH_DIGITS = 16
_SCALE_SUFFIX = ".row_scale"
_MIN_INT8_ELEMENTS = 1 << 16
_INT8_MAX = 127


@dataclass(frozen=True)
class Manifest:
    """What a folder of weights is.

    Attributes:
        system: Name of the system, a row of `systems.registry`.
        tasks: Trained tasks.
        labels: Labels of each labelling task, in the order of the head's outputs.
        config: What the system's sides are rebuilt from; its keys are the system's own, its values JSON.
        shared: For each side, the hash of the file of each shared tensor, by the tensor's name.
        sha256: Hash of each file of the folder, by name.
        fingerprint: Hash over all of the above.
        training: Command, data sets, steps, hours, commit: whatever the training wrote down.
    """

    system: str
    tasks: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    config: Mapping[str, Any]
    shared: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)


class Savable(Protocol):
    """A vocabulary."""

    def save(self, folder: Path) -> None:
        """Write the word pieces to the file VOCABULARY_FILE of a folder."""


def save_weights(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[Side, nn.Module],
    vocabulary: Savable | None,
    *,
    shared: Mapping[Side, Collection[str]] | None = None,
) -> Manifest:
    """Write both sides, and the manifest last, so that a broken save is never taken for weights.

    Args:
        folder: Where the weights go; shared tensors go to the folder "shared" beside it.
        manifest: Without hashes.
        networks: By side; a side may be absent or hold no tensors, and then has no file.
        vocabulary: Word pieces; None without text.
        shared: For each side, the names of the tensors that other systems may hold as well.

    Returns:
        The manifest with its hashes.

    Raises:
        InvalidField: If a side has no tensor of a name in `shared`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    shared_hashes: dict[Side, dict[str, str]] = {}
    for side, module in networks.items():
        state = module.state_dict()
        wanted = (shared or {}).get(side, ())
        if missing := [name for name in wanted if name not in state]:
            raise InvalidField("shared", ", ".join(missing), f"names of tensors of the {side}")
        if wanted:
            shared_hashes[side] = {name: _save_shared(folder, state.pop(name)) for name in wanted}
        if state:
            save_file(_compress(state), _side_path(folder, side))
            names.append(_side_path(folder, side).name)
    if vocabulary is not None:
        vocabulary.save(folder)
        names.append(VOCABULARY_FILE)
    hashes = {name: _sha256(folder / name) for name in names}
    complete = replace(manifest, sha256=hashes, shared=shared_hashes)
    complete = replace(complete, fingerprint=fingerprint_of(complete))
    (folder / MANIFEST_FILE).write_text(json.dumps(asdict(complete), indent=2) + "\n", encoding="utf-8")
    return complete


def _save_shared(folder: Path, tensor: Tensor) -> str:
    """Write a shared tensor where it is not there yet; the hash of its file."""
    content = save(_compress({_SHARED_TENSOR: tensor}))
    digest = hashlib.sha256(content).hexdigest()
    path = _shared_path(folder, digest)
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_bytes(content)
        partial.rename(path)
    return digest


def load_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest.

    Raises:
        InvalidField: If it is missing, not of this shape, or was changed.
    """
    path = folder / MANIFEST_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["tasks"] = tuple(fields["tasks"])
        fields["labels"] = {task: tuple(names) for task, names in fields["labels"].items()}
        manifest = Manifest(**fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidField(
            "weights", folder.name, f"a folder with a readable {MANIFEST_FILE} ({error})"
        ) from error
    if manifest.fingerprint != fingerprint_of(manifest):
        allowed = f"a {MANIFEST_FILE} as it was written: fingerprint {manifest.fingerprint} is of another"
        raise InvalidField("weights", folder.name, allowed)
    return manifest


def load_network(folder: Path, side: Side, module: nn.Module, manifest: Manifest) -> None:
    """Load one side's weights into its network, and check that it is the file the manifest speaks of.

    Raises:
        InvalidField: If a file is missing, was changed, or does not fit the network.
    """
    try:
        module.load_state_dict(load_state(folder, side, manifest))
    except RuntimeError as error:
        raise InvalidField("weights", side, f"tensors of the network of {manifest.system}") from error


def load_state(folder: Path, side: Side, manifest: Manifest) -> dict[str, Tensor]:
    """One side's tensors by name, shared ones included, as float32; none where the side has no weights.

    Raises:
        InvalidField: If a file is missing or was changed.
    """
    stored: dict[str, Tensor] = {}
    path = _side_path(folder, side)
    if path.name in manifest.sha256:
        stored |= load_file(_checked(path, manifest.sha256[path.name]))
    for name, digest in manifest.shared.get(side, {}).items():
        tensors = load_file(_checked(_shared_path(folder, digest), digest))
        stored |= {name + key.removeprefix(_SHARED_TENSOR): tensor for key, tensor in tensors.items()}
    return _expand(stored)


def find_vocabulary(folder: Path, manifest: Manifest) -> Path | None:
    """The file of word pieces, checked to be the one the manifest speaks of; None without text.

    Raises:
        InvalidField: If the file is missing or was changed.
    """
    if VOCABULARY_FILE not in manifest.sha256:
        return None
    return _checked(folder / VOCABULARY_FILE, manifest.sha256[VOCABULARY_FILE])


def _checked(path: Path, sha256: str) -> Path:
    if not path.is_file() or _sha256(path) != sha256:
        raise InvalidField("weights", path.name, f"the file its {MANIFEST_FILE} was written for")
    return path


def find_weights(root: Path) -> dict[str, tuple[Path, ...]]:
    """Folders of weights of each system below `root`, by the system's name; none is no error.

    A system has several folders where its tasks were trained one by one.

    Raises:
        InvalidField: If two folders hold weights of one task of one system, or a manifest cannot be read.
    """
    folders: dict[str, tuple[Path, ...]] = {}
    holders: dict[tuple[str, str], str] = {}
    for path in sorted(root.glob(f"*/{MANIFEST_FILE}")):
        manifest, folder = load_manifest(path.parent), path.parent
        for task in manifest.tasks:
            other = holders.setdefault((manifest.system, task), folder.name)
            if other != folder.name:
                allowed = f"one folder of weights for task {task} of system {manifest.system}"
                raise InvalidField("weights", f"{other} and {folder.name}", allowed)
        folders[manifest.system] = (*folders.get(manifest.system, ()), folder)
    return folders


def join_manifests(manifests: Sequence[Manifest]) -> Manifest:
    """One manifest for the folders of one system; of a single folder it is that folder's own.

    The joint fingerprint is a hash of all of theirs, and the joint config holds their profiles.

    Args:
        manifests: One system's, each of other tasks; at least one.
    """
    if len(manifests) == 1:
        return manifests[0]
    fingerprints = "".join(sorted(manifest.fingerprint for manifest in manifests))
    profiles = dict.fromkeys(str(manifest.config.get("profile", "")) for manifest in manifests)
    return Manifest(
        system=manifests[0].system,
        tasks=tuple(task for manifest in manifests for task in manifest.tasks),
        labels={task: names for manifest in manifests for task, names in manifest.labels.items()},
        config={"profile": ", ".join(profiles)},
        fingerprint=hashlib.sha256(fingerprints.encode()).hexdigest()[:_HASH_DIGITS],
    )


def load_joint_manifest(folders: Sequence[Path]) -> Manifest:
    """The manifest of a system's folders, as `find_weights` gives them; see `join_manifests`.

    Raises:
        InvalidField: If one is missing, not of its shape, or was changed.
    """
    return join_manifests([load_manifest(folder) for folder in folders])


def _side_path(folder: Path, side: Side) -> Path:
    return folder / f"{side}.safetensors"


def _shared_path(folder: Path, sha256: str) -> Path:
    return folder.parent / SHARED_FOLDER / f"{sha256[:_HASH_DIGITS]}.safetensors"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint_of(manifest: Manifest) -> str:
    """16 hexadecimal digits over all that answers depend on: the hashes of all files, tasks, labels, config.

    That is the manifest without its fingerprint and training, as JSON with sorted keys and without spaces.
    """
    hashed = {
        name: value for name, value in asdict(manifest).items() if name not in ("fingerprint", "training")
    }
    canonical = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_HASH_DIGITS]


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
