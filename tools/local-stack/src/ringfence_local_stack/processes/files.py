"""Private files and folders, written whole or not at all, and folders that are thrown away."""

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""
PLENTY_BYTES = 4 << 30
"""So much has to be free, of the file system and of the machine; a stack of the tests takes a tenth."""
_PREFIX = "ringfence-"
_held: list[int] = []


def private_folder(path: Path, mode: int = 0o700) -> Path:
    """Makes `path` and its parents, with `mode` on the last whatever the umask; returns it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def write_private(path: Path, text: str) -> Path:
    """Replaces `path` by a file of mode 0600 holding `text`; a crash leaves the old one or the new one. Returns it."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    return path


def secret_in(path: Path) -> str:
    """The random password kept in `path`, made and stored when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def fleeting_folder() -> Path:
    """Makes a folder for servers that are thrown away: in memory where there is plenty, else with temporary files.

    A database is hundreds of files, which a disk's file system makes and deletes at four times the cost. Folders in
    memory that a killed process has left are deleted.
    """
    if not _plenty():
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    with (MEMORY / f".{_PREFIX}{os.getuid()}").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        for each in MEMORY.glob(f"{_PREFIX}*"):
            if (descriptor := _hold(each)) is not None:
                shutil.rmtree(each, ignore_errors=True)
                os.close(descriptor)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=MEMORY))
        # Kept until the process ends, however it does: this says that it lives.
        _held.extend(each for each in [_hold(folder)] if each is not None)
        return folder


def _plenty() -> bool:
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
        return min(available, shutil.disk_usage(MEMORY).free) >= PLENTY_BYTES and os.access(MEMORY, os.W_OK)
    return False


def _hold(folder: Path) -> int | None:
    """A descriptor that holds the folder for this process; None if another one does, or it is none of ours."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
