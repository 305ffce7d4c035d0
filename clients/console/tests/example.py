"""A small log with real receipts, and a host that shows it: what a page does is tried without any service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from ringfence_console import Host, ports
from ringfence_console.balances import InBooks, Sums
from ringfence_console.disclosures import Disclosure, OpenedField
from ringfence_console.dossiers import Bundle, Wanted
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.roles import Role
from ringfence_desk.safeguarding import Equation
from ringfence_desk.sought import Ground, Taken, taken
from ringfence_verifier import read_leaf

from clients.verifier.tests.notes import Signer, base64, leaf, path, tree_hash

READER, OTHER = UUID(int=7), UUID(int=8)
HOSTILE = "<script>alert(1)</script>\u202egnp.\u0000\N{PILE OF POO}" + "x" * 10_000
CLASSES = ("BANK_MIRROR", "CLIENT", "SUSPENSE")
KINDS = ("custody.transfer.v1", "example.unknown.v1", "payment-instruction.step.v1")


def account(number: int) -> bytes:
    """Gives the id of an account."""
    return UUID(int=number + 1 << 64).bytes


PRINCIPAL, SECOND, PROPOSAL = UUID(int=11), UUID(int=12), UUID(int=13)
_OF_PRINCIPAL = {
    2: "identity.principal_registered.v1",
    5: "custody.proposal_made.v1",
    8: "custody.proposal_confirmed.v1",
    11: "identity.access_token_issued.v1",
}
"""Which facts are about a principal, and what it did with a second person."""


_STATUSES = {14: "SETTLED", 17: "HELD"}
"""Where steps of payments say that these stand."""
STEP_NS = 1_000
"""So long after each other facts are: an instant that is typed, to the microsecond, lies between two."""
ROLE_ENDS_NS = 4_102_444_800 * 10**9


def _principal(number: int) -> dict[str, int | bytes | str]:
    who = SECOND if number == 8 else PRINCIPAL
    said: dict[str, int | bytes | str] = {"principal_id": who.bytes, "certificate_sha256": bytes([number]) * 32}
    if number == 2:
        role = {"kind": "OPERATOR", "active": 1, "by_id": SECOND.bytes, "until_ns": ROLE_ENDS_NS}
        return {**said, **role, "name_commitment": bytes(32)}
    return {**said, "proposal_id": PROPOSAL.bytes, "effect": HOSTILE[:900]}


@dataclass
class ExampleLog:
    """A log of a key; every third fact has a hostile text."""

    signer: Signer = field(default_factory=Signer)
    count: int = 24

    def __post_init__(self) -> None:
        self.leaves = [self._leaf(number) for number in range(self.count)]

    def note(self, size: int = 0) -> str:
        """Signs the log at a size, its own without one."""
        size = size or self.count
        return self.signer.note(self.signer.name, str(size), base64(tree_hash(self.leaves[:size])))

    def receipt(self, index: int, size: int = 0) -> str:
        """Gives the receipt of a fact."""
        hashes = "".join(f"{base64(each)}\n" for each in path(index, self.leaves[: size or self.count]))
        head = f"c2sp.org/tlog-proof@v1\nextra {base64(self.leaves[index])}\nindex {index}\n"
        return f"{head}{hashes}\n{self.note(size)}"

    def _leaf(self, number: int) -> bytes:
        kind = KINDS[number % len(KINDS)]
        if number >= self.count - 3:
            opened = {"account_id": account(3 * (number - self.count + 3)), "account_class": CLASSES[number % 3]}
            return leaf("custody.account.v1", **opened, ledger=978, owner_id=account(50), tenant_id=account(60))
        time_ns = 1_796_048_159_914_290_969 + number * STEP_NS
        fields = {"time_ns": time_ns, "position": number, "source": "custody", "ordinal": 0}
        if number in _OF_PRINCIPAL:
            return leaf(_OF_PRINCIPAL[number], **fields, **_principal(number))
        if number % 3 == 1:
            return leaf(kind, **fields, note=HOSTILE)
        if status := _STATUSES.get(number):
            fields["status"] = status
        ids = {"debit_account_id": account(0), "credit_account_id": account(3)}
        moved = {"transfer_id": account(100 + number), "amount_minor": 123_456 + number, "ledger": 978, "flags": 0}
        return leaf(kind, **fields, **ids, **moved, code=1, tenant_id=account(60))


COVERED = Equation(bank_minor=900_001, made_good_minor=100_000, own_minor=1, clients_minor=1_000_000)
"""Covered to the cent, of which the platform owes a part."""


@dataclass
class ExampleFacts:
    """The log as a port; `asked` are the views, in order.

    `called` is what everybody, every source and witness is called; empty for nobody is known. `failing` is raised
    instead of a fact.
    """

    log: ExampleLog = field(default_factory=ExampleLog)
    asked: list[ports.View] = field(default_factory=list)
    is_proven: bool = True
    is_whole: bool = True
    is_short: bool = True
    called: str = ""
    failing: Exception | None = None

    def fact(self, index: int, view: ports.View) -> ports.ProvenFact:
        """Gives a fact with its receipt."""
        self.asked.append(view)
        if self.failing:
            raise self.failing
        if index >= self.log.count:
            raise ports.NotThere("there is no such fact")
        receipt = self.log.receipt(index)
        return ports.ProvenFact(
            self.at(index), self.log.leaves[index], receipt, [self.key], self.seal, self.log.count - 1
        )

    def at(self, index: int) -> Fact:
        """Gives a fact as it stands in the log."""
        read = read_leaf(self.log.leaves[index])
        return Fact(index, read.kind, read.fields)

    def standing(self, view: ports.View) -> ports.Standing:
        """Gives the log as it stands."""
        self.asked.append(view)
        sources = [ports.SourceHead(self.called or "custody", 1, self.log.count)]
        seen_ns = 1_796_048_159_000_000_000
        witnesses = [ports.Witness(self.called or "w1", seen_ns), ports.Witness(self.called or "w2", None)]
        return ports.Standing(self.seal, sources, self.log.count, 0, [self.key], witnesses, None)

    def overview(self, view: ports.View) -> ports.Overview:
        """Gives two books, of which one lacks a cent."""
        standing = self.standing(view)
        book = ports.Book(
            platform_id=UUID(bytes=account(60)),
            ledger=978,
            equation=COVERED,
            suspense_minor=0,
            guarantee_minor=0,
            reserved_minor=0,
            client_accounts=4,
        )
        short = replace(book, ledger=156, equation=replace(COVERED, bank_minor=900_000) if self.is_short else COVERED)
        facts = [self.at(index) for index in range(self.log.count)]
        return ports.Overview([book, short], {("HELD", "SECOND_APPROVER_REQUIRED"): 2}, facts, standing)

    def reading(self, view: ports.View) -> ports.Reading:
        """Answers from all facts."""
        self.asked.append(view)
        return ExampleReading(self)

    def names(self) -> Names:
        """Knows nobody, or everybody by the same name."""
        if not self.called:
            return Names()
        platform = UUID(bytes=account(60))
        people = {(Role.PRINCIPAL, each): {None: self.called} for each in (READER, OTHER, PRINCIPAL, SECOND, platform)}
        parties = {(Role.PARTY, UUID(bytes=account(50))): {platform: self.called}}
        return Names({**people, **parties}).learned(map(self.at, range(self.log.count)))

    @property
    def key(self) -> ports.Key:
        """The log's key."""
        return ports.Key(self.log.signer.vkey)

    @property
    def seal(self) -> ports.Seal:
        """The log's newest checkpoint."""
        root = tree_hash(self.log.leaves)
        return ports.Seal(self.log.signer.name, self.log.count, root, 1_796_048_159_000_000_000, 1, self.is_proven)


