"""Where a stack lives when nobody says."""

import os
import tomllib
from pathlib import Path

_WORKSPACE = "ringfence-workspace"


def default_directory() -> Path:
    """`$RINGFENCE_STACK`, else `.ringfence` of the checkout around the current folder, else the XDG state folder."""
    if chosen := os.environ.get("RINGFENCE_STACK"):
        return Path(chosen).absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _is_checkout(folder):
            return folder / ".ringfence"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state).absolute() / "ringfence"


def _is_checkout(folder: Path) -> bool:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text()).get("project", {})
    except (OSError, tomllib.TOMLDecodeError):
        return False
    return bool(project.get("name") == _WORKSPACE)
