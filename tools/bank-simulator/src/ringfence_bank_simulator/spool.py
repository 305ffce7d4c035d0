"""Files in the spool folder: written whole, taken oldest first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

WITHDRAWN = b"withdrawn\n"
"""What stands in the place of a message that never came: it is left where it is."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits to be handled, and when it arrived (UTC nanoseconds)."""

    path: Path
    arrived_ns: int


def waiting(directory: Path, suffix: str) -> list[Waiting]:
    """Returns the visible files of a folder with that suffix, the oldest first."""
    found = [
        Waiting(Path(entry.path), entry.stat().st_mtime_ns)
        for entry in os.scandir(directory)
        if entry.name.endswith(suffix)
        and not entry.name.startswith(".")
        and entry.is_file(follow_symlinks=False)
        and entry.stat().st_size  # an empty one was taken
    ]
    return sorted(found, key=lambda each: (each.arrived_ns, each.path.name))


def safe_name(message_id: str) -> str:
    """Returns a file name for a message id, without its suffix."""
    return quote(message_id, safe="").replace(".", "%2E")


def write_whole(target: Path, content: bytes) -> None:
    """Writes a file so that a crash leaves the old one or the new one, never a part."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    move(temporary, target)


def take(source: Path, target: Path) -> None:
    """Moves a file's content, and leaves its name behind on an empty file, so that nobody writes it again."""
    write_whole(target, source.read_bytes())
    write_whole(source, b"")


def move(source: Path, target: Path) -> None:
    """Renames a file and makes that last."""
    source.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
