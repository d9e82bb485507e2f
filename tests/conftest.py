"""Fixtures and habits of every test: markers by folder, a clean environment, fixed seeds."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.pop("COLUMNS", None)  # tables are as wide as where no terminal says otherwise
# Whoever runs the tests under nohup or in the background ignores these from the start, and so would all that
# the tests start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores; read when torch is loaded
    os.environ["OMP_NUM_THREADS"] = "1"

_FOLDER = Path(__file__).parent
TINY_LABELS = {
    "sentiment": ("negative", "positive"),
    "image_classification": ("airplane", "ship", "truck"),
    "video_classification": ("bend", "jack", "wave1"),
    "vqa": ("yes", "no", "circle", "red"),
    "movie_genres": ("Drama", "Comedy", "Action"),
}
TINY_WORDS = ("what", "is", "this", "the", "shape", "colour", "a", "good", "bad", "film", "?", ".", ",")


# Services that run for the whole session: tests of the same ones go to one worker, others by their file.
_SHARED_SERVICES = ("tiny_stack", "shipped_stack", "services")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = Path(item.fspath).relative_to(_FOLDER)
        item.add_marker(path.parts[0])
        used = getattr(item, "fixturenames", ())
        group = next((name for name in _SHARED_SERVICES if name in used), path.as_posix())
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.path.name != "test_lint.py")  # the longest of all begins first


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("SEMCOM_") and name not in (
            "SEMCOM_DATA",
            "SEMCOM_CACHE",
            "SEMCOM_UPDATE_EXPECTED",
        ):
            monkeypatch.delenv(name)
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs the tests that are coroutines."""
    return "asyncio"


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with all eight tasks in the tiny profile, at random: for shapes and plumbing."""
    from shared.tasks import TASKS

    root = tmp_path_factory.mktemp("weights")
    save_tiny_weights(root / "mfmsc", "mfmsc", list(TASKS))
    return root


@pytest.fixture(scope="session")
def tiny_variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of systems made from MFMSC's network: two fused tasks and one of one modality."""
    root = tmp_path_factory.mktemp("variants")
    tasks = ["sentiment", "vqa", "movie_genres"]
    save_tiny_weights(root / "mmsc", "mmsc", tasks, has_fusion=False)
    for task in tasks:
        save_tiny_weights(root / f"mfsc-{task}", "mfsc", [task])
    return root


@pytest.fixture(scope="session")
def tiny_deepsc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of U-DeepSC with all tasks, and of T-DeepSC with two tasks, in a folder each."""
    from shared.tasks import TASKS

    root = tmp_path_factory.mktemp("deepsc")
    save_tiny_deepsc(root / "udeepsc", "udeepsc", list(TASKS))
    for task in ("sentiment", "vqa"):
        save_tiny_deepsc(root / f"tdeepsc-{task}", "tdeepsc", [task])
    return root


@pytest.fixture(scope="session")
def tiny_systems(
    tiny_weights: Path, tiny_variants: Path, tiny_deepsc: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Random weights of every built-in system in one folder, and the digital one that needs none."""
    from systems.separate.manifest import write_manifest

    root = tmp_path_factory.mktemp("systems")
    for folder in (tiny_weights, tiny_variants, tiny_deepsc):
        shutil.copytree(folder, root, dirs_exist_ok=True)
    write_manifest(root)
    return root


def save_tiny_deepsc(folder: Path, system: str, tasks: list[str]) -> None:
    """Write random weights of U-DeepSC's network in the tiny profile."""
    import torch

    from systems.deepsc.networks import ReceiverNetwork, TransmitterNetwork
    from systems.layers.config import NetworkConfig
    from systems.layers.profiles import get_profile

    profile, vocabulary = get_profile("tiny"), _tiny_vocabulary()
    torch.manual_seed(0)
    networks = {
        "transmitter": TransmitterNetwork(profile, tasks, len(vocabulary)),
        "receiver": ReceiverNetwork(profile, tasks, TINY_LABELS, len(vocabulary)),
    }
    _save_tiny(folder, system, tasks, NetworkConfig("tiny", len(vocabulary)).to_json(), networks)


def save_tiny_weights(folder: Path, system: str, tasks: list[str], *, has_fusion: bool = True) -> None:
    """Write random weights of MFMSC's network in the tiny profile."""
    import torch

    from systems.layers.profiles import get_profile
    from systems.mfmsc.config import MfmscConfig
    from systems.mfmsc.networks import ReceiverNetwork, TransmitterNetwork

    profile, vocabulary = get_profile("tiny"), _tiny_vocabulary()
    torch.manual_seed(0)
    networks = {
        "transmitter": TransmitterNetwork(profile, tasks, len(vocabulary), has_fusion=has_fusion),
        "receiver": ReceiverNetwork(profile, tasks, TINY_LABELS, len(vocabulary)),
    }
    config = MfmscConfig("tiny", len(vocabulary), has_fusion=has_fusion).to_json()
    _save_tiny(folder, system, tasks, config, networks)


def _tiny_vocabulary() -> Any:
    from systems.layers.profiles import get_profile
    from systems.layers.text import SPECIAL, Vocabulary

    letters = "abcdefghijklmnopqrstuvwxyz0123456789'"
    pieces = [*SPECIAL, *letters, *("##" + letter for letter in letters)]
    pieces += [word for word in TINY_WORDS if word not in pieces]
    return Vocabulary(pieces, get_profile("tiny").max_text_tokens)


def _save_tiny(folder: Path, system: str, tasks: list[str], config: dict[str, Any], networks: Any) -> None:
    from shared.weights import Manifest, save_weights

    labels = {task: names for task, names in TINY_LABELS.items() if task in tasks}
    manifest = Manifest(system, tuple(tasks), labels, config)
    # As training does with the parts of a public model that it leaves as they are.
    shared = {"transmitter": ["encoders.text.bert.embeddings.word_embeddings.weight"]}
    save_weights(folder, manifest, networks, _tiny_vocabulary(), shared=shared)


@pytest.fixture
def semcom(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs `semcom ARGS` in this process; gives exit status, standard output and standard error."""
    from semcom.cli import main

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["semcom", *args])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        return subprocess.CompletedProcess(args, status, *capsys.readouterr())

    yield run
    if "torch" in sys.modules:  # commands choose how many threads they compute with
        sys.modules["torch"].set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))


@pytest.fixture(scope="session")
def sources() -> list[dict[str, object]]:
    """Two instances with every modality, made here."""
    rng = np.random.default_rng(0)
    return [
        {
            "text": text,
            "image": rng.integers(0, 256, (48, 40, 3), dtype=np.uint8),
            "audio": (0.1 * rng.standard_normal(num_samples)).astype(np.float32),
            "video": rng.integers(0, 256, (20, 64, 72, 3), dtype=np.uint8),
        }
        for text, num_samples in (
            ("what is this?", 16_000),
            ("a good film, is the bad shape a colour?", 9_000),
        )
    ]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder SEMCOM_DATA names; the test skips where there is none."""
    root = os.environ.get("SEMCOM_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("needs the data sets: set SEMCOM_DATA")
    return Path(root)