@dataclass
class ExampleReading:
    """All facts that have an id, of the whole log."""

    facts: ExampleFacts

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives them."""
        every = map(self.facts.at, range(self.facts.log.count))
        return [fact for fact in every if identifier.bytes in fact.fields.values()]

    @property
    def seal(self) -> ports.Seal:
        """The log's newest checkpoint."""
        return self.facts.seal

    @property
    def until_leaf(self) -> int | None:
        """All of them."""
        return self.facts.log.count if self.facts.is_whole else None


@dataclass
class ExampleAnswers:
    """Finds, reports and the register of reads, of the same log; `asked` are reasons that were given."""

    facts: ExampleFacts
    asked: list[str] = field(default_factory=list)
    registers: list[ports.Register] = field(default_factory=list)
    proves: bool = True

    def find(self, typed: str, reason: str, view: ports.View) -> Sequence[ports.Way]:
        """Finds all facts for a reason, and none without."""
        self.facts.asked.append(view)
        found = []
        for each in taken(typed):
            is_sealed = each.taken in (Taken.NAME, Taken.TEXT, Taken.NUMBER, Taken.IBAN) and not reason
            facts = () if is_sealed else tuple(map(self.facts.at, range(self.facts.log.count)))
            way = ports.Way(each, facts, Ground.PROVEN, self.facts.log.count, needs_reason=is_sealed)
            # Of a day there are always others.
            found.append(replace(way, is_cut=each.between_ns is not None))
        self.asked.append(reason)
        return found

    def reads(self, asked: ports.Register, most: int, view: ports.View) -> ports.ReadPage:
        """Gives a read of one's own and another's, with hostile words."""
        self.facts.asked.append(view)
        self.registers.append(asked)
        times = {"time_ns": 1_796_048_159_000_000_000, "case": "CASE-7", "reason": HOSTILE}
        own = ports.Read(index=3, reader_id=READER, what="GetReceipt", asked={"leaf_index": "2"}, is_own=True, **times)
        subject = {"subject_id": UUID(bytes=account(3)).hex, "other": HOSTILE}
        other = replace(own, index=2, reader_id=OTHER, what=HOSTILE, asked=subject, is_own=False)
        return ports.ReadPage([own, other], "" if asked.page else "older")

    def known(self) -> Sequence[tuple[UUID, int]]:
        """Gives one book."""
        return [(UUID(bytes=account(60)), 978)]

    def as_of(self, platform_id: UUID, ledger: int, at_ns: int, view: ports.View) -> ports.ClosedBook:
        """Gives a book that custody closes otherwise, and none before 2026."""
        self.facts.asked.append(view)
        if 0 < at_ns < 1_767_225_600 * 10**9:
            raise ports.NotThere("there was none")
        client = ports.ClassOfAccounts(name="client", accounts=4, balance_minor=100 if at_ns else 250, reserved_minor=7)
        return ports.ClosedBook(
            size=self.facts.log.count,
            accounts=4,
            balances_root=bytes(32),
            classes=[client, replace(client, name="of-tomorrow")],
            equation=COVERED if platform_id == UUID(bytes=account(60)) else replace(COVERED, made_good_minor=0),
            closing=ports.Closing(5, 1_796_048_159_000_000_000, is_same=not at_ns),
        )

    def in_books(self, platform_id: UUID, ledger: int, account_id: UUID, at_ns: int, view: ports.View) -> InBooks:
        """Gives sums of one account, and none before 2026; another is not among them."""
        self.facts.asked.append(view)
        if 0 < at_ns < 1_767_225_600 * 10**9:
            raise ports.NotThere("there was none")
        sums = Sums(
            debits_pending_minor=7, debits_posted_minor=250, credits_pending_minor=0, credits_posted_minor=864_505
        )
        return InBooks(
            sums=sums if account_id.bytes == account(3) else None,
            accounts=4,
            account_class="CLIENT",
            index=6,
            closing=5,
            closed_ns=1_796_048_100_000_000_000,
            newest_closing=5,
            time_ns=1_796_048_159_000_000_000,
            is_same=not at_ns,
            seal=self.facts.seal,
            content=b"ringfence-balance/1\n",
        )

    def subjects(self) -> Sequence[int]:
        """One that the pages know, and one that they do not."""
        return [1, 99]

    def platforms(self) -> Sequence[UUID]:
        """Gives one."""
        return [UUID(bytes=account(60))]

    def report(
        self, subject: int, platform_id: UUID, day: date, form: str, language: Language, view: ports.View
    ) -> ports.ReportFile:
        """Gives a report of one table, except about 1970."""
        self.facts.asked.append(view)
        if day.year == 1970:
            raise ports.Refused("REPORT_EMPTY", "nothing to report")
        if day.year == 1971:
            raise ports.NotThere("REPORT_EMPTY")
        written = f'\ufeffDaily,D1\r\nLog,x\r\n\r\nBanks\r\nName,Leaves\r\n"{HOSTILE}",1 2\r\n'
        return ports.ReportFile(written.encode(), "text/csv")

    def disclose(self, index: int, reason: str, view: ports.View) -> Disclosure:
        """Opens one field of a fact, and not the other, except of the first."""
        self.facts.asked.append(view)
        self.asked.append(reason)
        if index == 0:
            raise ports.Refused("NOTHING_SEALED", "it has sealed nothing")
        fields = [OpenedField("debtor", [("name", HOSTILE)]), OpenedField("creditor", (), "SUBJECT_ERASED")]
        return Disclosure(self.facts.at(index), fields, self.facts.log.count, self.proves)


