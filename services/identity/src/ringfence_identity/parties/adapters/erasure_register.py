"""The register of the erased: objects in a folder or a bucket, made once and never again, outside every database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from ringfence_identity.parties.application.ports import Registered
from ringfence_identity.parties.domain.errors import ErasureRegisterUnavailable

PREFIX = "erased/"


@dataclass(frozen=True, slots=True)
class ObjectRegister:
    """An ErasureRegister over a store of objects; the one that keeps it is to lock what is there."""

    store: LocalStore | S3Store

    def add(self, erased: Registered) -> None:
        """Puts an object where there is none (RFC 9110 section 13.1.2); raises ErasureRegisterUnavailable."""
        content = json.dumps({"subject": erased.subject.hex(), "tenant": erased.tenant.hex()}).encode()
        with _named():
            try:
                obstore.put(self.store, f"{PREFIX}{erased.subject.hex()}", content, mode="create")
            except AlreadyExistsError:
                return

    def entries(self) -> Iterator[Registered]:
        """Yields everybody who was ever erased; raises ErasureRegisterUnavailable, also for what cannot be read."""
        with _named():
            for page in obstore.list(self.store, prefix=PREFIX):
                for each in page:
                    yield _registered(bytes(obstore.get(self.store, each["path"]).bytes()))


def _registered(content: bytes) -> Registered:
    try:
        fields = json.loads(content)
        return Registered(bytes.fromhex(fields["subject"]), bytes.fromhex(fields["tenant"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ErasureRegisterUnavailable("an entry of the register of the erased cannot be read") from error


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise ErasureRegisterUnavailable from error
