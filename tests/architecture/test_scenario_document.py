"""docs/scenario.md describes the API of the scenario, all of it and nothing else."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

from ringfence_local_stack import scenario

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenario.md"
ASSIGNED = re.compile(r"^        ((?:self\.\w+(?:, )?)+) = ", re.MULTILINE)
ROW = re.compile(r"^\| (`.+`) \|", re.MULTILINE)


def members(name: str, kind: type) -> set[str]:
    """Returns what a class promises: methods, properties, fields, and what its maker sets without an underscore."""
    if issubclass(kind, Exception):
        return {name}
    if dataclasses.is_dataclass(kind):
        held = {each.name for each in dataclasses.fields(kind)}
    else:
        held = {
            each for line in ASSIGNED.findall(inspect.getsource(kind)) for each in re.findall(r"self\.([a-z]\w*)", line)
        }
    own = {each for each in vars(kind) if not each.startswith("_")}
    return {f"{name}.{each}" for each in own | held}


def promised() -> set[str]:
    """Returns everything that the public module offers."""
    found = {f"messages.{each}" for each in scenario.messages.__all__}
    for name in set(scenario.__all__) - {"messages"}:
        offered = getattr(scenario, name)
        found |= members(name, offered) if inspect.isclass(offered) else {name}
    return found


def test_document_and_code_name_the_same_calls() -> None:
    """Every call stands in the table once, and every call in the table is there."""
    cells = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    documented = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(documented) == len(set(documented))
    assert set(documented) == promised()


def test_every_call_is_described_in_the_code() -> None:
    """Each class, function and method of the API has a docstring of its own."""
    for name in scenario.__all__:
        offered = getattr(scenario, name)
        assert offered.__doc__, name
        if inspect.isclass(offered):
            bare = [each for each, made in vars(offered).items() if not each.startswith("_") and callable(made)]
            assert [f"{name}.{each}" for each in bare if not inspect.getdoc(getattr(offered, each))] == []
