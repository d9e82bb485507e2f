"""Weights on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from shared.errors import InvalidField
from shared.weights import (
    Manifest,
    find_weights,
    fingerprint_of,
    join_manifests,
    load_manifest,
    load_network,
    load_state,
    save_weights,
)
from systems.loading import load_receiver, load_transmitter
from systems.mfmsc.receiver import Receiver
from systems.mfmsc.transmitter import Transmitter

_PLAIN = Manifest("mfmsc", ("vqa",), {"vqa": ("a", "b")}, {"profile": "tiny", "words": {"vqa": ["a"]}})


def _networks() -> dict[str, nn.Module]:
    return {"transmitter": nn.Linear(512, 256), "receiver": nn.Linear(3, 2)}


def test_round_trip_rounds_little(tmp_path: Path) -> None:
    networks = _networks()
    manifest = save_weights(tmp_path, _PLAIN, networks, None)
    loaded = nn.Linear(512, 256)
    load_network(tmp_path, "transmitter", loaded, load_manifest(tmp_path))
    wanted = networks["transmitter"].weight
    assert (loaded.weight - wanted).abs().max() <= wanted.abs().max() / 127
    assert load_manifest(tmp_path) == manifest
    size = (tmp_path / "transmitter.safetensors").stat().st_size
    assert size < 512 * 256 * 1.1  # a byte a weight


def test_fingerprint_follows_either_side(tmp_path: Path) -> None:
    networks = _networks()
    first = save_weights(tmp_path, _PLAIN, networks, None).fingerprint
    assert save_weights(tmp_path, _PLAIN, networks, None).fingerprint == first
    torch.nn.init.zeros_(networks["receiver"].weight)
    assert save_weights(tmp_path, _PLAIN, networks, None).fingerprint != first


@pytest.mark.parametrize(
    "changes",
    [
        {"system": "other"},
        {"tasks": ("vqa", "sentiment")},
        {"labels": {"vqa": ("b", "a")}},
        {"config": {**_PLAIN.config, "words": {"vqa": ["b"]}}},
    ],
)
def test_fingerprint_follows_all_that_changes_answers(tmp_path: Path, changes: dict[str, Any]) -> None:
    networks = _networks()
    first = save_weights(tmp_path, _PLAIN, networks, None)
    assert save_weights(tmp_path, replace(_PLAIN, training={"hours": 1}), networks, None) == replace(
        first, training={"hours": 1}
    )
    assert save_weights(tmp_path, replace(_PLAIN, **changes), networks, None).fingerprint != first.fingerprint


def test_a_manifest_whose_labels_were_changed_is_refused(tmp_path: Path) -> None:
    save_weights(tmp_path, _PLAIN, _networks(), None)
    fields = json.loads((tmp_path / "manifest.json").read_text())
    fields["labels"]["vqa"].reverse()
    (tmp_path / "manifest.json").write_text(json.dumps(fields))
    with pytest.raises(InvalidField, match="as it was written"):
        load_manifest(tmp_path)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    manifest = save_weights(tmp_path, _PLAIN, _networks(), None)
    path = tmp_path / "receiver.safetensors"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InvalidField, match=r"receiver\.safetensors"):
        load_network(tmp_path, "receiver", nn.Linear(3, 2), manifest)


def test_systems_that_share_a_tensor_store_it_once(tmp_path: Path) -> None:
    public = torch.randn(300, 400, generator=torch.Generator().manual_seed(0))
    networks = {"one": nn.Linear(400, 300), "two": nn.Sequential(nn.Linear(400, 300))}
    names = {"one": "weight", "two": "0.weight"}
    manifests = {}
    for system, network in networks.items():
        network.load_state_dict({**network.state_dict(), names[system]: public})
        manifests[system] = save_weights(
            tmp_path / system,
            replace(_PLAIN, system=system),
            {"transmitter": network, "receiver": nn.Linear(3, 2)},
            None,
            shared={"transmitter": [names[system]]},
        )
    (stored,) = (tmp_path / "shared").iterdir()
    digest = hashlib.sha256(stored.read_bytes()).hexdigest()
    assert stored.stem == digest[:16]
    for system, network in networks.items():
        assert load_manifest(tmp_path / system) == manifests[system]
        assert manifests[system].shared == {"transmitter": {names[system]: digest}}
        assert (tmp_path / system / "transmitter.safetensors").stat().st_size < 5000  # the bias alone
        state = load_state(tmp_path / system, "transmitter", manifests[system])
        assert state.keys() == network.state_dict().keys()
        assert (state[names[system]] - public).abs().max() <= public.abs().max() / 127
    stored.write_bytes(stored.read_bytes()[:-1] + b"\0")
    with pytest.raises(InvalidField, match=stored.name):
        load_state(tmp_path / "one", "transmitter", manifests["one"])
    stored.unlink()
    with pytest.raises(InvalidField, match=stored.name):
        load_state(tmp_path / "two", "transmitter", manifests["two"])


def test_a_tensor_that_is_not_there_cannot_be_shared(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="bert"):
        save_weights(tmp_path, _PLAIN, _networks(), None, shared={"transmitter": ["bert"]})


@pytest.mark.parametrize("networks", [{}, {"transmitter": nn.ReLU(), "receiver": nn.ReLU()}])
def test_a_side_may_have_no_weights(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    manifest = save_weights(tmp_path, _PLAIN, {"transmitter": nn.Linear(3, 2), **networks}, None)
    assert "receiver.safetensors" not in manifest.sha256
    assert not (tmp_path / "receiver.safetensors").exists()
    load_network(tmp_path, "receiver", nn.ReLU(), manifest)
    with pytest.raises(InvalidField, match="receiver"):
        load_network(tmp_path, "receiver", nn.Linear(3, 2), manifest)


@pytest.mark.parametrize("loader", [Transmitter, Receiver])
def test_changed_word_pieces_are_refused(
    tiny_weights: Path, tmp_path: Path, loader: type[Transmitter] | type[Receiver]
) -> None:
    shutil.copytree(tiny_weights, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "mfmsc"
    pieces = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join(reversed(pieces)) + "\n")
    with pytest.raises(InvalidField, match=r"vocab\.txt"):
        loader.load(folder)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    manifest = save_weights(tmp_path, _PLAIN, _networks(), None)
    with pytest.raises(InvalidField, match="network of mfmsc"):
        load_network(tmp_path, "receiver", nn.Linear(4, 2), manifest)


@pytest.mark.parametrize("content", [None, "", "{}", '{"tasks": 1}', "[1]"])
def test_an_unreadable_manifest_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InvalidField, match="manifest"):
        load_manifest(tmp_path)


def test_each_end_loads_its_own_side_alone(tiny_weights: Path, tmp_path: Path) -> None:
    for side, loader in (("transmitter", Transmitter), ("receiver", Receiver)):
        shutil.copytree(tiny_weights, tmp_path / side)
        if side == "receiver":
            shutil.rmtree(tmp_path / side / "shared")
        folder = tmp_path / side / "mfmsc"
        other = "receiver" if side == "transmitter" else "transmitter"
        (folder / f"{other}.safetensors").unlink()
        loaded = loader.load(folder)
        assert loaded.fingerprint == load_manifest(tiny_weights / "mfmsc").fingerprint
        assert (loaded.name, loaded.profile) == ("mfmsc", "tiny")


@pytest.mark.parametrize("loader", [Transmitter, Receiver])
def test_a_side_takes_its_name_from_its_weights_and_needs_their_config(
    tiny_weights: Path, tmp_path: Path, loader: type[Transmitter] | type[Receiver]
) -> None:
    shutil.copytree(tiny_weights, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "mfmsc"
    held = load_manifest(folder)

    def load(**changes: Any) -> Transmitter | Receiver:
        changed = replace(held, **changes)
        changed = replace(changed, fingerprint=fingerprint_of(changed))
        (folder / "manifest.json").write_text(json.dumps(asdict(changed)))
        return loader.load(folder)

    assert load(system="twin").name == "twin"
    for config in ({}, {**held.config, "words": None}, {**held.config, "vocab_size": "many"}):
        with pytest.raises(InvalidField, match="profile, vocab_size and words"):
            load(config=config)


def test_folders_are_found(tiny_weights: Path, tmp_path: Path) -> None:
    assert find_weights(tiny_weights) == {"mfmsc": (tiny_weights / "mfmsc",)}
    assert find_weights(tmp_path) == {}
    for name in ("one", "two"):
        shutil.copytree(tiny_weights / "mfmsc", tmp_path / name)
    with pytest.raises(InvalidField, match="one and two"):
        find_weights(tmp_path)


def test_shipped_weights_fit_the_limit_and_hold_their_hashes() -> None:
    root = Path(__file__).parents[3] / "weights"
    folders = [folder for own in find_weights(root).values() for folder in own]
    if not folders:
        pytest.skip("no weights are shipped")
    assert sum(path.stat().st_size for path in root.rglob("*.safetensors")) <= 140_000_000
    for folder in folders:
        fields = json.loads((folder / "manifest.json").read_text())
        assert load_transmitter(folder).fingerprint == fields["fingerprint"]
        assert load_receiver(folder).fingerprint == fields["fingerprint"]


def test_a_system_may_have_a_folder_for_each_task(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    manifests = [
        save_weights(
            tmp_path / f"apart-{task}",
            Manifest(system="apart", tasks=(task,), labels={}, config={"profile": "tiny"}),
            {"receiver": network},
            None,
        )
        for task in ("sentiment", "vqa")
    ]
    found = find_weights(tmp_path)["apart"]
    assert [folder.name for folder in found] == ["apart-sentiment", "apart-vqa"]
    joint = join_manifests(manifests)
    assert joint.tasks == ("sentiment", "vqa")
    assert joint.fingerprint == join_manifests(manifests[::-1]).fingerprint
    assert joint.fingerprint not in {own.fingerprint for own in manifests}
    assert join_manifests(manifests[:1]) is manifests[0]