@dataclass
class ExampleDossiers:
    """Keeps what was asked for; a dossier is its number."""

    facts: ExampleFacts
    wanted: list[Wanted] = field(default_factory=list)
    refusing: Exception | None = None

    def made(self) -> Sequence[Bundle]:
        """Gives the newest first."""
        return [self._bundle(number) for number in reversed(range(len(self.wanted)))]

    def make(self, wanted: Wanted, view: ports.View) -> Bundle:
        """Makes one."""
        self.facts.asked.append(view)
        self.wanted.append(wanted)
        if self.refusing:
            raise self.refusing
        return self._bundle(len(self.wanted) - 1)

    def content(self, sha256: bytes) -> bytes:
        """Gives one by its number."""
        if sha256[0] >= len(self.wanted):
            raise ports.NotThere("there is none")
        return b"PK dossier"

    def verifier(self) -> bytes:
        """Gives a page."""
        return b"<!doctype html>"

    def _bundle(self, number: int) -> Bundle:
        wanted = self.wanted[number]
        return Bundle(
            sha256=bytes([number]) * 32,
            size_bytes=1_234_567,
            made_ns=1_796_048_159_000_000_000,
            subjects=wanted.subjects,
            between_ns=wanted.between_ns,
            facts=12,
            index=3,
            is_complete=bool(number % 2),
        )


def host(facts: ExampleFacts) -> Host:
    """Gives a host that has all that a reader of the log is brought."""
    answers = ExampleAnswers(facts)
    reader = ports.Reader(READER, "REGULATOR")
    return Host(
        reader=reader,
        facts=facts,
        finding=answers,
        books=answers,
        balances=answers,
        reports=answers,
        access=answers,
        disclosing=answers,
        dossiers=ExampleDossiers(facts, [Wanted(subjects=(PRINCIPAL, SECOND)), Wanted(between_ns=(1, 10**18))]),
    )
