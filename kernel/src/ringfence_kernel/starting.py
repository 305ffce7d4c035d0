"""How a service's process begins: with what its verb needs, and no more."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

OF_DATABASE = ("migrate", "accept-history")
"""Verbs that need nothing of a service but its migrations."""
UNWANTED = ("psutil", "rich")
"""What libraries take up where they find it: images have none of it; beside other tools it was a tenth of a start."""


def start(service: str, arguments: Sequence[str] | None = None) -> int:
    """Runs the verb named on a service's command line; returns the exit code.

    0 done, 1 failed or different, 2 cannot start (says why), 3 what was waited for has not come (says what). The
    service's package has `migrations` in a module of that name, and all the rest as `SERVICE` in `bootstrap`.
    """
    # What is imported stays: no garbage is in it, neither now nor when the interpreter ends.
    gc.disable()
    atexit.register(gc.freeze)
    leave_out(UNWANTED)
    words = sys.argv[1:] if arguments is None else list(arguments)
    package = f"ringfence_{service.replace('-', '_')}"
    if words and words[0] in OF_DATABASE:
        command, needed = _both("ringfence_kernel.store.command", f"{package}.migrations")
        return int(command.main(service, needed.migrations, words))
    command, needed = _both("ringfence_kernel.service.command", f"{package}.bootstrap")
    return int(command.main(needed.SERVICE, words))


def leave_out(modules: Sequence[str]) -> None:
    """Has whoever imports them go on without, as where they are not installed; what is there already stays."""
    for module in modules:
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # the interpreter's own mark


def _both(*modules: str) -> list[ModuleType]:
    """Imports them, and lets the collector work from then on, on what comes after them."""
    imported = [import_module(module) for module in modules]
    gc.freeze()
    gc.enable()
    return imported
