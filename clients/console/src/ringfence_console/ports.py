"""What a host brings to the console: each port is a group of questions, and without a port its pages do not exist.

Ports block; pages call them in threads. Whatever they give of the log was proven by whoever gives it, as far as its
seal says. A page asks once for all that it shows, and names itself: its view is one fact in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.safeguarding import Equation
from ringfence_desk.sought import Ground, Sought


class NotThere(Exception):
    """Nothing is known under what was asked, or its asker may not know of it."""


class Refused(Exception):
    """A service has refused to answer; `reason` is in UPPER_SNAKE."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NotGiven(Exception):
    """The program that shows the page cannot give this, whatever the log says; `reason` is in UPPER_SNAKE."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(Exception):
    """Nobody answers at present; the same may be asked again."""


class NotProven(Exception):
    """What was answered does not hold: the log, or who stands between, has shown something false."""


class Forked(NotProven):
    """The log has signed two histories: a checkpoint of each, as it was signed, which both prove it to anybody."""

    def __init__(self, message: str, remembered: str, shown: str) -> None:
        super().__init__(message)
        self.remembered, self.shown = remembered, shown


@dataclass(frozen=True)
class View:
    """A page as it is looked at: the log says of it which page, and what it is about (`subject`).

    `options` are how that is shown: with others it shows other facts, so it is another view.
    """

    page: str
    subject: str = ""
    options: str = ""


@dataclass(frozen=True)
class Reader:
    """Who looks: the role as identity calls it ("REGULATOR"), and the principal."""

    principal_id: UUID
    role: str
    name: str = ""


@dataclass(frozen=True)
class Key:
    """A key of the log, a vkey (C2SP signed-note), and which sizes it has to sign; `last` is None for all beyond."""

    vkey: str
    first: int = 0
    last: int | None = None


@dataclass(frozen=True)
class Seal:
    """Under which checkpoint facts stand.

    `root` has 32 bytes, `time_ns` (UTC) is when the log stated what it knew, None where that was not asked, and
    `cosignatures` how many witnesses of the reader's policy have signed it, None without a policy. `is_proven` says
    that whoever brings it has checked the signature by the reader's own key, and that it extends what was remembered.
    """

    origin: str
    size: int
    root: bytes
    time_ns: int | None = None
    cosignatures: int | None = None
    is_proven: bool = False


@dataclass(frozen=True)
class ProvenFact:
    """A fact, the bytes it was read from, its receipt (C2SP tlog-proof), and the keys for a browser to check it.

    `seen_size` is how much of the log was known to be signed before it was asked for, 0 where nothing is remembered.
    """

    fact: Fact
    leaf: bytes
    receipt: str
    keys: Sequence[Key]
    seal: Seal
    seen_size: int = 0


@dataclass(frozen=True)
class SourceHead:
    """How far the log has come with a source."""

    source: str
    epoch: int
    position: int


@dataclass(frozen=True)
class Witness:
    """A witness of the reader's policy, and when it cosigned the checkpoint, None where it has not; UTC nanoseconds."""

    name: str
    time_ns: int | None


@dataclass(frozen=True)
class Standing:
    """The log as it stands: its seal, what it has taken over, and what was remembered of it, None on a first visit.

    `index_size` and `books_size` say how many of its first leaves its index and its books are over; they, and sources,
    are told only to who may read everything. `witnesses` is None where the host compares no cosignatures, and
    `remembers` says whether it compares the log with what it was.
    """

    seal: Seal
    sources: Sequence[SourceHead]
    index_size: int | None
    books_size: int | None
    keys: Sequence[Key]
    witnesses: Sequence[Witness] | None
    remembered: Seal | None
    remembers: bool = True


@dataclass(frozen=True, kw_only=True)
class Book:
    """A platform's money in a currency (ISO 4217 numeric), minor units: what is at its banks, and whose it is.

    `equation` says whether it is covered. Suspense and guarantee are there beyond what clients are owed, the first of
    owners who are not known yet, the second set aside for what clients have overdrawn; `reserved_minor` is what of
    clients' money is set aside for payments.
    """

    platform_id: UUID | None
    ledger: int
    equation: Equation
    suspense_minor: int
    guarantee_minor: int
    reserved_minor: int
    client_accounts: int


@dataclass(frozen=True)
class Overview:
    """All that a first look shows; payments by where they stand and why, `latest` facts the newest last.

    Payments are None where the host does not count them.
    """

    books: Sequence[Book]
    payments: Mapping[tuple[str, str], int] | None
    latest: Sequence[Fact]
    standing: Standing


