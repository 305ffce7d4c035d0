"""One owner per folder: an advisory lock that the kernel drops when its holder dies."""

import fcntl
import os
from pathlib import Path

from ringfence_local_stack.errors import StackRunning


class FolderLock:
    """The lock of a stack's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def take(self) -> None:
        """Takes the lock at once; raises StackRunning if another holds it."""
        descriptor = os.open(self._folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StackRunning(f"another process runs the stack in {self._folder}") from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the lock back; does nothing if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
