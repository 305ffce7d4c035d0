"""Follows a log by pulling its tiles and entries (C2SP tlog-tiles), and believes what its checkpoint proves."""

from __future__ import annotations

import http.client
import os
import sqlite3
import ssl
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.reading import LogLies, Overtaken
from ringfence_verifier.mirror.store import LONGEST_BUNDLE, Held, split
from ringfence_verifier.note import MAX_NOTE_BYTES
from ringfence_verifier.proofs import HASH_BYTES, leaf_hash
from ringfence_verifier.tiles import TILE_WIDTH, ProvenTiles, tile_path, widths
from ringfence_verifier.witness.seen import SeenCheckpoint

ANSWER_SECONDS = 30.0
BUNDLES_AT_ONCE = 8
"""How many bundles are made durable together."""
NOT_FOUND = 404


class SourceAway(Exception):
    """The log cannot be asked now, or does not answer what was asked; the text says why."""


class LogForked(VerificationError):
    """The log shows what does not go on from what it has shown before; both notes are kept."""


@dataclass
class Source:
    """Where a log serves its tiles: an https URL; `authority` is who issues its certificate, PEM, else the system's.

    The client certificate is read anew for each connection, so that it may be renewed.
    """

    url: str
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    _connection: http.client.HTTPSConnection | None = field(default=None, repr=False)

    def checkpoint(self) -> str:
        """Gives the published note; raises SourceAway."""
        try:
            return self._get("checkpoint", MAX_NOTE_BYTES).decode()
        except UnicodeDecodeError:
            raise SourceAway("the checkpoint is no text") from None

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Gives the first hashes of a tile; raises SourceAway."""
        found = self._tile(level, index, width, HASH_BYTES * TILE_WIDTH, of_entries=False)[: width * HASH_BYTES]
        if len(found) != width * HASH_BYTES:
            raise SourceAway(f"{tile_path(level, index, width)} is shorter than it has to be")
        return found

    def entries(self, index: int, width: int) -> list[bytes]:
        """Gives the first entries of a bundle; raises SourceAway."""
        content = self._tile(0, index, width, LONGEST_BUNDLE, of_entries=True)
        try:
            return list(split(content))[:width]
        except VerificationError as error:
            raise SourceAway(f"{tile_path(0, index, width, of_entries=True)}: {error}") from None

    def _tile(self, level: int, index: int, width: int, most: int, *, of_entries: bool) -> bytes:
        """Asks for a full tile where a partial one is there no more."""
        try:
            return self._get(tile_path(level, index, width, of_entries=of_entries), most)
        except _NotThere:
            if width == TILE_WIDTH:
                raise
            return self._get(tile_path(level, index, TILE_WIDTH, of_entries=of_entries), most)

    def _get(self, path: str, most: int) -> bytes:
        """Asks once more on a new connection where the kept one has ended."""
        for is_kept in (self._connection is not None, False):
            try:
                return self._ask(path, most)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not is_kept:
                    raise SourceAway(f"{path}: {error or type(error).__name__}") from None
        raise AssertionError("the last attempt returns or raises")

    def _ask(self, path: str, most: int) -> bytes:
        parts = urlsplit(self.url)
        if self._connection is None:
            self._connection = self._connected(parts.hostname or "", parts.port or 443)
        headers = {"Accept-Encoding": "gzip", "User-Agent": "ringfence-mirror"}
        self._connection.request("GET", f"{parts.path.rstrip('/')}/{path}", headers=headers)
        answer = self._connection.getresponse()
        content = answer.read(most + 1)
        if answer.status != http.client.OK or len(content) > most:
            self.close()
            said = content[:80].decode("utf-8", "replace").strip() if len(content) <= most else "too long"
            kind = _NotThere if answer.status == NOT_FOUND else SourceAway
            raise kind(f"{path}: {answer.status} {said!a}")
        return _unpacked(content, most, path) if answer.headers.get("Content-Encoding") == "gzip" else content

    def _connected(self, host: str, port: int) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return http.client.HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=context)

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _NotThere(SourceAway):
    """The log has no such thing."""


def _unpacked(content: bytes, most: int, path: str) -> bytes:
    unpacking = zlib.decompressobj(31)
    try:
        found = unpacking.decompress(content, most)
    except zlib.error:
        raise SourceAway(f"{path}: it is not gzip") from None
    if not unpacking.eof:
        raise SourceAway(f"{path}: it unpacks to more than there can be, or is cut short")
    return found


@dataclass(frozen=True)
class Following:
    """Brings a copy to where its log is published."""

    copy: Copy
    source: Source
    evidence: Path
    """Where two notes that contradict each other are written."""
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)

    def step(self) -> int:
        """Takes what is new, and cosigns it; gives the size that is cosigned.

        Raises SourceAway; VerificationError, naming it, where something is not what the checkpoint is of; LogForked
        and LogLies, after which there is nothing more to take.
        """
        checkpoint, note = self.copy.verified(self.source.checkpoint())
        seen = self.copy.seen.of(self.copy.origin)
        newest = Held(checkpoint.size, checkpoint.root, note)
        if seen is not None and checkpoint.size < seen.size:
            return self._older(newest, seen)
        tiles = ProvenTiles(checkpoint.size, checkpoint.root, self.source.tile)
        while not self._seen_again(tiles, newest, seen):
            seen = self.copy.seen.of(self.copy.origin)
        self.copy.remember_pending()
        self._take(tiles, checkpoint.size)
        try:
            self.copy.commit(newest)
        except Overtaken:
            pass
        return checkpoint.size

    def _seen_again(self, tiles: ProvenTiles, newest: Held, seen: SeenCheckpoint | None) -> bool:
        """Puts the checkpoint in place of the one that was seen; False where another was meanwhile."""
        if seen is not None and newest.size >= seen.size and tiles.root(seen.size) != seen.root:
            self._fork(seen, newest)
        with self.copy.seen.turn(self.copy.origin) as turn:
            if turn.seen() != seen:
                return False
            if seen is None or newest.size > seen.size:
                turn.replace(SeenCheckpoint(newest.size, newest.root, newest.note))
        return True

    def _take(self, tiles: ProvenTiles, size: int) -> None:
        held = self.copy.held
        taken: list[bytes] = []
        for number, width in widths(size):
            first = number * TILE_WIDTH
            if first + width <= held:
                continue
            taken += self._proven(tiles, number, width)[max(held - first, 0) :]
            if number % BUNDLES_AT_ONCE == BUNDLES_AT_ONCE - 1:
                held, taken = self.copy.add(held, taken), []
        if taken:
            self.copy.add(held, taken)

    def _proven(self, tiles: ProvenTiles, number: int, width: int) -> list[bytes]:
        entries, hashes = self.source.entries(number, width), tiles.tile(0, number, width)
        for at in range(width):
            if at >= len(entries) or leaf_hash(entries[at]) != hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES]:
                raise VerificationError(f"entry {number * TILE_WIDTH + at} is not the one that the checkpoint is of")
        return entries

    def _older(self, shown: Held, seen: SeenCheckpoint) -> int:
        """Takes nothing from one who lags behind, whom the copy bears out."""
        if shown.size <= self.copy.held and self.copy.store.root(self.copy.origin, shown.size) != shown.root:
            self._fork(seen, shown)
        return shown.size

    def _fork(self, seen: SeenCheckpoint, shown: Held) -> None:
        """Says it, and then writes both notes out: a disk may fail. Raises LogForked."""
        text = f"{self.copy.origin} has shown another log at size {seen.size} than it shows now at size {shown.size}"
        self.say(text)
        head = f"forked-{self.copy.sha256[:16]}-{seen.size}-{shown.size}-{shown.root.hex()[:16]}"
        files = [self.evidence / f"{head}.{which}" for which in ("seen", "shown")]
        try:
            for file, note in zip(files, (seen.note, shown.note), strict=True):
                _keep(file, note)
        except OSError as error:
            raise LogForked(f"{text}; the notes could not be written ({error})") from None
        raise LogForked(f"{text}: {' and '.join(each.name for each in files)}")


def _keep(file: Path, note: str) -> None:
    """Writes a file whole and durably, or not at all; one that is there already stays. Raises OSError."""
    hidden = file.with_name(f".{file.name}")
    with hidden.open("w", encoding="utf-8") as written:
        written.write(note)
        written.flush()
        os.fsync(written.fileno())
    with suppress(FileExistsError):
        file.hardlink_to(hidden)
    hidden.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def follow(following: Following, seconds: float, stopping: threading.Event) -> None:
    """Takes what is new every so many seconds until it is to stop, or the log has forked or lies; says so.

    What may pass, an error of the disk or the database too, is said once, and tried again.
    """
    say, said = following.say, ""
    while not stopping.is_set():
        try:
            following.step()
            said = ""
        except (LogForked, LogLies) as error:
            say(f"{following.copy.origin} is not followed any more: {error}")
            return
        except (SourceAway, VerificationError, OSError, sqlite3.Error) as error:
            if str(error) != said:
                said = str(error)
                say(f"{following.copy.origin}: {error}")
        stopping.wait(seconds)
