"""The file rail: messages to and from the bank as files in a spool folder."""

from __future__ import annotations

import glob
import hashlib
import math
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from ringfence_payment_instruction.rail.domain.errors import RailContradiction

OUTBOX, INBOX, ARCHIVE, REFUSED = "outbox", "inbox", "archive", "refused"
MAX_INBOUND_BYTES = 32 * 1024 * 1024
LEFT_BEHIND_SECONDS = 60.0
"""After so long nobody writes a half-written file any more: its process has ended."""
TOMBSTONE = b"withdrawn\n"
"""Stands in the place of a message that was taken back before it was there: no XML, and nothing to be taken."""
_MAX_NAME_LENGTH = 100


class SpoolRail:
    """Hands files to the bank through `outbox/` and takes its files from `inbox/`.

    A message is whole or absent, and the first under its name: it is written beside its place, synced, linked, and the
    folder synced. A file stays in the inbox until it is archived or refused.
    """

    def __init__(self, directory: Path, max_inbound_bytes: int = MAX_INBOUND_BYTES) -> None:
        """Makes the folders where they are missing, for this user alone."""
        self._directory = directory
        self._max_inbound_bytes = max_inbound_bytes
        for name in (OUTBOX, INBOX, ARCHIVE, REFUSED):
            (directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def deliver(self, message_id: str, content: bytes) -> str | None:
        """Puts a message into the outbox unless its name is there; returns the name with the content's SHA-256.

        The bank takes a message by putting an empty file in its place, so that the name stays. Returns None where a
        tombstone stands. Raises OSError, and RailContradiction where other bytes stand there.
        """
        target = self._directory / OUTBOX / file_name(message_id)
        standing = self._put(target, content)
        if standing == TOMBSTONE:
            return None
        if standing not in (content, b""):
            raise RailContradiction
        return f"{target.name} sha256:{hashlib.sha256(content).hexdigest()}"

    def withdraw(self, message_id: str) -> bool:
        """Puts a tombstone under a message's name, unless something stands there; tells whether that is a tombstone."""
        return self._put(self._directory / OUTBOX / file_name(message_id), TOMBSTONE) == TOMBSTONE

    def _put(self, target: Path, content: bytes) -> bytes:
        """Returns what stands under a name, for ever: this content, or what was there before."""
        try:
            link_whole(target, content)
        except FileExistsError:
            content = target.read_bytes()
        _sync_directory(target.parent)
        return content

    def has(self, message_id: str) -> bool:
        """Tells whether a name is in the outbox, taken by the bank or not, or withdrawn."""
        return (self._directory / OUTBOX / file_name(message_id)).exists()

    def pending(self) -> list[str]:
        """Returns the names of the files in the inbox, the oldest first; those that cannot be looked at come last."""
        with os.scandir(self._directory / INBOX) as entries:
            return [entry.name for entry in sorted(filter(_is_taken, entries), key=_arrival)]

    def read(self, name: str) -> bytes:
        """Returns a file's bytes; of one above the size bound one byte more, so that its reader refuses it."""
        with (self._directory / INBOX / plain(name)).open("rb") as file:
            return file.read(self._max_inbound_bytes + 1)

    def archive(self, name: str) -> None:
        """Moves a file whose effect is committed from the inbox to the archive; once moved, does nothing."""
        self._move(name, ARCHIVE)

    def refuse(self, name: str) -> None:
        """Moves a file that cannot be read from the inbox to the refused ones; once moved, does nothing."""
        self._move(name, REFUSED)

    def _move(self, name: str, folder: str) -> None:
        source = self._directory / INBOX / plain(name)
        try:
            arrived_ns = source.stat().st_mtime_ns
            # The time of arrival keeps apart what the bank sends under one name again.
            source.rename(self._directory / folder / f"{arrived_ns}-{source.name}")
        except FileNotFoundError:
            return
        _sync_directory(self._directory / INBOX)
        _sync_directory(self._directory / folder)


def file_name(message_id: str) -> str:
    """Returns a file name for a message id, the same for the same id; any id is safe."""
    name = quote(message_id, safe="").replace(".", "%2E")
    if len(name) > _MAX_NAME_LENGTH:
        name = hashlib.sha256(message_id.encode()).hexdigest()
    return f"{name}.xml"


def is_plain(name: str) -> bool:
    """Tells whether a name is one of a visible file in its place, and leads nowhere else."""
    return bool(name) and "/" not in name and not name.startswith(".")


def plain(name: str) -> str:
    """Returns a name that is plain; raises FileNotFoundError."""
    if not is_plain(name):
        raise FileNotFoundError(name)
    return name


def link_whole(target: Path, content: bytes) -> None:
    """Writes a file under a name that is free, whole or not at all; raises FileExistsError where it is taken."""
    for each in target.parent.glob(f".{glob.escape(target.name)}.*"):
        with suppress(FileNotFoundError):
            if time.time() - each.stat().st_mtime > LEFT_BEHIND_SECONDS:
                each.unlink()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _is_taken(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)


def _arrival(entry: os.DirEntry[str]) -> tuple[float, str]:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns, entry.name
    except OSError:
        return math.inf, entry.name


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
