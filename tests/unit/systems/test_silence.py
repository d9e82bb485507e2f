"""Silence is an empty transcript of every system, at every SNR and whatever the weights."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from systems.separate.manifest import write_manifest
from transmitter.media import decode_media

_RATE_HZ = 16_000
_CHANNELS = [Channel("awgn", snr_db=snr_db, seed=1) for snr_db in (18.0, 0.0, -20.0)]


@pytest.fixture(scope="module")
def weights(tiny_weights: Path, tiny_deepsc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("silence")
    for folder in (tiny_weights, tiny_deepsc):
        shutil.copytree(folder, root, dirs_exist_ok=True)
    write_manifest(root)
    return root


def _recording(level: float, duration_s: int) -> dict[str, object]:
    noise = level * np.random.default_rng(0).standard_normal(_RATE_HZ * duration_s)
    buffer = io.BytesIO()
    soundfile.write(buffer, noise, _RATE_HZ, format="WAV", subtype="FLOAT")
    return {"audio": decode_media("audio", buffer.getvalue())}


@pytest.mark.parametrize("system", ["mfmsc", "udeepsc", "separate"])
def test_no_system_reads_a_word_in_silence(system: str, weights: Path) -> None:
    link = SemanticLink.load(weights, system)
    silent = [_recording(level, duration_s) for level in (0.0, 5e-4) for duration_s in (1, 5)]
    for answers in link.send("speech_recognition", silent, _CHANNELS, range(len(silent))):
        assert [sent.answer.text for sent in answers] == [""] * len(silent)
    ((loud,),) = link.send("speech_recognition", [_recording(0.1, 1)], _CHANNELS[:1], [0])
    assert loud.answer.text  # letters at random: untrained weights tell nothing from nothing
