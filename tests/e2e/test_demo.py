"""The demo, from the command to its JSON, over three real processes."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from semcom.demo import CHANNELS, load_samples
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.scores import psnr_db
from shared.weights import load_manifest

_HALF_THE_ERROR_DB = 3.0
_HALF_OF_THE_LABELS = 0.5
SHIPPED = DEFAULT_WEIGHTS / "mfmsc"


def test_demo_prints_tables_and_writes_an_object_an_instance(tiny_stack, lend, semcom, tmp_path):
    lend(tiny_stack)
    target = tmp_path / "demo.json"
    done = semcom("demo", "--snr-db=-6,12", "--json", str(target))
    assert done.returncode == 0, done.stderr
    for title in ("Answers over awgn", "Answers over rayleigh", "Overhead", "Latency"):
        assert title in done.stdout
    instances = json.loads(target.read_text())
    assert len(instances) == len(load_samples()) * len(CHANNELS) * 2
    assert {instance["requested_snr_db"] for instance in instances} == {-6, 12}
    vqa = [instance for instance in instances if instance["task"] == "vqa"]
    assert {
        (instance["overhead"]["channel_uses"], instance["overhead"]["payload_bytes"]) for instance in vqa
    } == {(16, 128)}


def test_demo_without_weights_says_what_is_missing(semcom, tmp_path):
    done = semcom("demo", "--weights", str(tmp_path))
    assert done.returncode == 1
    assert "no weights in" in done.stderr


def test_shipped_weights_answer_the_samples_in_lines_of_json(shipped_stack, lend, semcom):
    lend(shipped_stack)
    done = semcom("demo", "--snr-db", "12", "--json", "-")
    assert done.returncode == 0, done.stderr
    instances = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(instances) == len(load_samples()) * len(CHANNELS)
    over_awgn = [instance for instance in instances if instance["channel"] == "awgn"]
    assert {instance["task"] for instance in over_awgn} == set(load_manifest(SHIPPED).tasks)
    rebuilt = [instance for instance in over_awgn if instance["task"] == "image_reconstruction"]
    of_several = [instance for instance in over_awgn if "f1" in instance["scores"]]
    right = [instance["correct"] for instance in over_awgn if instance not in rebuilt + of_several]
    right += [instance["scores"]["f1"] >= _HALF_OF_THE_LABELS for instance in of_several]
    pictures = {sample.name: sample.files["image"] for sample in load_samples() if "image" in sample.files}
    right += [
        instance["scores"]["psnr_db"]
        > _psnr_of_patch_means_db(pictures[instance["sample"]]) + _HALF_THE_ERROR_DB
        for instance in rebuilt
    ]
    assert right.count(True) >= 0.9 * len(right)


def _psnr_of_patch_means_db(path: Path) -> float:
    """What a picture's 4x4 patches reach, each painted in its mean colour: 3 of a token's 32 reals."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    patches = pixels.reshape(pixels.shape[0] // 4, 4, pixels.shape[1] // 4, 4, 3)
    means = np.broadcast_to(patches.mean((1, 3), keepdims=True), patches.shape).round().astype(np.uint8)
    return psnr_db(pixels, means.reshape(pixels.shape))
