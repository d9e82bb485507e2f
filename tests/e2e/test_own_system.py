"""The document about own systems and channels does what it says, over three real processes."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from channel_service.radio.channels import MODELS, Channel, draw
from experiments.evaluation.link import SemanticLink
from experiments.evaluation.network_link import send_over_network
from semcom.stack import Stack
from shared.source import Source
from systems.registry import SYSTEMS

_ROOT = Path(__file__).parents[2]
_DOCUMENT = (_ROOT / "docs" / "your-own-system.md").read_text(encoding="utf-8")
_FILES = dict(re.findall(r"```\w+ (\S+)\n(.*?)```", _DOCUMENT, re.DOTALL))
_COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", _DOCUMENT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
_TASK, _CHANNEL_VARIABLE = "image_reconstruction", "blockage=semcom_blockage:MODEL"
_GAIN_DB = 10 * np.log10(2 * (1.5 * np.pi) ** 2)  # of the PSNR over the SNR, above the threshold


@dataclass(frozen=True)
class _Installed:
    """Where the example is installed, and services that run with it."""

    site: Path
    run: Path
    environment: dict[str, str]
    stack: Stack


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Iterator[_Installed]:
    """The files of the document, installed as the document says, and the services started with them."""
    pytest.importorskip("setuptools")
    root = tmp_path_factory.mktemp("own")
    site, run = root / "site", root / "run"
    shutil.copytree(tiny_weights, run / "weights")
    for name, text in _FILES.items():
        (root / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "source" / name).write_text(text, encoding="utf-8")
    flags = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", *flags, str(root / "source")]
    subprocess.run(command, check=True, timeout=300)
    shutil.copy(root / "source" / "semcom_blockage.py", site)
    environment = {
        "PYTHONPATH": os.pathsep.join([str(site), str(_ROOT)]),
        "SEMCOM_CHANNELS": _CHANNEL_VARIABLE,
    }
    manifest_writer = [sys.executable, str(root / "source" / "write_manifest.py")]
    subprocess.run(manifest_writer, cwd=run, env={**os.environ, **environment}, check=True, timeout=300)
    with Stack.start(weights=run / "weights", free_ports=True, environment=environment) as stack:
        yield _Installed(site, run, environment, stack)


@pytest.fixture
def link(installed: _Installed, monkeypatch: pytest.MonkeyPatch) -> SemanticLink:
    """The example in this process, whose tables were read before the example was installed."""
    monkeypatch.syspath_prepend(str(installed.site))
    row = importlib.import_module("semcom_phase").SYSTEM
    monkeypatch.setitem(SYSTEMS, "phase", replace(row, origin="semcom-phase 1.0"))
    monkeypatch.setitem(MODELS, "blockage", importlib.import_module("semcom_blockage").MODEL)
    return SemanticLink.load(installed.run / "weights", "phase")


def _picture() -> np.ndarray:
    """Values away from black and white, where clipping would take part of the error."""
    return np.random.default_rng(1).integers(40, 216, (32, 32, 3), dtype=np.uint8)


def _psnr_db(image: np.ndarray | None, wanted: np.ndarray) -> float:
    assert image is not None
    return float(10 * np.log10(255**2 / np.mean((image.astype(float) - wanted) ** 2)))


def test_it_is_listed_as_built_in_systems_are(installed: _Installed) -> None:
    with installed.stack.client() as client:
        rows = {row["name"]: row for row in client.systems()}
    assert rows["phase"]["tasks"] == [_TASK]
    assert [option["name"] for option in rows["phase"]["options"]] == ["side"]
    schema = httpx.get(f"{installed.stack.base_url}/openapi.json").json()
    parameters = {own["name"]: own for own in schema["paths"]["/transmit"]["post"]["parameters"]}
    assert "phase" in parameters["system"]["schema"]["anyOf"][0]["enum"]
    assert "side" in parameters


def test_psnr_rises_with_the_snr_and_follows_the_closed_form(installed: _Installed) -> None:
    source: Source = {"image": _picture()}
    measured = {}
    with installed.stack.client() as client:
        for snr_db in (0.0, 6.0, 12.0, 18.0, 24.0):
            channel = Channel("awgn", "block", snr_db, seed=3)
            answer = send_over_network(client, "phase", _TASK, source, channel, 0)
            assert answer.channel_uses == 32 * 32 * 3
            measured[snr_db] = _psnr_db(answer.answer.image, source["image"])
    assert list(measured.values()) == sorted(measured.values())
    for snr_db in (18.0, 24.0):
        assert measured[snr_db] == pytest.approx(snr_db + _GAIN_DB, abs=0.4)
    assert measured[0.0] < _GAIN_DB - 1  # below the threshold phases wrap


@pytest.mark.parametrize("options", [{}, {"side": 16}])
@pytest.mark.parametrize(
    "channel",
    [
        Channel("awgn", "block", 12.0, seed=5),
        Channel("rayleigh", "symbol", 6.0, seed=7),
        Channel("blockage", "block", 12.0, seed=8),
        Channel("blockage", "block", 12.0, seed=8, blocked_share=0.9),
    ],
    ids=["awgn", "rayleigh", "blockage", "blockage of nine tenths"],
)
def test_network_equals_in_process(
    channel: Channel, options: dict[str, int], installed: _Installed, link: SemanticLink
) -> None:
    source: Source = {"image": _picture()}
    with installed.stack.client() as client:
        for number in (0, 1, 2):
            ((ours,),) = link.send(_TASK, [source], [channel], [number], options)
            theirs = send_over_network(client, "phase", _TASK, source, channel, number, options)
            assert theirs.channel_uses == ours.channel_uses
            assert theirs.realised_snr_db == pytest.approx(ours.realised_snr_db, abs=1e-3)
            assert ours.answer.image is not None
            np.testing.assert_allclose(theirs.answer.image, ours.answer.image.astype(int), rtol=0, atol=1)


@pytest.mark.usefixtures("link")
def test_the_own_channel_has_unit_power_and_blocks_a_fifth() -> None:
    channel, num_frames = Channel("blockage", "block", 10.0, seed=2), 4000
    gains = np.array([draw(channel, number, (1, 1)).gains.item() for number in range(num_frames)])
    assert np.mean(np.abs(gains) < 0.5) == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / num_frames))
    assert np.mean(np.abs(gains) ** 2) == pytest.approx(1, abs=0.04)


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize("line", _COMMANDS)
def test_commands(line: str, installed: _Installed, semcom_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run, data = installed.run, installed.run / "data"
    Image.fromarray(_picture()).save(run / "picture.png")
    if not data.is_dir():
        (data / "cifar10").mkdir(parents=True)
        pictures = np.random.default_rng(2).integers(0, 256, (1300, 32, 32, 3), dtype=np.uint8)
        np.savez(data / "cifar10" / "lossless_train.npz", x=pictures)
    (run / "results").mkdir(exist_ok=True)
    monkeypatch.chdir(run)
    monkeypatch.setenv("SEMCOM_DATA", str(data))
    weights = ["--weights", str(run / "weights")] if line.startswith("semcom compare") else []
    done = semcom_of(installed.stack, *shlex.split(line)[1:], *weights)
    assert done.returncode == 0, done.stderr
    assert "phase" in done.stdout + done.stderr
    if weights:
        rows = json.loads((run / "results" / "phase.json").read_text())
        best = {row["system"]: row["value"] for row in rows if row["snr_db"] == 18}
        assert set(best) == {"phase", "mfmsc"}
        assert best["phase"] == pytest.approx(18 + _GAIN_DB, abs=0.5)
        assert "| phase |" in (run / "results" / "phase.md").read_text()
