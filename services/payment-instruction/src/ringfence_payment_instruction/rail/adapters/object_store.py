"""The object rail: messages to and from the bank as objects of a bucket that speaks S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import S3Store

from ringfence_payment_instruction.rail.adapters.spool import (
    ARCHIVE,
    INBOX,
    MAX_INBOUND_BYTES,
    OUTBOX,
    REFUSED,
    TOMBSTONE,
    file_name,
    is_plain,
    plain,
)
from ringfence_payment_instruction.rail.domain.errors import RailContradiction

if TYPE_CHECKING:  # there for checkers only
    from obstore.store import ClientConfig

TIMEOUT_SECONDS = 30.0
CONNECT_SECONDS = 3.0
ATTEMPTS_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where a bucket is, and who this service is to it; `prefix` ends with a slash or is empty."""

    name: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    prefix: str = ""
    ca_file: Path | None = None


class ObjectRail:
    """The same places as the spool's folders, as prefixes: `outbox/`, `inbox/`, `archive/`, `refused/`.

    A message is put under its name only if there is none (RFC 9110 section 13.1.2, `If-None-Match: *`), which the
    server has to heed. The bank takes it by putting an empty object in its place, so that the name stays.
    """

    def __init__(self, bucket: Bucket, max_inbound_bytes: int = MAX_INBOUND_BYTES) -> None:
        """Connects at the first call."""
        options: ClientConfig = {
            "timeout": timedelta(seconds=TIMEOUT_SECONDS),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        }
        if bucket.ca_file:
            options["root_certificate"] = bucket.ca_file.read_bytes()
        self._max_inbound_bytes = max_inbound_bytes
        self._prefix = bucket.prefix
        self._store = S3Store(
            bucket.name,
            endpoint=bucket.endpoint,
            region=bucket.region,
            access_key_id=bucket.access_key_id,
            secret_access_key=bucket.secret_access_key,
            client_options=options,
            # A put that was not answered is made again, and finds itself.
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=ATTEMPTS_SECONDS)},
        )

    def deliver(self, message_id: str, content: bytes) -> str | None:
        """Puts a message into the outbox unless its name is there; returns the name with the content's SHA-256.

        Returns None where a tombstone stands.
        """
        key = self._key(OUTBOX, file_name(message_id))
        standing = self._put(key, content)
        if standing == TOMBSTONE:
            return None
        if standing not in (content, b""):
            raise RailContradiction
        return f"{key} sha256:{hashlib.sha256(content).hexdigest()}"

    def withdraw(self, message_id: str) -> bool:
        """Puts a tombstone under a message's name, unless something stands there; tells whether that is a tombstone."""
        return self._put(self._key(OUTBOX, file_name(message_id)), TOMBSTONE) == TOMBSTONE

    def _put(self, key: str, content: bytes) -> bytes:
        """Returns what stands under a name, for ever: this content, or what was there before."""
        with _as_os_errors():
            try:
                obstore.put(self._store, key, content, mode="create")
            except AlreadyExistsError:
                return bytes(obstore.get(self._store, key).bytes())
        return content

    def has(self, message_id: str) -> bool:
        """Tells whether a name is in the outbox, taken by the bank or not, or withdrawn."""
        with _as_os_errors():
            try:
                obstore.head(self._store, self._key(OUTBOX, file_name(message_id)))
            except (NotFoundError, FileNotFoundError):
                return False
        return True

    def pending(self) -> list[str]:
        """Returns the names of the objects in the inbox, the oldest first."""
        inbox = self._key(INBOX, "")
        with _as_os_errors():
            found = [each for page in obstore.list(self._store, prefix=inbox) for each in page]
        found.sort(key=lambda each: (each["last_modified"], each["path"]))
        names = (each["path"].removeprefix(inbox) for each in found)
        return [name for name in names if is_plain(name)]

    def read(self, name: str) -> bytes:
        """Returns an object's bytes; of one above the size bound one byte more, so that its reader refuses it."""
        key = self._key(INBOX, plain(name))
        with _as_os_errors():
            found = obstore.get(self._store, key)
            if found.meta["size"] <= self._max_inbound_bytes:
                return bytes(found.bytes())
            return bytes(obstore.get_range(self._store, key, start=0, end=self._max_inbound_bytes + 1))

    def archive(self, name: str) -> None:
        """Moves an object whose effect is committed from the inbox to the archive; once moved, does nothing."""
        self._move(name, ARCHIVE)

    def refuse(self, name: str) -> None:
        """Moves an object that cannot be read from the inbox to the refused ones; once moved, does nothing."""
        self._move(name, REFUSED)

    def _move(self, name: str, folder: str) -> None:
        source = self._key(INBOX, plain(name))
        with _as_os_errors():
            try:
                arrived = obstore.head(self._store, source)["last_modified"]
                # The time of arrival keeps apart what the bank sends under one name again.
                target = self._key(folder, f"{int(arrived.timestamp() * 1e6)}-{name}")
                obstore.copy(self._store, source, target)
                obstore.delete(self._store, source)
            except (NotFoundError, FileNotFoundError):
                return

    def _key(self, folder: str, name: str) -> str:
        return f"{self._prefix}{folder}/{name}"


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Makes what the client raises the errors of the port."""
    try:
        yield
    except BaseError as error:
        raise OSError(f"the bucket does not answer as it should: {type(error).__name__}") from error
