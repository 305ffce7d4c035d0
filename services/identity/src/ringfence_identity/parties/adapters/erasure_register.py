"""The register of the erased: objects in a folder or a bucket, made once and never again, outside every database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from ringfence_identity.parties.application.ports import Registered
from ringfence_identity.parties.domain.errors import ErasureRegisterUnavailable

PREFIX = "erased/"
MARKER = "marker"
"""Outside the entries: tells this register from an empty one, and from another's."""


@dataclass(frozen=True, slots=True)
class ObjectRegister:
    """An ErasureRegister over a store of objects; the one that keeps it is to lock what is there."""

    store: LocalStore | S3Store

    def add(self, erased: Registered) -> None:
        """Puts an object where there is none (RFC 9110 section 13.1.2); raises ErasureRegisterUnavailable."""
        named = {"subject": erased.subject.hex(), "tenant": erased.tenant.hex(), "party": erased.party.hex()}
        content = json.dumps({**named, "iban_indexes": [each.hex() for each in erased.iban_indexes]}).encode()
        with _named():
            try:
                obstore.put(self.store, f"{PREFIX}{erased.subject.hex()}", content, mode="create")
            except AlreadyExistsError:
                return

    def mark(self, marker: bytes) -> None:
        """Puts the marker where there is none; raises ErasureRegisterUnavailable."""
        with _named():
            try:
                obstore.put(self.store, MARKER, marker.hex().encode(), mode="create")
            except AlreadyExistsError:
                return

    def marker(self) -> bytes:
        """Returns the marker, empty where there is none; raises ErasureRegisterUnavailable."""
        with _named():
            try:
                content = bytes(obstore.get(self.store, MARKER).bytes())
            except (NotFoundError, FileNotFoundError):
                return b""
        try:
            return bytes.fromhex(content.decode())
        except ValueError as error:
            raise ErasureRegisterUnavailable("the marker of the register of the erased cannot be read") from error

    def subjects(self) -> Iterator[bytes]:
        """Yields everybody who was ever erased, from names alone; raises ErasureRegisterUnavailable."""
        with _named():
            for page in obstore.list(self.store, prefix=PREFIX):
                for each in page:
                    yield _subject(each["path"])

    def read(self, subject: bytes) -> Registered:
        """Returns an entry; raises ErasureRegisterUnavailable, also for what cannot be read."""
        with _named():
            return _registered(bytes(obstore.get(self.store, f"{PREFIX}{subject.hex()}").bytes()))


def _registered(content: bytes) -> Registered:
    try:
        fields = json.loads(content)
        subject, tenant = bytes.fromhex(fields["subject"]), bytes.fromhex(fields["tenant"])
        # Entries of earlier releases name neither.
        party = bytes.fromhex(fields.get("party", fields["subject"]))
        return Registered(subject, tenant, party, tuple(map(bytes.fromhex, fields.get("iban_indexes", []))))
    except (ValueError, KeyError, TypeError) as error:
        raise ErasureRegisterUnavailable("an entry of the register of the erased cannot be read") from error


def _subject(path: str) -> bytes:
    try:
        return bytes.fromhex(path.removeprefix(PREFIX))
    except ValueError as error:
        raise ErasureRegisterUnavailable("an entry of the register of the erased has no subject's name") from error


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise ErasureRegisterUnavailable from error
