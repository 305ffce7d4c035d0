"""Terraform's files as data, read by python-hcl2 without Terraform or a provider."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
TERRAFORM = ROOT / "infra" / "terraform"
TOOLS = ROOT / ".venv" / "infra" / "bin"
_WITHOUT = {"__is_block__", "__start_line__", "__end_line__"}
# The parser lives in an environment of its own, and takes seconds to start.
_PROGRAM = "import hcl2, json, sys; print(json.dumps([hcl2.loads(text) for text in json.load(sys.stdin)]))"
_PARSED: dict[str, dict[str, Any]] = {}

Block = Mapping[str, Any]


def read(root: Path) -> None:
    """Parses all files below a folder at once, those read before excepted; raises CalledProcessError on no HCL."""
    _parse([file.read_text(encoding="utf-8") for each in ("*.tf", "*.hcl") for file in root.rglob(each)])


def parse(text: str) -> dict[str, Any]:
    """Returns the blocks of a text by kind; raises CalledProcessError where it is no HCL."""
    _parse([text])
    return _PARSED[text]


def _parse(texts: list[str]) -> None:
    new = sorted({text for text in texts if text not in _PARSED})
    if new:
        command: list[str | Path] = [TOOLS / "python", "-c", _PROGRAM]
        done = subprocess.run(command, check=True, input=json.dumps(new), stdout=subprocess.PIPE, text=True)
        _PARSED.update(zip(new, map(_plain, json.loads(done.stdout)), strict=True))


def read_folder(folder: Path, pattern: str = "*.tf") -> dict[str, list[Any]]:
    """Returns the blocks of all files of a module by kind, whose root was read."""
    blocks: dict[str, list[Any]] = {}
    for file in sorted(folder.glob(pattern)):
        for kind, found in _PARSED[file.read_text(encoding="utf-8")].items():
            blocks.setdefault(kind, []).extend(found if isinstance(found, list) else [found])
    return blocks


def resources(blocks: Mapping[str, list[Any]], kind: str) -> Iterator[tuple[str, Block]]:
    """Yields name and body of the resources of a kind."""
    for block in blocks.get("resource", []):
        for found, named in block.items():
            if found == kind:
                yield from named.items()


def environment() -> dict[str, str]:
    """Returns the environment of programs that are to look nothing up elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return kept | {"LOG_LEVEL": "CRITICAL", "CHECKPOINT_DISABLE": "1"}


def _plain(value: Any) -> Any:
    """Returns texts without their quotes, and without the marks of the parser."""
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items() if key not in _WITHOUT}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value
