"""Who may import whom, and what must never be imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from systems.registry import SYSTEMS

_ROOT = Path(__file__).parents[2]
_OURS = {
    "protos",
    "shared",
    "systems",
    "transmitter",
    "receiver",
    "channel_service",
    "experiments",
    "semcom",
    "bench",
}
_MAY_IMPORT = {
    "protos": set(),
    "shared": {"protos"},
    "systems": {"shared"},
    "transmitter": {"shared", "systems", "protos"},
    "receiver": {"shared", "systems", "protos"},
    "channel_service": {"shared", "systems", "protos"},
    "semcom": {"shared", "systems", "protos"},
    "experiments": _OURS - {"bench"},
    "bench": _OURS,
}
# Folders that are parted further. Modules beside the folders may import all of them.
_FOLDERS_MAY_IMPORT: dict[str, dict[str, set[str]]] = {
    "channel_service": {
        "radio": set(),
        "links": {"radio"},
        "relay": {"radio", "links"},
        "reports": set(),
        "http": {"radio", "links", "relay", "reports"},
    },
    "experiments": {
        "data": set(),
        "training": {"data"},
        "evaluation": {"data"},
        "report": {"data", "evaluation"},
        "commands": {"data", "training", "evaluation", "report"},
    },
}


def _imported_names(path: Path) -> set[str]:
    """Dotted names that a file imports, e.g. "channel_service.radio.channels.draw"."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _imports(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported_names(path)}


@pytest.mark.parametrize("package", sorted(_MAY_IMPORT))
def test_packages_import_only_what_they_may(package: str) -> None:
    for path in (_ROOT / package).rglob("*.py"):
        may = _MAY_IMPORT[package]
        if package == "systems" and path.stem == "training":
            may = may | {"experiments"}
        foreign = (_imports(path) & _OURS) - {package} - may
        assert not foreign, f"{path.relative_to(_ROOT)} imports {foreign}"


@pytest.mark.parametrize(
    ("package", "folder"),
    [(package, folder) for package, own in _FOLDERS_MAY_IMPORT.items() for folder in own],
)
def test_folders_of_a_package_import_only_what_they_may(package: str, folder: str) -> None:
    paths = list((_ROOT / package / folder).rglob("*.py"))
    assert paths
    for path in paths:
        names = [name.split(".") for name in _imported_names(path)]
        used = {parts[1] for parts in names if parts[0] == package}
        foreign = used - {folder} - _FOLDERS_MAY_IMPORT[package][folder]
        assert not foreign, f"{path.relative_to(_ROOT)} imports {package}.{foreign}"


@pytest.mark.parametrize("package", sorted(_FOLDERS_MAY_IMPORT))
def test_every_folder_of_a_parted_package_has_its_rule(package: str) -> None:
    folders = {path.parent.name for path in (_ROOT / package).glob("*/__init__.py")}
    assert folders == set(_FOLDERS_MAY_IMPORT[package])


_ENGLISH_WORDS = {"separate"}  # systems of such a name; other texts may hold the word


@pytest.mark.parametrize("package", sorted(_MAY_IMPORT))
def test_no_code_asks_for_a_system_by_name(package: str) -> None:
    """Docstrings may cite a paper by its system's name in capitals; code, and text for users, may not."""
    folders = {name: system.package.replace(".", "/") for name, system in SYSTEMS.items()}
    folders |= {folder.rpartition("/")[2]: folder for folder in folders.values()}
    for path in (_ROOT / package).rglob("*.py"):
        place = path.relative_to(_ROOT).as_posix()
        text, words = path.read_text(), _words_of(path)
        for name, folder in folders.items():
            is_named = name in (words if name in _ENGLISH_WORDS else text)
            is_own = place.startswith((f"{folder}/", "systems/registry.py"))
            assert is_own or not is_named, f"{place} names {name}"


def _words_of(path: Path) -> set[str]:
    """String constants, variables, and parts of the dotted names that a file imports, each as a whole."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    words = {part for name in _imported_names(path) for part in name.split(".")}
    words |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    words |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return words | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _loaded(*steps: str) -> list[set[str]]:
    """Names of the modules that a fresh interpreter holds after each of these statements."""
    told = "print(*sys.modules)"
    code = f"import sys\n{told}\n" + "\n".join(f"{step}\n{told}" for step in steps)
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True)
    return [set(line.split()) for line in done.stdout.splitlines()][1:]


def _packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def _of_systems(modules: set[str]) -> set[str]:
    return {module for module in modules if module.startswith("systems.")}


@pytest.mark.parametrize("module", ["channel_service.__main__", "semcom.cli"])
def test_light_processes_import_no_torch_and_of_systems_the_rows_alone(module: str) -> None:
    (rows,), (process,) = _loaded("import systems.registry"), _loaded(f"import {module}")
    assert "systems.registry" in rows
    assert not {"torch", "transformers", "sionna"} & _packages(process)
    assert _of_systems(process) <= _of_systems(rows)


def test_services_import_systems_by_interface_and_registry_alone() -> None:
    """The code of a system is imported when its weights are loaded, and what trains it never."""
    interface, *services = _loaded(
        "import systems.registry, systems.loading", "import transmitter.__main__", "import receiver.__main__"
    )
    for modules in services:
        assert _of_systems(modules) == _of_systems(interface)
        assert not {"experiments", "transformers", "sionna"} & _packages(modules)
    assert not {f"{row.package}.transmitter" for row in SYSTEMS.values()} & interface


@pytest.fixture(scope="module")
def all_of_systems() -> set[str]:
    """What is loaded by every module of every system, but for those that train one."""
    files = [path.relative_to(_ROOT) for path in (_ROOT / "systems").rglob("*.py") if path.stem != "training"]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    (modules,) = _loaded("import " + ", ".join(sorted(names)))
    assert {f"{row.package}.receiver" for row in SYSTEMS.values()} <= modules
    return modules


_TRANSPORT = {"protos", "grpc", "fastapi", "uvicorn"}
# Imported when they are first needed: a service is ready long before they would be.
_HEAVY = {"transformers", "sionna", "matplotlib", "torchvision", "torchaudio", "torchmetrics"}


def test_systems_load_nothing_heavy_before_it_is_needed(all_of_systems: set[str]) -> None:
    assert not _HEAVY & _packages(all_of_systems)


def test_the_contract_loads_no_transport() -> None:
    """By what is loaded once all of it is imported, `runtime` apart, which is how services run."""
    names = [f"shared.{path.stem}" for path in (_ROOT / "shared").glob("[a-z]*.py")]
    assert {"shared.errors", "shared.tasks", "shared.wire"} < set(names)
    (modules,) = _loaded("import " + ", ".join(names))
    assert not {"grpc", "fastapi", "starlette", "uvicorn", "httpx"} & _packages(modules)


@pytest.mark.parametrize("package", sorted(_TRANSPORT | _OURS - {"shared", "systems"}))
def test_systems_know_no_service_and_no_transport(package: str, all_of_systems: set[str]) -> None:
    assert package not in _packages(all_of_systems)


def test_systems_know_nothing_of_how_a_service_runs(all_of_systems: set[str]) -> None:
    assert not {module for module in all_of_systems if module.startswith("shared.runtime")}


def test_no_path_of_one_machine_is_named() -> None:
    for package in _OURS:
        for path in (_ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert not any(f'"{root}' in text for root in ("/home/", "/root/", "/tmp/")), path
