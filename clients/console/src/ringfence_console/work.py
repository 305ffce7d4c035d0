"""What a host brings that may act: open work, business days, and how the parts are. Ports block, like those of the log.

Amounts are in minor units of their currency, its ledger (ISO 4217, numeric); times in UTC nanoseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from ringfence_console.beside import Beside, Detail, Money


class Subject(StrEnum):
    """What work is about; also a part of its page's address."""

    PAYMENT = "approval"
    HIT = "hit"
    PROPOSAL = "proposal"
    EXCEPTION = "exception"
    ENTRY = "entry"
    SUSPENSE = "suspense"
    BREAK = "break"
    DAY = "day"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that waits for somebody.

    `key` is its id within its subject, as it stands in addresses; `reason` names in UPPER_SNAKE, or as
    "custody.AdoptRules", why it waits. `due_ns` is when its clock runs out, `owner_id` who has taken it.
    """

    subject: Subject
    key: str
    reason: str
    since_ns: int
    tenant_id: UUID | None = None
    money: Money | None = None
    due_ns: int | None = None
    owner_id: UUID | None = None
    text: str = ""


@dataclass(frozen=True)
class Balance:
    """What the payer has for a payment, and what stays after it."""

    account_id: UUID
    now: Money
    after: Money

    @property
    def is_enough(self) -> bool:
        """Whether it can be paid."""
        return self.after.minor >= 0


@dataclass(frozen=True)
class Limit:
    """A limit that a payment counts against, by its name in UPPER_SNAKE: what it comes to with it, and the bound.

    `value` is None where that is not told.
    """

    name: str
    value: Money | None
    bound: Money

    @property
    def is_above(self) -> bool:
        """Whether it takes another person."""
        return self.value is not None and self.value.minor > self.bound.minor


@dataclass(frozen=True)
class Edition:
    """An edition of a list by which is screened: the list, when it was published, and when it is too old; UTC ns."""

    list_name: str
    published_ns: int
    stale_ns: int


class Kind(StrEnum):
    """What a reader fills in for an act."""

    ID = "id"
    AMOUNT = "amount"
    CANDIDATE = "candidate"
    IBAN = "iban"


@dataclass(frozen=True)
class Input:
    """A value that the reader has to give: an id, an amount of a currency, an IBAN, or one of the candidates."""

    name: str
    kind: Kind
    ledger: int = 0
    value: str = ""


@dataclass(frozen=True)
class Offer:
    """An act that the reader may do: by its name, and what the reader may and has to say for it."""

    act: str
    needs_note: bool = False
    needs_document: bool = False
    takes_note: bool = True
    inputs: Sequence[Input] = ()


@dataclass(frozen=True, kw_only=True)
class Matter:
    """An item opened, for one reader.

    `details` are by name, in the order in which they are shown. `standing` is what an act depends on: where a form was
    drawn while it was another, the act is not done. Without offers `objection` says why, in UPPER_SNAKE.
    """

    item: Item
    details: Mapping[str, Detail]
    standing: Mapping[str, str]
    offers: Sequence[Offer] = ()
    objection: str = ""
    balance: Balance | None = None
    limits: Sequence[Limit] = ()
    screened_by: Sequence[Edition] | None = None
    """The lists in force that name nobody in it; None where they name somebody, or are not told."""
    alike: Sequence[Item] = ()
    """Earlier ones to compare it with, the newest first."""
    about: Sequence[Item] = ()
    """What else it is about, to be looked at before it is decided."""
    beside: Beside = field(default_factory=Beside)

    def offer(self, act: str) -> Offer | None:
        """Gives the act of a name, None where the reader may not do it."""
        return next((each for each in self.offers if each.act == act), None)


@dataclass(frozen=True)
class Words:
    """What the reader says for an act: a note, the document that shows it, 32 bytes or none, and its inputs by name.

    An id and an IBAN are as they stand, an amount its minor units, a candidate its key: all as text, each as the offer
    asks for it.
    """

    note: str = ""
    document_sha256: bytes = b""
    inputs: Mapping[str, str] = field(default_factory=dict)


Value = str | Sequence[str] | Sequence[Mapping[str, str]]
"""A field of a request: text, a list of it, or a list of messages of texts."""


@dataclass(frozen=True)
class Command:
    """An act as it is sent: the method of the service that owns it, and its request by the names of its fields.

    A method that many services have is named with its service before it. `requires` is not sent: whoever sends the
    command sees to it that this is so, and else does not send it.
    """

    method: str
    request: Mapping[str, Value]
    requires: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Its canonical text: JSON as RFC 8785 has it, without a number."""
        requires = {"requires": dict(self.requires)} if self.requires else {}
        return json.dumps(
            {"method": self.method, "request": dict(self.request), **requires},
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @property
    def sha256(self) -> bytes:
        """The hash of the canonical text in UTF-8, 32 bytes."""
        return sha256(self.text.encode()).digest()


@dataclass(frozen=True)
class Done:
    """What an act became, as its service has committed it: `result` in UPPER_SNAKE, and the proposal that it made."""

    result: str
    proposal_id: UUID | None = None
    matter: Matter | None = None


class Work(Protocol):
    """Open work, and acts on it by the reader's own key. All raise Refused and Unavailable."""

    def items(self) -> Sequence[Item]:
        """Gives what waits, the oldest first."""

    def matter(self, subject: Subject, key: str) -> Matter:
        """Opens an item, also one that waits no longer; raises NotThere."""

    def command(self, matter: Matter, act: str, words: Words) -> Command:
        """Gives what would be sent; asks nobody. The act is one of the matter's offers."""

    def send(self, command: Command) -> Done:
        """Sends exactly what the command says; what was sent before changes nothing more."""


@dataclass(frozen=True)
class Resource:
    """The four components of what is there for clients, minor units (CASS 15.8.26R)."""

    funds_minor: int
    unplaced_minor: int
    assets_minor: int
    insurance_minor: int


@dataclass(frozen=True, kw_only=True)
class Day:
    """A business day of a platform, a currency and a pool: what clients are owed, what is there, what keeps it open.

    `resource` says what is there by components, None before that is known.
    """

    key: str
    tenant_id: UUID
    ledger: int
    pool: str
    day: date
    status: str
    version: int
    requirement_minor: int
    resource_minor: int
    difference_minor: int
    overdue_minor: int
    banks_minor: int
    resource: Resource | None = None
    open: Sequence[str] = ()
    is_missed: bool = False


class Days(Protocol):
    """Business days; raises Refused and Unavailable."""

    def days(self) -> Sequence[Day]:
        """Gives those that are open and the newest that are not, the newest first."""


class State(StrEnum):
    """How a process answers."""

    LEADS = "LEADS"
    STANDS_BY = "STANDS_BY"
    SILENT = "SILENT"
    NOT_TOLD = "NOT_TOLD"


@dataclass(frozen=True)
class Lag:
    """How far a process is behind a source that it follows: events, and seconds since it was heard to its end."""

    source: str
    events: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a process says of itself; None where it does not.

    `checks` are by name what is wrong, empty where nothing is: its store, Vault and NATS among them. `queues` count
    what waits for something, by the name of their metric.
    """

    checks: Mapping[str, str]
    lags: Sequence[Lag] = ()
    queues: Mapping[str, int] = field(default_factory=dict)
    certificate_seconds: float | None = None


@dataclass(frozen=True)
class Process:
    """One process of a service, whether it leads or stands by; it `is_ill` where it says that something is wrong."""

    service: str
    address: str
    state: State
    figures: Figures | None = None
    is_ill: bool = False


@dataclass(frozen=True)
class BankFeed:
    """A bank mirror, and the last day that the bank has stated; None where it never has."""

    tenant_id: UUID
    mirror_id: UUID
    ledger: int
    last_day: date | None


@dataclass(frozen=True)
class Health:
    """How the parts are, as far as they can be seen from here; `unseen` names what the reader is not told."""

    processes: Sequence[Process]
    feeds: Sequence[BankFeed]
    own_certificate_until_ns: int
    unseen: Sequence[str] = field(default=())


class Parts(Protocol):
    """How the parts are."""

    def health(self) -> Health:
        """Asks all of them, each for at most a second."""
