"""The unprivileged account for servers that refuse to run as root, and the paths that it can reach."""

import hashlib
import os
import pwd
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHARED_ROOT = Path("/var/lib/ringfence")


@dataclass(frozen=True)
class Account:
    """A system account to run a server under."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The account for servers that refuse root: `nobody` when the caller is root, else None (the caller's own)."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def is_reachable(path: Path, account: Account | None) -> bool:
    """Whether `account` may traverse every folder above `path`, as far as they exist."""
    if account is None:
        return True
    return all(_may_traverse(parent.stat(), account) for parent in path.absolute().parents if parent.exists())


def reachable_directory(preferred: Path, account: Account | None) -> Path:
    """`preferred`, or a folder of the same purpose under `/var/lib/ringfence` when `account` cannot get to it.

    The substitute depends on the preferred path alone, so that a second start finds the data of the first.
    """
    if is_reachable(preferred, account):
        return preferred
    name = hashlib.sha256(str(preferred.absolute()).encode()).hexdigest()[:16]
    return _shared_root() / f"{preferred.name}-{name}"


def reachable_copy(
    folders: list[Path],
    version: str,
    account: Account | None,
    *,
    leave_out: Sequence[str],
) -> Path:
    """The common parent of `folders`, or that of a copy which `account` can reach (a checkout under `/root`).

    The copy is made once per `version`, without the entries whose name matches a pattern of `leave_out`.
    """
    parent = folders[0].parent
    if is_reachable(folders[0], account):
        return parent
    copy = _shared_root() / version
    if not copy.exists():
        partial = copy.with_name(f"{version}.{os.getpid()}.partial")
        try:
            for folder in folders:
                shutil.copytree(folder, partial / folder.name, symlinks=True, ignore=shutil.ignore_patterns(*leave_out))
            partial.chmod(0o755)
            partial.rename(copy)
        except OSError:
            # Another stack that started at the same time may have been first.
            if not copy.exists():
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return copy


def _shared_root() -> Path:
    SHARED_ROOT.mkdir(parents=True, exist_ok=True)
    SHARED_ROOT.chmod(0o755)
    return SHARED_ROOT


def _may_traverse(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
