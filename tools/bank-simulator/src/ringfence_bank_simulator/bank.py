"""The bank at work: one pass over its spool folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence_bank_simulator.answers import charge_of, credits_of, debit_of, reversal_of, status_report
from ringfence_bank_simulator.booked import Ledger, Movement, derived_id, packed, unpacked
from ringfence_bank_simulator.camt import notification
from ringfence_bank_simulator.elements import moment
from ringfence_bank_simulator.requests import (
    DebitRequest,
    DepositRequest,
    NotificationRequest,
    PaymentOrder,
    Request,
    StatementRequest,
    Unreadable,
    read_payment_order,
    read_request,
)
from ringfence_bank_simulator.rules import SETTLED, Rules
from ringfence_bank_simulator.spool import WITHDRAWN, Waiting, move, safe_name, take, waiting, write_whole
from ringfence_bank_simulator.statements import statement_files
from ringfence_bank_simulator.tellings import Entry, Telling, with_faults

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a spool."""

    outbox: Path
    inbox: Path
    requests: Path
    booked: Path
    done: Path
    refused: Path

    @classmethod
    def under(cls, spool: Path) -> Folders:
        """Returns the folders of a spool, made where they are missing."""
        own = spool / "simulator"
        owned = [own / name for name in ("requests", "booked", "done", "refused")]
        folders = cls(spool / "outbox", spool / "inbox", *owned)
        for folder in (folders.outbox, folders.inbox, *owned):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folders


