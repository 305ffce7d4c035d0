"""The bank at work: one pass over its spool folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence_bank_simulator.answers import (
    Movement,
    credits_of,
    debit_of,
    derived_id,
    moment,
    notification,
    status_report,
)
from ringfence_bank_simulator.requests import PaymentOrder, Unreadable, read_deposit_request, read_payment_order
from ringfence_bank_simulator.rules import SETTLED, Rules
from ringfence_bank_simulator.spool import WITHDRAWN, Waiting, move, safe_name, take, waiting, write_whole

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a spool."""

    outbox: Path
    inbox: Path
    requests: Path
    done: Path
    refused: Path

    @classmethod
    def under(cls, spool: Path) -> Folders:
        """Returns the folders of a spool, made where they are missing."""
        own = spool / "simulator"
        folders = cls(spool / "outbox", spool / "inbox", own / "requests", own / "done", own / "refused")
        for folder in (folders.outbox, folders.inbox, folders.requests, folders.done, folders.refused):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folders


class Bank:
    """Answers what is in the spool. All it remembers is in `simulator/done`, so it may be killed at any moment."""

    def __init__(self, spool: Path, accounts: Sequence[str], rules: Rules, delay_seconds: float = 0.0) -> None:
        """Takes the IBANs of the customer's accounts at this bank, the first for payments from an unknown IBAN."""
        self._folders = Folders.under(spool)
        self._accounts = accounts
        self._rules = rules
        self._delay_ns = int(delay_seconds * 1e9)
        self._account_of = {account: account for account in accounts}
        for file in waiting(self._folders.done, ".json"):
            self._learn(file.path.read_bytes())

    def work(self, now_ns: int) -> int:
        """Answers every request that has waited long enough at that time; returns how many."""
        due_ns = now_ns - self._delay_ns
        return self._handle(self._folders.requests, ".json", due_ns, self._receive, move) + self._handle(
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
                movements.setdefault(account, []).append(debit_of(order, payment))
        name = safe_name(order.message_id)
        if verdicts:
            write_whole(self._folders.inbox / f"{name}-pacs002.xml", status_report(order, verdicts))
        if movements:
            message = notification(derived_id("camt.054", order.message_id), order.created_at, movements)
            write_whole(self._folders.inbox / f"{name}-camt054.xml", message)
        log.info("%s: %d payments, %d answered", order.message_id, len(order.payments), len(verdicts))

    def _receive(self, file: Waiting, content: bytes) -> Path:
        request = read_deposit_request(content)
        done = self._folders.done / f"{safe_name(request.message_id)}.json"
        if not done.exists():
            movements = {request.account_iban: credits_of(request, file.arrived_ns)}
            message = notification(request.message_id, moment(file.arrived_ns), movements)
            write_whole(self._folders.inbox / f"{safe_name(request.message_id)}-deposits-camt054.xml", message)
            self._learn(content)
            log.info("%s: %d deposits", request.message_id, len(request.deposits))
        elif done.read_bytes() != content:
            raise Unreadable("its message id was used for another request")
        return done

    def _learn(self, content: bytes) -> None:
        """Remembers to which account a client's IBAN belongs."""
        request = read_deposit_request(content)
        for deposit in request.deposits:
            self._account_of.setdefault(deposit.creditor_iban, request.account_iban)
