"""What the README tells people to type works as it stands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from experiments.evaluation.results import read_figures
from experiments.report.measured import table_of
from semcom.stack import Stack
from shared.weights import find_weights, load_manifest
from systems.registry import DEFAULT_SYSTEM

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS = [block.replace("\\\n", " ") for block in re.findall(r"```sh\n(.*?)```", _README, re.DOTALL)]
_LINES = [line.split("  #")[0].strip() for block in _BLOCKS for line in block.splitlines()]
_NEED_DATA = ("semcom train", "semcom evaluate")
_SEMCOM = [line for line in _LINES if line.startswith("semcom ")]
_LIVE = [line for line in _SEMCOM if not line.startswith(_NEED_DATA)]


def test_there_is_something_to_run() -> None:
    assert {"make demo", "make test", "make up"} <= set(_LINES)
    assert len(_LIVE) >= 4
    assert sum(line.startswith("curl ") for line in _LINES) == 1


@pytest.mark.parametrize("line", _LIVE)
def test_semcom_lines(
    line: str, shipped_stack: Stack, semcom_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(_ROOT)
    done = semcom_of(shipped_stack, *shlex.split(line)[1:])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_curl_answers_what_the_readme_shows(shipped_stack: Stack) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    (line,) = (line for line in _LINES if line.startswith("curl "))
    command = shlex.split(line.replace("http://127.0.0.1:8000", shipped_stack.base_url))
    done = subprocess.run(
        [command[0], "-sS", *command[1:]], cwd=_ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    answer = json.loads(done.stdout)
    shown = json.loads(re.findall(r"```json\n(.*?)```", _README, re.DOTALL)[0])
    assert shown.keys() <= answer.keys()
    assert answer["answer"]["label"] == shown["answer"]["label"]
    for field in ("overhead", "latency_ms"):
        assert shown[field].keys() - {"..."} <= answer[field].keys()
    assert answer["overhead"]["channel_uses"] == shown["overhead"]["channel_uses"] == 16
    assert answer["overhead"]["payload_bytes"] == shown["overhead"]["payload_bytes"] == 128


@pytest.mark.parametrize("line", [line for line in _SEMCOM if line.startswith(_NEED_DATA)])
def test_offline_lines_name_the_data_they_need(
    line: str, semcom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not find_weights(_ROOT / "weights"):
        pytest.skip("no weights are shipped")
    monkeypatch.setenv("SEMCOM_DATA", "")
    monkeypatch.chdir(_ROOT)
    done = semcom(*shlex.split(line)[1:])
    assert done.returncode == 1
    assert "SEMCOM_DATA" in done.stderr or "minilm" in done.stderr


def test_make_targets_exist() -> None:
    targets = {line.split()[1] for line in _LINES if line.startswith("make ")}
    listed = subprocess.run(["make", "help"], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    for target in targets:
        assert f"make {target} " in listed


def test_figures_are_the_measured_ones() -> None:
    """The README's table is that of the rows of results/, which are of the weights that are shipped."""
    weights = find_weights(_ROOT / "weights")
    if not weights:
        pytest.skip("no weights are shipped")
    (folder,) = weights[DEFAULT_SYSTEM]
    shipped = load_manifest(folder)
    rows = read_figures([_ROOT / "results" / f"{DEFAULT_SYSTEM}.json"])
    assert {row["fingerprint"] for row in rows} == {shipped.fingerprint}
    assert {row["task"] for row in rows} == set(shipped.tasks)
    assert {row["split"] for row in rows} <= {"test", "dev"}
    table = "\n".join(table_of(rows))
    for place in (_ROOT / "README.md", folder / "README.md"):
        assert table in place.read_text(encoding="utf-8")