class Bank:
    """Answers what is in the spool, and tells what it is asked to.

    All it remembers is in `simulator/booked` and `simulator/done`, so it may be killed at any moment.
    """

    def __init__(self, spool: Path, accounts: Sequence[str], rules: Rules, delay_seconds: float = 0.0) -> None:
        """Takes the IBANs of the customer's accounts at this bank, the first for payments from an unknown IBAN."""
        self._folders = Folders.under(spool)
        self._accounts = accounts
        self._rules = rules
        self._delay_ns = int(delay_seconds * 1e9)
        self._account_of = {account: account for account in accounts}
        self._ledger = Ledger()
        for file in waiting(self._folders.booked, ".json"):
            self._ledger.book(unpacked(file.path.read_bytes()))
        for file in waiting(self._folders.done, ".json"):
            self._learn(read_request(file.path.read_bytes()))

    def work(self, now_ns: int) -> int:
        """Answers every request that has waited long enough at that time; returns how many."""
        due_ns = now_ns - self._delay_ns
        return self._handle(self._folders.requests, ".json", due_ns, self._do, move) + self._handle(
            self._folders.outbox, ".xml", due_ns, self._pay, take
        )

    def _handle(
        self,
        folder: Path,
        suffix: str,
        due_ns: int,
        handle: Callable[[Waiting, bytes], Path],
        put: Callable[[Path, Path], None],
    ) -> int:
        found = [(file, file.path.read_bytes()) for file in waiting(folder, suffix) if file.arrived_ns <= due_ns]
        due = [(file, content) for file, content in found if content != WITHDRAWN]
        for file, content in due:
            try:
                target = handle(file, content)
            except Unreadable as error:
                log.warning("%s is refused: %s", file.path.name, error)
                target = self._folders.refused / file.path.name
            put(file.path, target)
        return len(due)

    def _pay(self, file: Waiting, content: bytes) -> Path:
        order = read_payment_order(content)
        done = self._folders.done / f"{safe_name(order.message_id)}.xml"
        if not done.exists():
            self._answer(order)
        elif done.read_bytes() != content:
            raise Unreadable("its message id was used for another message")
        return done

    def _answer(self, order: PaymentOrder) -> None:
        verdicts = [(payment, verdict) for payment in order.payments if (verdict := self._rules.decide(payment))]
        movements: dict[str, list[Movement]] = {}
        for payment, verdict in verdicts:
            if verdict.status == SETTLED:
                account = self._account_of.get(payment.debtor_iban or "", self._accounts[0])
                movements.setdefault(account, []).append(debit_of(account, order, payment))
        name = safe_name(order.message_id)
        if verdicts:
            write_whole(self._folders.inbox / f"{name}-pacs002.xml", status_report(order, verdicts))
        if movements:
            self._book(f"{name}.xml", [each for booked in movements.values() for each in booked])
            message_id = derived_id("camt.054", order.message_id)
            tellings = [
                self._news(derived_id("notification", message_id, account), order.created_at, booked)
                for account, booked in movements.items()
            ]
            self._tell(f"{name}-camt054", message_id, tellings)
        log.info("%s: %d payments, %d answered", order.message_id, len(order.payments), len(verdicts))

    def _do(self, file: Waiting, content: bytes) -> Path:
        request = read_request(content)
        done = self._folders.done / f"{safe_name(request.message_id)}.json"
        if not done.exists():
            if isinstance(request, DepositRequest):
                self._receive(file, request)
            elif isinstance(request, DebitRequest):
                self._take(file, request)
            elif isinstance(request, NotificationRequest):
                self._notify(file, request)
            else:
                self._state(file, request)
            self._learn(request)
            log.info("%s: done", request.message_id)
        elif done.read_bytes() != content:
            raise Unreadable("its message id was used for another request")
        return done

    def _receive(self, file: Waiting, request: DepositRequest) -> None:
        movements = credits_of(request, request.day or moment(file.arrived_ns)[:10])
        self._told_as_asked(file, request, movements, "deposits")

    def _take(self, file: Waiting, request: DebitRequest) -> None:
        day = request.day or moment(file.arrived_ns)[:10]
        if request.reverses is None:
            movement = charge_of(request, day)
        else:
            movement = reversal_of(request, self._known(request.account_iban, request.reverses), day)
        self._told_as_asked(file, request, [movement], "debit")

    def _told_as_asked(
        self, file: Waiting, request: DepositRequest | DebitRequest, movements: Sequence[Movement], kind: str
    ) -> None:
        """Books movements and tells of them, all of it or nothing where the faults make no sense."""
        news = self._news_of(file, request, movements) if request.is_told else []
        self._book(f"{safe_name(request.message_id)}.json", movements)
        if news:
            self._tell(f"{safe_name(request.message_id)}-{kind}-camt054", request.message_id, news)

    def _notify(self, file: Waiting, request: NotificationRequest) -> None:
        account = request.account_iban
        if request.references:
            movements = [self._known(account, each) for each in request.references]
        else:
            movements = self._ledger.between(account, request.currency, request.day, request.day)
        name = f"{safe_name(request.message_id)}-camt054"
        self._tell(name, request.message_id, self._news_of(file, request, movements))

    def _state(self, file: Waiting, request: StatementRequest) -> None:
        for name, content in statement_files(request, self._ledger, moment(file.arrived_ns)).items():
            write_whole(self._folders.inbox / name, content)

    def _news_of(
        self,
        file: Waiting,
        request: DepositRequest | DebitRequest | NotificationRequest,
        movements: Sequence[Movement],
    ) -> list[Telling]:
        telling_id = derived_id("notification", request.message_id, request.account_iban)
        return with_faults(self._news(telling_id, moment(file.arrived_ns), movements), request.faults)

    def _news(self, telling_id: str, created_at: str, movements: Sequence[Movement]) -> Telling:
        if not movements:
            raise Unreadable("there is nothing to tell of")
        first = movements[0]
        return Telling(telling_id, first.account, first.currency, created_at, tuple(map(Entry, movements)))

    def _tell(self, name: str, message_id: str, tellings: Sequence[Telling]) -> None:
        message = notification(message_id, tellings[0].created_at, tellings)
        write_whole(self._folders.inbox / f"{name}.xml", message)

    def _known(self, account: str, reference: str) -> Movement:
        found = self._ledger.find(account, reference)
        if found is None:
            raise Unreadable(f"nothing is booked under {reference}")
        return found

    def _book(self, name: str, movements: Sequence[Movement]) -> None:
        write_whole(self._folders.booked / f"{name}.json", packed(movements))
        self._ledger.book(movements)

    def _learn(self, request: Request) -> None:
        """Remembers to which account a client's IBAN belongs."""
        if isinstance(request, DepositRequest):
            for deposit in request.deposits:
                if deposit.creditor_iban is not None:
                    self._account_of.setdefault(deposit.creditor_iban, request.account_iban)
