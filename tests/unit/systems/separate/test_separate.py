"""The system of digital frames, both sides together: every task, outage, options and its clean model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from shared.errors import InvalidField, WeightsMismatch
from shared.scores import psnr_db
from shared.tasks import TASKS
from shared.weights import fingerprint_of, load_manifest
from systems.base import KnownLink, Received
from systems.layers.preprocessing import resize
from systems.loading import load_receiver
from systems.registry import get_system
from systems.separate.adaptation import load_table

_CLEAR = Channel("awgn", "block", 30.0, seed=1)
_SEVERE = Channel("awgn", "block", -15.0, seed=2)


@pytest.fixture(scope="module")
def link(tiny_systems: Path) -> SemanticLink:
    return SemanticLink.load(tiny_systems, "separate")


def _short(task: str, source: dict[str, Any]) -> dict[str, Any]:
    wanted = {modality: source[modality] for modality in TASKS[task].modalities}
    return {**wanted, "audio": source["audio"][:1600]} if "audio" in wanted else wanted


@pytest.mark.parametrize("task", list(TASKS))
def test_every_task_comes_across_a_clear_channel_and_is_an_outage_on_a_severe_one(
    task: str, link: SemanticLink, sources: list[dict[str, Any]]
) -> None:
    source = _short(task, sources[0])
    (clear,), (severe,) = link.send(task, [source], [_CLEAR, _SEVERE], [0])
    assert (clear.answer.outage, clear.answer.blocks_in_error) == (False, 0)
    assert severe.answer.outage
    lost = severe.answer
    match TASKS[task].answer.kind:
        case "label":
            names = [name for name, _ in lost.scores]
            assert lost.labels == (names[0],)
            assert [p for _, p in lost.scores] == [1 / len(names)] * len(names)
        case "labels":
            assert lost.labels == ()
        case "image":
            assert lost.image is not None
            assert clear.answer.image is not None
            assert (lost.image == 128).all()
            assert clear.answer.image.shape == lost.image.shape
        case _:
            assert lost.text == ""


def test_a_text_comes_back_as_it_was(link: SemanticLink) -> None:
    ((sent,),) = link.send("text_reconstruction", [{"text": "Grüße, 3 €!"}], [_CLEAR], [0])
    assert sent.answer.text == "Grüße, 3 €!"


def test_a_picture_is_better_at_higher_quality_and_takes_more_symbols(link: SemanticLink) -> None:
    ramp = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    psnrs, uses = [], []
    for quality in (10, 90):
        options = {"quality": quality}
        ((sent,),) = link.send("image_reconstruction", [{"image": ramp}], [_CLEAR], [0], options)
        assert sent.answer.image is not None
        psnrs.append(psnr_db(resize(ramp, sent.answer.image.shape[:2]), sent.answer.image))
        uses.append(sent.channel_uses)
    assert psnrs[0] < psnrs[1]
    assert uses[0] < uses[1]


@pytest.mark.parametrize(
    ("csi", "told"),
    [
        ("perfect", {}),
        ("none", {}),
        ("estimated", {"num_pilots": 4}),
        ("mismatched", {"csi_error_db": -10.0}),
    ],
)
def test_every_csi_mode_is_answered(csi: str, told: dict[str, Any], link: SemanticLink) -> None:
    channel = Channel("rayleigh", "block", 30.0, seed=4, **told)
    ((sent,),) = link.send("text_reconstruction", [{"text": "a film"}], [channel], [0], csi=csi)
    assert sent.answer.text == ("" if sent.answer.outage else "a film")
    assert sent.answer.outage == (csi == "none")


def test_what_came_across_is_used_where_the_other_modality_did_not(
    link: SemanticLink, sources: list[dict[str, Any]]
) -> None:
    (encoded,) = link.transmitter.encode(
        "vqa", [_short("vqa", sources[0])], get_system("separate").read_options("vqa", {})
    )
    symbols = encoded.symbols.copy()
    symbols[:, -100:] *= -1  # of the text, which is sent last
    frame = Received(symbols, np.full(symbols.shape, 0.01, np.float32))
    (answer,) = link.receiver.decode("vqa", [frame])
    assert answer.outage
    assert answer.blocks_in_error == 1
    # The clean model's answer, not the chance of an instance of which nothing came across.
    assert len({p for _, p in answer.scores}) > 1


def test_another_training_of_the_clean_model_is_refused(tiny_systems: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_systems, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "mfmsc" / "manifest.json"
    fields = json.loads(path.read_text())
    assert load_receiver(tmp_path / "separate").name == "separate"
    manifest = load_manifest(tmp_path / "mfmsc")
    changed = replace(manifest, config={**manifest.config, "words": {"speech_recognition": ["a"]}})
    path.write_text(json.dumps({**fields, "config": changed.config, "fingerprint": fingerprint_of(changed)}))
    with pytest.raises(WeightsMismatch):
        load_receiver(tmp_path / "separate")


@pytest.mark.parametrize(("model", "snr_db"), [("awgn", -6.0), ("awgn", 18.0), ("rayleigh", 18.0)])
def test_auto_sends_what_the_table_says_for_the_link(model: str, snr_db: float, link: SemanticLink) -> None:
    """The number of symbols tells the MCS that was sent."""
    channel, source = Channel(model, "block", snr_db, seed=3), {"text": "a film"}
    ((auto,),) = link.send("text_reconstruction", [source], [channel], [0], {"mcs": "auto"})
    best = load_table().choose(model, snr_db).name
    ((fixed,),) = link.send("text_reconstruction", [source], [channel], [0], {"mcs": best})
    assert (auto.channel_uses, auto.answer) == (fixed.channel_uses, fixed.answer)


def test_auto_on_a_scheduled_snr_is_refused(link: SemanticLink) -> None:
    with pytest.raises(InvalidField, match=r"mcs.*schedule"):
        link.transmitter.adapt({"mcs": "auto", "quality": 50}, KnownLink("awgn", None))
