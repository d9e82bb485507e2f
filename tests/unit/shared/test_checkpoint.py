"""Weights on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from receiver.systems.mfmsc.receiver import Receiver
from shared.errors import InvalidField
from shared.weights import Manifest, find_weights, load_half, load_manifest, save_weights
from transmitter.systems.mfmsc.transmitter import Transmitter


def _halves() -> dict[str, nn.Module]:
    return {"transmitter": nn.Linear(512, 256), "receiver": nn.Linear(3, 2)}


def test_round_trip_rounds_little(tmp_path: Path) -> None:
    halves = _halves()
    manifest = save_weights(tmp_path, Manifest("mfmsc", "tiny", ("vqa",), {"vqa": ("a",)}, 1), halves, None)
    loaded = nn.Linear(512, 256)
    load_half(tmp_path, "transmitter", loaded, load_manifest(tmp_path))
    wanted = halves["transmitter"].weight
    assert (loaded.weight - wanted).abs().max() <= wanted.abs().max() / 127
    assert load_manifest(tmp_path) == manifest
    size = (tmp_path / "transmitter.safetensors").stat().st_size
    assert size < 512 * 256 * 1.1  # a byte a weight


def test_fingerprint_follows_either_half(tmp_path: Path) -> None:
    halves = _halves()
    plain = Manifest("mfmsc", "tiny", (), {}, 1)
    first = save_weights(tmp_path, plain, halves, None).fingerprint
    assert save_weights(tmp_path, plain, halves, None).fingerprint == first
    torch.nn.init.zeros_(halves["receiver"].weight)
    assert save_weights(tmp_path, plain, halves, None).fingerprint != first


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    manifest = save_weights(tmp_path, Manifest("mfmsc", "tiny", (), {}, 1), _halves(), None)
    path = tmp_path / "receiver.safetensors"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InvalidField, match=r"receiver\.safetensors"):
        load_half(tmp_path, "receiver", nn.Linear(3, 2), manifest)


@pytest.mark.parametrize("loader", [Transmitter, Receiver])
def test_changed_word_pieces_are_refused(
    tiny_weights: Path, tmp_path: Path, loader: type[Transmitter] | type[Receiver]
) -> None:
    folder = tmp_path / "mfmsc"
    shutil.copytree(tiny_weights / "mfmsc", folder)
    pieces = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join(reversed(pieces)) + "\n")
    with pytest.raises(InvalidField, match=r"vocab\.txt"):
        loader.load(folder)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    manifest = save_weights(tmp_path, Manifest("mfmsc", "tiny", (), {}, 1), _halves(), None)
    with pytest.raises(InvalidField, match="profile tiny"):
        load_half(tmp_path, "receiver", nn.Linear(4, 2), manifest)


@pytest.mark.parametrize("content", [None, "", "{}", '{"tasks": 1}', "[1]"])
def test_an_unreadable_manifest_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InvalidField, match="manifest"):
        load_manifest(tmp_path)


def test_each_end_loads_its_own_half_alone(tiny_weights: Path, tmp_path: Path) -> None:
    for half, loader in (("transmitter", Transmitter), ("receiver", Receiver)):
        folder = tmp_path / half
        shutil.copytree(tiny_weights / "mfmsc", folder)
        other = "receiver" if half == "transmitter" else "transmitter"
        (folder / f"{other}.safetensors").unlink()
        assert loader.load(folder).fingerprint == load_manifest(tiny_weights / "mfmsc").fingerprint


def test_folders_are_found(tiny_weights: Path, tmp_path: Path) -> None:
    assert find_weights(tiny_weights) == {"mfmsc": tiny_weights / "mfmsc"}
    assert find_weights(tmp_path) == {}
    for name in ("one", "two"):
        shutil.copytree(tiny_weights / "mfmsc", tmp_path / name)
    with pytest.raises(InvalidField, match="one and two"):
        find_weights(tmp_path)


def test_shipped_weights_fit_the_limit_and_hold_their_hashes() -> None:
    root = Path(__file__).parents[3] / "weights"
    folders = find_weights(root).values()
    if not folders:
        pytest.skip("no weights are shipped")
    assert sum(path.stat().st_size for path in root.rglob("*.safetensors")) <= 100 << 20
    for folder in folders:
        fields = json.loads((folder / "manifest.json").read_text())
        assert Transmitter.load(folder).fingerprint == fields["fingerprint"]
        assert Receiver.load(folder).fingerprint == fields["fingerprint"]
