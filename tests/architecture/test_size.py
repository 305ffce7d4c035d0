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


def test_every_service_has_the_same_files() -> None:
    """One term per concept, the same file names in every service."""
    for service in ("identity", "custody", "payment-instruction", "audit"):
        source = ROOT / "services" / service / "src" / f"ringfence_{service.replace('-', '_')}"
        for name in ("__main__.py", "bootstrap.py", "settings.py", "domain", "application", "adapters", "api"):
            assert (source / name).exists(), f"{service}: {name}"
        for name in ("README.md", "Dockerfile", "pyproject.toml", "tests"):
            assert (ROOT / "services" / service / name).exists(), f"{service}: {name}"
