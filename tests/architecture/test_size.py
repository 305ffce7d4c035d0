"""Nothing grows beyond what a reader can hold."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 70
SOURCES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if not name.startswith("protos/gen/") and (ROOT / name).exists()
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    """A module has at most 400 lines, a function at most 70."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not long


LAYERS = ("domain", "application", "adapters", "api")
PARTS = {*LAYERS, "queries", "commands", "module", "__init__"}
"""What a module of a service consists of, each as a file or a folder; `module` wires it."""
ROOT_FILES = {"__init__", "__main__", "bootstrap", "migrations", "settings"}
SHARED_FILES = {"modules", "batches", "following"}
"""A service of many modules puts them together in `modules`; how items of batches are answered, and whom it follows."""
FORMATS = {"iso20022"}
"""Folders of message readers and writers: no use case, so no parts."""


@pytest.mark.parametrize("service", ["identity", "custody", "payment-instruction", "audit"])
def test_every_service_has_the_same_files(service: str) -> None:
    """One term per concept: the same file names in every service, the same parts in every module of one."""
    for name in ("README.md", "pyproject.toml", "requirements.lock", "tests"):
        assert (ROOT / "services" / service / name).exists(), name
    package = ROOT / "services" / service / "src" / f"ringfence_{service.replace('-', '_')}"
    inside = [path.relative_to(package) for path in SOURCES if path.is_relative_to(package)]
    assert {path.stem for path in inside if len(path.parts) == 1} - SHARED_FILES == ROOT_FILES
    inside = [path for path in inside if path.parts[0] not in FORMATS]
    modules = {path.parts[0]: set[str]() for path in inside if len(path.parts) > 1}
    for path in inside:
        if len(path.parts) > 1:
            modules[path.parts[0]].add(Path(path.parts[1]).stem)
    for module, parts in modules.items():
        assert parts <= PARTS, f"{module}: {parts - PARTS}"


def test_make_test_leaves_no_test_out() -> None:
    """Every file of tests is below a folder that `make test` names, is a drill, or checks deployment or pages."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    named = [
        ROOT / folder
        for line in makefile.splitlines()
        if line.startswith(("ALONE :=", "SHARED :=", "DRILLS :=", "CHECKS :=", "ALERTS :=", "CONSOLE :="))
        for folder in line.partition(":=")[2].split()
    ]
    tests = [path for path in SOURCES if path.name.startswith("test_")]
    assert [path for path in tests if not any(path.is_relative_to(folder) for folder in named)] == []