class Reading(Protocol):
    """One view's questions about ids."""

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts about an id in order of the log, proven to be all below `until_leaf`."""

    @property
    def seal(self) -> Seal:
        """The oldest checkpoint that an answer stood under; before the first answer raises NotThere."""

    @property
    def until_leaf(self) -> int | None:
        """Below it nothing is missing in any answer; None where that is not proven, as to a reader of a part."""


@dataclass(frozen=True)
class Way:
    """One way in which something was taken: what it gave, on what it rests that this is all, and up to where.

    `refused` is why it was not answered (docs/errors.md), `needs_reason` whether it waits for one; `others` is how many
    subjects more there are, at least, about whom no facts are told. `is_cut`: of its time there are later facts too.
    """

    sought: Sought
    facts: Sequence[Fact]
    ground: Ground
    until: int
    others: int = 0
    refused: str = ""
    needs_reason: bool = False
    is_cut: bool = False


class Finding(Protocol):
    """Facts by whatever is known of them."""

    def find(self, typed: str, reason: str, view: View) -> Sequence[Way]:
        """Gives facts, the newest first, by each way to take what was typed; what is looked up needs the reason."""


@dataclass(frozen=True, kw_only=True)
class ClassOfAccounts:
    """A class of accounts ("client"): its balance on the side on which it grows, and what is reserved; minor units."""

    name: str
    accounts: int
    balance_minor: int
    reserved_minor: int


@dataclass(frozen=True)
class Closing:
    """Custody's closing of a book: its fact, when it was (UTC nanoseconds), and whether the log comes to the same."""

    leaf_index: int
    closed_ns: int
    is_same: bool


@dataclass(frozen=True, kw_only=True)
class ClosedBook:
    """What a platform's accounts in a currency come to by the log's first `size` leaves, minor units.

    `balances_root` is over all balances; `closing` the newest of custody by then.
    """

    size: int
    accounts: int
    balances_root: bytes
    classes: Sequence[ClassOfAccounts]
    equation: Equation
    closing: Closing | None


class Books(Protocol):
    """What accounts come to, as of now or an instant."""

    def known(self) -> Sequence[tuple[UUID, int]]:
        """Gives the books that the reader has seen facts of: platform, and currency (ISO 4217 numeric)."""

    def as_of(self, platform_id: UUID, ledger: int, at_ns: int, view: View) -> ClosedBook:
        """Gives a book as of an instant, UTC nanoseconds, 0 for now."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A read of the log: its fact, when (UTC nanoseconds), by whom, which page or call, what was asked for, and why.

    Case and reason are told to who reads everything, and of one's own reads; empty where there is none.
    """

    index: int
    time_ns: int
    reader_id: UUID
    what: str
    asked: Mapping[str, str]
    case: str
    reason: str
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class Register:
    """Which reads are asked for: of a platform's facts, by a reader, None for any; the page is empty for the first."""

    platform_id: UUID | None = None
    reader_id: UUID | None = None
    page: str = ""


@dataclass(frozen=True)
class ReadPage:
    """Reads, the newest first, and by what the next page is asked for: empty at the end."""

    reads: Sequence[Read]
    next_page: str = ""


class Access(Protocol):
    """The register of reads."""

    def reads(self, asked: Register, most: int, view: View) -> ReadPage:
        """Gives a page of so many at most; of all that the reader may know."""


@dataclass(frozen=True)
class ReportFile:
    """A report as it was written, of this media type; an empty one is no file."""

    content: bytes
    media_type: str


class Reports(Protocol):
    """Reports that the log makes of its facts."""

    def subjects(self) -> Sequence[int]:
        """Gives their numbers in the regulator's list (D1, D2, …)."""

    def platforms(self) -> Sequence[UUID]:
        """Gives the platforms that the reader has seen facts of."""

    def report(
        self, subject: int, platform_id: UUID, day: date, form: str, language: Language, view: View
    ) -> ReportFile:
        """Gives a report about a platform's day ("csv", "json", "pdf"); raises Refused where there is none."""


class Facts(Protocol):
    """The log, fact by fact."""

    def fact(self, index: int, view: View) -> ProvenFact:
        """Gives a fact and its receipt; raises NotThere."""

    def standing(self, view: View) -> Standing:
        """Gives the log as it stands, and remembers it."""

    def overview(self, view: View) -> Overview:
        """Gives what all facts come to."""

    def reading(self, view: View) -> Reading:
        """Begins to ask about ids for a page."""

    def names(self) -> Names:
        """Gives what is known of names, from what was shown before."""
