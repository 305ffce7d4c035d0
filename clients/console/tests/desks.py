"""Open work as tests have it: a payment that two people decide, in memory, and what was sent about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from threading import Event
from uuid import UUID

from ringfence_console.beside import Beside, Candidate, Compared, Hit, Life, Money, Step
from ringfence_console.ports import NotThere, Refused, Unavailable
from ringfence_console.work import (
    Balance,
    BankFeed,
    Command,
    Day,
    Done,
    Edition,
    Figures,
    Health,
    Input,
    Item,
    Kind,
    Lag,
    Limit,
    Matter,
    Offer,
    Process,
    Resource,
    State,
    Subject,
    Words,
)

TENANT, PAYMENT = UUID(int=7), UUID(int=77)
HOSTILE_LIST = "<b>list</b>"
SINCE_NS = 1_700_000_000_000_000_000
MAKER, APPROVER = UUID(int=1), UUID(int=2)
KEY = f"{TENANT}.{PAYMENT}"
LINES = "1111aaaa-0000-4000-8000-000000001111", "2222aaaa-0000-4000-8000-000000002222"
"""Two lines that are alike but for their ids."""
METHOD = "ringfence.payment_instruction.v1.PaymentInstructionService/DecideInstructions"


@dataclass
class Payment:
    """A payment that waits: how it stands, and what its payer has."""

    status: str = "HELD"
    reason: str = "SECOND_APPROVER_REQUIRED"
    payer_minor: int = 500_00
    amount_minor: int = 120_00
    payee: str = "Anna Example"


@dataclass
class FakeWork:
    """The work of one person, `reader`; `refuses` is what the service says whatever is asked of it.

    `loses` answers are lost on their way, of decisions that were taken. A repeated decision is done, where its service
    knows that (`is_idempotent`).
    """

    payment: Payment
    reader: UUID = APPROVER
    refuses: str = ""
    loses: int = 0
    is_idempotent: bool = True
    decided: str = ""
    sent: list[Command] = field(default_factory=list)
    going: Event = field(default_factory=Event)
    """Set while a call is on its way."""
    goes_on: Event | None = None
    """A call waits for it."""

    def items(self) -> Sequence[Item]:
        """Gives the payment where it waits."""
        return [self._item()] if self.payment.status == "HELD" else []

    def matter(self, subject: Subject, key: str) -> Matter:
        """Opens it."""
        if (subject, key) != (Subject.PAYMENT, KEY):
            raise NotThere(key)
        payment = self.payment
        objection = "APPROVER_IS_MAKER" if self.reader == MAKER else "" if payment.status == "HELD" else "NOT_HELD"
        after = payment.payer_minor - payment.amount_minor
        details: Mapping[str, str | Money | UUID | int] = {
            "amount": Money(payment.amount_minor, 978),
            "payee": payment.payee,
            "made_by": MAKER,
            "received": SINCE_NS,
        }
        return Matter(
            item=self._item(),
            details=details,
            standing={"state": payment.status, "reason": payment.reason, "payable": "YES" if after >= 0 else "NO"},
            offers=() if objection else (Offer("approve"), Offer("refuse", needs_note=True)),
            objection=objection,
            balance=Balance(UUID(int=9), Money(payment.payer_minor, 978), Money(after, 978)),
            limits=[
                Limit("LIMIT_PAYMENT", Money(payment.amount_minor, 978), Money(100_00, 978)),
                Limit("LIMIT_DAY", Money(payment.amount_minor, 978), Money(payment.amount_minor, 978)),
                Limit("LIMIT_APPROVER", None, Money(1_000_00, 978)),
            ],
            screened_by=[Edition("UN", SINCE_NS, 1 << 62), Edition(HOSTILE_LIST, SINCE_NS, SINCE_NS)],
        )

    def command(self, matter: Matter, act: str, words: Words) -> Command:
        """Gives the request."""
        fields = {"tenant_id": str(TENANT), "instruction_ids": [str(PAYMENT)], "decision": act.upper()}
        return Command(METHOD, {**fields, "note": words.note})

    def send(self, command: Command) -> Done:
        """Decides."""
        self.sent.append(command)
        self.going.set()
        if self.goes_on is not None:
            assert self.goes_on.wait(10)
        if self.refuses:
            raise Refused(self.refuses, "no")
        decision = str(command.request["decision"])
        if self.payment.status != "HELD":
            if not self.is_idempotent or decision != self.decided:
                raise Refused("NOT_HELD", "it was decided")
            return Done(self.payment.status)
        self.decided, self.payment.reason = decision, ""
        self.payment.status = "SCREENED" if decision == "APPROVE" else "REJECTED"
        if self.loses:
            self.loses -= 1
            raise Unavailable("DEADLINE_EXCEEDED")
        return Done(self.payment.status, matter=self.matter(Subject.PAYMENT, KEY))

    def _item(self) -> Item:
        payment = self.payment
        item = Item(subject=Subject.PAYMENT, key=KEY, reason=payment.reason, since_ns=SINCE_NS)
        return replace(item, tenant_id=TENANT, money=Money(payment.amount_minor, 978), text=payment.payee)


@dataclass
class WholeDesk(FakeWork):
    """The same beside one item of every other subject, each with words that somebody hostile has chosen."""

    lacking: str = "100"
    words: str = "<b>bold</b> \u202egnp.\u0000" + "x" * 2_000

    def items(self) -> Sequence[Item]:
        """Gives one of each."""
        return [*super().items(), *(self._other(each) for each in Subject if each is not Subject.PAYMENT)]

    def matter(self, subject: Subject, key: str) -> Matter:
        """Opens one."""
        if subject is Subject.PAYMENT:
            return super().matter(subject, key)
        if key != "1":
            raise NotThere(key)
        acts = {
            Subject.ENTRY: "same",
            Subject.EXCEPTION: "void",
            Subject.BREAK: "correct",
            Subject.DAY: "sign",
            Subject.HIT: "release",
            Subject.SUSPENSE: "return",
        }
        return Matter(
            item=self._other(subject),
            details={
                "description": self.words,
                "amount": Money(-(2**62), 156),
                "made_by": MAKER,
                "day": date(2026, 11, 30),
                "file": b"f" * 32,
                "changed": SINCE_NS,
                "document": '{"figures": [1, 2, 3]}\n' * 40,
                self.words: self.words,
            },
            standing={"state": "WAITING", "lacking": self.lacking},
            offers=[self._offer(subject, acts.get(subject, "confirm"))],
            alike=[self._other(subject)],
            beside=self._beside(subject),
        )

    def command(self, matter: Matter, act: str, words: Words) -> Command:
        """Gives the request; of other subjects than payments all that was filled in."""
        if matter.item.subject is Subject.PAYMENT:
            return super().command(matter, act, words)
        return Command("a.B/C", {"note": words.note, **words.inputs})

    def send(self, command: Command) -> Done:
        """Decides a payment; all else is proposed."""
        if command.method == METHOD:
            return super().send(command)
        self.sent.append(command)
        return Done("PROPOSED", TENANT)

    def _beside(self, subject: Subject) -> Beside:
        found = Beside(
            life=Life([Step("DETECTED", SINCE_NS), Step("ASSIGNED", SINCE_NS, APPROVER, self.words)], ["RESOLVED"]),
            compared=[
                Compared("amount", Money(100, 156), Money(-(2**62), 156), is_wrong=True),
                Compared("text", self.words, None),
            ],
            candidates=[
                Candidate(LINES[0], {"amount": Money(100, 156), "line": UUID(LINES[0])}, ["SAME_AMOUNT"]),
                Candidate(LINES[1], {"amount": Money(100, 156), "line": UUID(LINES[1])}, ["SAME_KEY"]),
                Candidate("no", {"amount": Money(200, 156)}, ["PART_OR_SUM"], is_offered=False),
                Candidate("two", {"text": self.words, "file": b"f" * 32}, ["UNHEARD_OF"], frozenset({"text"})),
            ],
        )
        hits = [
            Hit(
                field="Cdtr", typed=self.words, list_name="UN", reference=self.words, published_ns=SINCE_NS, names=names
            )
            for names in ([("Zóra Lysted", True), (self.words, False)], [])
        ]
        registered = Hit(field="registered Dbtr", typed="", list_name="EU", reference="1", published_ns=SINCE_NS)
        return {Subject.BREAK: found, Subject.HIT: Beside(hits=[*hits, registered])}.get(
            subject, Beside(compared=found.compared, candidates=found.candidates)
        )

    def _offer(self, subject: Subject, act: str) -> Offer:
        is_day = subject is Subject.DAY
        inputs = {
            Subject.BREAK: [Input("account", Kind.ID), Input("amount", Kind.AMOUNT, 156, "12345")],
            Subject.ENTRY: [Input("candidate", Kind.CANDIDATE)],
            Subject.SUSPENSE: [Input("bank_iban", Kind.IBAN)],
        }
        return Offer(
            act,
            needs_note=not is_day,
            needs_document=subject is Subject.EXCEPTION,
            takes_note=not is_day,
            inputs=inputs.get(subject, ()),
        )

    def _other(self, subject: Subject) -> Item:
        item = Item(subject=subject, key="1", reason=f"SOME_{subject}".upper(), since_ns=SINCE_NS)
        return replace(item, tenant_id=TENANT, money=Money(10**15, 156), text=self.words, due_ns=1, owner_id=APPROVER)


@dataclass
class FakeDays:
    """A day that is signed, and after it one that is short and one of which the banks have said nothing yet."""

    def days(self) -> Sequence[Day]:
        """Gives both."""
        signed = Day(
            key="1",
            tenant_id=TENANT,
            ledger=978,
            pool="payment-services",
            day=date(2026, 11, 30),
            status="SIGNED",
            version=1,
            requirement_minor=100_00,
            resource_minor=100_00,
            difference_minor=0,
            overdue_minor=0,
            banks_minor=0,
        )
        signed = replace(signed, resource=Resource(90_00, 5_00, 3_00, 2_00))
        short = replace(signed, key="2", day=date(2026, 12, 1), status="COMPUTED", resource_minor=99_99)
        short = replace(short, difference_minor=-1, open=["BREAKS_OPEN"], is_missed=True)
        cut = replace(signed, key="3", day=date(2026, 12, 2), status="CUT", resource=None, resource_minor=0)
        return [cut, short, signed]


@dataclass
class FakeParts:
    """Parts of which one does not answer, and others beside them or alone."""

    others: Sequence[Process] = ()
    alone: bool = False

    def health(self) -> Health:
        """Gives them."""
        feeds = [BankFeed(TENANT, UUID(int=3), 978, date(2026, 11, 29)), BankFeed(TENANT, UUID(int=4), 156, None)]
        processes = [*([] if self.alone else self._processes()), *self.others]
        return Health(processes, feeds, 1_900_000_000_000_000_000, ("VAULT", "NATS"))

    def _processes(self) -> Sequence[Process]:
        figures = Figures(
            checks={"database": "", "vault": "VAULT_UNAVAILABLE", "nats": "", "clock": "CLOCK_WRONG"},
            lags=[Lag("identity", 0, 0.1), Lag("payment-instruction", 12_345, 99.0)],
            queues={"ringfence.breaks.late": 3, "ringfence.payments.held": 0},
            certificate_seconds=3 * 86_400.0,
        )
        return [
            Process("custody", "127.0.0.1:1", State.LEADS, figures, is_ill=True),
            Process(
                "custody", "127.0.0.1:3", State.STANDS_BY, Figures(checks={"vault": ""}, certificate_seconds=7_200)
            ),
            Process("audit", "127.0.0.1:2", State.SILENT),
        ]
