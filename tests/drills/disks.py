"""Small file systems of their own, which can be filled to the last byte and freed again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.birth import certify, prepare
from ringfence_local_stack.sandbox.days import list_years
from ringfence_local_stack.stack.local_stack import LocalStack

from tests.chaos.drill import SNAPSHOTS

POSTGRES_MIB, LOGS_MIB, SNAPSHOTS_MIB = 1_024, 16, 64
_BLOCK = bytes(64 * 1024)


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory, mounted at `path` by root."""

    path: Path
    mebibytes: int

    @contextmanager
    def mounted(self) -> Iterator[SmallDisk]:
        """Mounts it for as long as the block lasts."""
        self.path.mkdir(parents=True, exist_ok=True)
        _as_root("mount", "-t", "tmpfs", "-o", f"size={self.mebibytes}m,mode=0711", "ringfence-drill", str(self.path))
        try:
            yield self
        finally:
            _as_root("umount", "--lazy", str(self.path))

    @contextmanager
    def full(self) -> Iterator[Callable[[], None]]:
        """Leaves no byte free for as long as the block lasts; what it yields takes what others have freed since."""
        filler = self.path / "filler"

        def fill() -> None:
            with filler.open("ab", buffering=0) as file, suppress(OSError):
                for size in (len(_BLOCK), 4096, 1):
                    with suppress(OSError):
                        while file.write(_BLOCK[:size]):
                            pass

        try:
            fill()
            yield fill
        finally:
            filler.unlink()


@dataclass(frozen=True)
class Disks:
    """The small disks of a stack."""

    postgres: SmallDisk
    logs: SmallDisk
    snapshots: dict[str, SmallDisk]


@contextmanager
def stack_on_small_disks() -> Iterator[tuple[LocalStack, Disks]]:
    """Starts a private stack on such disks; both are gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="ringfence-"))
    own = prepare(directory)
    stack = LocalStack(
        directory,
        service_settings={service: {**own.get(service, {}), **SNAPSHOTS} for service in SERVICES},
        before_services=certify,
        # Little is set aside, so that a full disk is soon felt.
        postgres_settings={"max_wal_size": "32MB", "min_wal_size": "32MB"},
    )
    disks = Disks(
        SmallDisk(directory / "postgres", POSTGRES_MIB),
        SmallDisk(directory / "logs", LOGS_MIB),
        {each: SmallDisk(directory / "services" / each / "snapshots", SNAPSHOTS_MIB) for each in SERVICES},
    )
    directory.chmod(0o711)
    try:
        with ExitStack() as mounts:
            for disk in (disks.postgres, disks.logs, *disks.snapshots.values()):
                mounts.enter_context(disk.mounted())
            with stack:
                list_years(stack.running)
                yield stack, disks
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _as_root(*command: str) -> None:
    subprocess.run(command if os.geteuid() == 0 else ("sudo", *command), check=True)
