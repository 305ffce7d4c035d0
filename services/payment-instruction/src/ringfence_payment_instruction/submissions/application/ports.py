"""What submissions ask of others. Adapters answer; tests answer with fakes of these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ringfence_kernel.access.caller import Caller

from ringfence_payment_instruction.submissions.domain.events import SubmissionRefused
from ringfence_payment_instruction.submissions.domain.orders import Alias, Order
from ringfence_payment_instruction.submissions.domain.past import Past
from ringfence_payment_instruction.submissions.domain.submission import Submission


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Identity's word, for one tenant, that custody accepts from this service alone."""

    token: str = field(repr=False)
    expires_ns: int


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Data keys by subject, 32 bytes each; a subject without one is erased or unknown."""

    keys: Mapping[bytes, bytes] = field(repr=False)
    blind_index_key: bytes = field(repr=False)


class HolderNamed(NamedTuple):
    """What a bank's message, `digest` its SHA-256, says of an IBAN on a safeguarding account of a tenant."""

    tenant: bytes
    bank_feed: bytes
    iban: str
    holder_name: str
    digest: bytes


class Identity(Protocol):
    """Who may order, whose IBANs these are, and the keys of personal data."""

    async def resolve(self, ibans: Sequence[str]) -> dict[str, Alias]:
        """Returns what IBANs stand for; unknown ones are left out. Raises IdentityUnavailable."""

    async def confirm(self, named: Sequence[HolderNamed]) -> dict[str, Alias]:
        """Confirms claims of IBANs by what a bank says; returns what those stand for. Raises IdentityUnavailable."""

    async def keys(self, subjects: Collection[bytes]) -> KeyRing:
        """Returns the data keys of subjects, made where a known subject has none yet. Raises KeysUnavailable."""

    async def authorise(self, caller: Caller, tenant: bytes, submission_id: bytes, digest: bytes) -> Authorisation:
        """Returns the authorisation to act on a submission later; raises IdentityUnavailable, AuthorisationRefused."""


class TransactionStatus(NamedTuple):
    """What a status report says of one transaction: ISO status, and ISO reason code with a text, or empty."""

    iso_status: str
    iso_reason: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class OrderFile:
    """A payment initiation that can be taken in; `original` is the file as its reader knows it."""

    message_id: str
    message_name: str
    digest: bytes
    orders: tuple[Order, ...]
    original: Any

    def refused(self, refusal: FileRefusal) -> RefusedFile:
        """Returns the file as a refused one."""
        return RefusedFile(self.message_id, self.message_name, self.digest, refusal)


class FileRefusal(NamedTuple):
    """Why a file is refused whole: our reason, the ISO code, and a text without any value of the file."""

    reason: str
    iso_reason: str
    text: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A payment initiation that is refused whole; ids are NOTPROVIDED where they could not be read."""

    message_id: str
    message_name: str
    digest: bytes
    refusal: FileRefusal


class OrderFiles(Protocol):
    """Reads pain.001 and writes pain.002; pure, blocking."""

    def is_small(self, content: bytes) -> bool:
        """Tells whether a file is read sooner than anything is looked up about it."""

    def read_orders(self, content: bytes, identify: Callable[[str, int], bytes]) -> OrderFile | RefusedFile:
        """Reads a pain.001; `identify(message id, position)` gives each transaction its instruction id.

        A file of more than MAX_INSTRUCTIONS transactions is a refused one. Raises InputNotReadable, ReadingUnavailable.
        """

    def report(self, file: OrderFile, statuses: Sequence[TransactionStatus], message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was taken in."""

    def report_refusal(self, file: RefusedFile, message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was refused."""


class Archive(Protocol):
    """What stands in tables and in the event store of all that was ever taken in; blocks, raises StoreUnavailable."""

    def look_up(self, keys: Sequence[bytes]) -> Past:
        """Returns where keys were used first, as of one position of the feed."""

    def load(
        self, streams: Sequence[bytes], most_rows: int | None = None
    ) -> tuple[dict[bytes, Submission], dict[bytes, SubmissionRefused]]:
        """Returns the submissions and the refused files of streams, as they stand now; raises TooManyRows."""
