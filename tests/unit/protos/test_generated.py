"""The generated code is what the .proto files make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_PROTOS = sorted(path.relative_to(_ROOT) for path in (_ROOT / "protos/semcom/v1").glob("*.proto"))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("grpc_tools")
    out = tmp_path_factory.mktemp("protos")
    options = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *options, *map(str, _PROTOS)]
    subprocess.run(command, cwd=_ROOT, check=True)
    return out


@pytest.mark.parametrize("proto", _PROTOS, ids=lambda path: path.stem)
def test_checked_in_code_is_current(proto: Path, generated: Path) -> None:
    for suffix in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py"):
        path = proto.with_name(proto.stem + suffix)
        assert (_ROOT / path).read_text() == (generated / path).read_text(), f"run: make protos ({path})"
