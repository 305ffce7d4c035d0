"""Files that a command writes, whole or not at all, and never in another's place."""

import os
from pathlib import Path

from ringfence.commands.errors import CommandFailed


def require_new(*files: Path) -> None:
    """Refuses a file that is there already, before anything is asked for."""
    for file in files:
        if file.exists():
            raise CommandFailed(f"{file} is there already")


def write_new(file: Path, content: bytes) -> None:
    """Writes a file; raises FileExistsError where it is there by now."""
    hidden = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with hidden.open("xb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        os.link(hidden, file)
    finally:
        hidden.unlink(missing_ok=True)
