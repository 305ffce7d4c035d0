"""How the parts are: what every process says of itself to a custodian's own people, what banks have stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.x509 import load_pem_x509_certificate
from ringfence_console.work import BankFeed, Figures, Health, Lag, Process, State

from ringfence.client import Client
from ringfence.condition import ProcessCondition, ProcessState
from ringfence.console_host.refusals import told_to_pages
from ringfence.errors import RingfenceError
from ringfence.money import ledger_of
from ringfence.registers import Mirror

UNSEEN = ("QUEUES", "LAG", "STORES", "VAULT", "NATS")
"""What a process tells its custodian's people alone."""
_LAG_EVENTS, _LAG_SECONDS = "ringfence.feed.lag.events", "ringfence.feed.lag.duration"
_CERTIFICATE = "ringfence.certificate.lifetime"
_QUEUES = frozenset(
    {
        "ringfence.statements.lag.rows",
        "ringfence.payments.held",
        "ringfence.payments.unknown",
        "ringfence.submissions.waiting",
        "ringfence.outbox.messages",
        "ringfence.deposits.waiting",
        "ringfence.bank.statements.excepted",
        "ringfence.bank.entries.held",
        "ringfence.breaks.late",
        "ringfence.safeguarding.days.missed",
    }
)
_BESIDE, _SOURCE = frozenset({"vault", "nats", "witnesses"}), "source-"
"""Checks without which a process serves on."""


@dataclass(frozen=True)
class SdkParts:
    """The parts at their addresses (`ringfence_console.work.Parts`)."""

    client: Client

    def health(self) -> Health:
        """Asks every address at the same time; banks' statements where the caller may read them."""
        found = self.client.conditions.all()
        certificate = load_pem_x509_certificate(self.client.credentials.certificate_chain_pem)
        until_ns = int(certificate.not_valid_after_utc.timestamp()) * 1_000_000_000
        is_told = any(each.state in (ProcessState.LEADS, ProcessState.STANDS_BY) for each in found)
        return Health(list(map(_process, found)), self._feeds(), until_ns, () if is_told else UNSEEN)

    def _feeds(self) -> Sequence[BankFeed]:
        with told_to_pages():
            return [self._feed(each) for each in self.client.registers.mirrors(self.client.credentials.tenant_id)]

    def _feed(self, mirror: Mirror) -> BankFeed:
        try:
            day = self.client.reconciliation.day(mirror.account_id, book_id=mirror.book_id)
        except RingfenceError as error:
            if error.code != "NOT_FOUND":
                raise
            return BankFeed(mirror.book_id, mirror.account_id, ledger_of(mirror.currency), None)
        return BankFeed(
            mirror.book_id, mirror.account_id, ledger_of(mirror.currency), day.day if day.statement_id else None
        )


def _process(found: ProcessCondition) -> Process:
    if found.state in (ProcessState.SILENT, ProcessState.NOT_TOLD):
        return Process(found.service, found.address, State[found.state.name])
    is_ill = any(problem for name, problem in found.checks.items() if not _is_beside(name))
    return Process(found.service, found.address, State[found.state.name], _figures(found), is_ill=is_ill)


def _is_beside(check: str) -> bool:
    return check in _BESIDE or check.startswith(_SOURCE)


def _figures(found: ProcessCondition) -> Figures:
    heard = {each.of.partition("=")[2]: each.value for each in found.readings if each.name == _LAG_SECONDS}
    lags = [
        Lag(each.of.partition("=")[2], int(each.value), heard.get(each.of.partition("=")[2], 0.0))
        for each in found.readings
        if each.name == _LAG_EVENTS
    ]
    queues: dict[str, int] = {}
    for each in found.readings:
        if each.name in _QUEUES:
            queues[each.name] = queues.get(each.name, 0) + int(each.value)
    certificate = next((each.value for each in found.readings if each.name == _CERTIFICATE), None)
    return Figures(checks=found.checks, lags=lags, queues=queues, certificate_seconds=certificate)
