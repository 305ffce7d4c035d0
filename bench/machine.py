"""The machine that a figure is from, without names or paths."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from ringfence_local_stack.stack.local_stack import LocalStack


def machine(stack: LocalStack) -> dict[str, Any]:
    """Returns cores used, processor, memory, and the versions that matter."""
    with stack.postgres.superuser() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "memory_gib": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "python": platform.python_version(),
        "postgresql": row[0],
    }


def use_cores(count: int) -> None:
    """Keeps this process, and all that it will start, on the first `count` of its cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _field(file: str, name: str) -> str:
    """Returns the first value of that name in a file of `name: value` lines."""
    lines = (line.partition(":") for line in Path(file).read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")
