"""What a bank tells of its account beyond deposits, and a custodian's days that are made of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from lxml import etree
from ringfence.identity import require_done
from ringfence.reconciliation import Break, BreakStatus
from ringfence.registers import NewBank
from ringfence.safeguarding import POOLS, Component, DayKey, DayStatus, SafeguardingDay
from ringfence.statements import Remedy
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.sandbox.bank import simulated_bank
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario.messages import report_row, status_report

DOCUMENT = sha256(b"kept").digest()
END_SECONDS = 90.0
CALENDAR, CURRENCY = "TARGET", "EUR"
Found = TypeVar("Found")


@dataclass(frozen=True)
class BankSide:
    """A platform's account at the simulated bank, which answers meanwhile, and who works off what it tells."""

    box: Sandbox
    stage: Stage

    @property
    def mirror(self) -> UUID:
        return self.stage.account("bank")

    @property
    def iban(self) -> str:
        return self.stage.platform.safeguarding_iban

    def ask(self, name: str, **asked: object) -> list[bytes]:
        """Has the bank book or tell something; returns the files that it wrote about it."""
        own = spool_folder(self.box.stack.directory) / "simulator"
        write_private(private_folder(own / "requests") / f"{name}.json", json.dumps({"message_id": name, **asked}))
        eventually(lambda: (own / "done" / f"{name}.json").exists())
        return eventually(lambda: self._written(name))

    def told(self, name: str, **asked: object) -> bytes:
        """Has the bank tell something, and hands in what it wrote, as the bank; returns the last file."""
        for content in (files := self.ask(name, **asked)):
            self.box.bank_feed.statements.submit(content)
        return files[-1]

    def deposit(self, name: str, amount: str, creditor_iban: str | None = None, **more: object) -> bytes:
        """Has money come in, for nobody where none is named."""
        deposit = {"creditor_iban": creditor_iban, "amount": amount, "currency": CURRENCY, "debtor_name": "Somebody"}
        return self.told(name, account_iban=self.iban, deposits=[deposit], **more)

    def again(self, name: str, day: date, reference: str, **more: object) -> bytes:
        """Has the bank tell of a movement once more."""
        return self.told(name, notification=self._of(day=day.isoformat(), references=[reference], **more))

    def statement(self, name: str, first: date, last: date, **more: object) -> bytes:
        """Has the bank state its account."""
        return self.told(name, statement=self._of(first_day=first.isoformat(), last_day=last.isoformat(), **more))

    def agree(self, service: str, proposal: UUID | None) -> None:
        """Has the second operator confirm."""
        assert proposal is not None
        require_done(self.box.operators[1].proposals[service].confirm([proposal]))

    def _of(self, **fields: object) -> dict[str, object]:
        return {"account_iban": self.iban, "currency": CURRENCY, **fields}

    def _written(self, name: str) -> list[bytes] | None:
        """Returns what the bank wrote, wherever the rail has put it by now; None where it is being put away."""
        spool = spool_folder(self.box.stack.directory)
        try:
            found = {
                path.name.partition(name)[2]: path.read_bytes()
                for folder in ("inbox", "archive", "refused")
                for path in (spool / folder).glob(f"*{name}-*")
            }
        except FileNotFoundError:
            return None
        return [found[each] for each in sorted(found)]


def eventually(look: Callable[[], Found | None]) -> Found:
    """Returns what is found in the end."""
    end = time.monotonic() + END_SECONDS
    while not (found := look()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)
    return found


def tellings(box: Sandbox, stage: Stage) -> None:
    """The bank tells twice, in doubt and wrongly."""
    with simulated_bank(box.stack, [stage.platform.safeguarding_iban]):
        _tellings(box, stage)


def _tellings(box: Sandbox, stage: Stage) -> None:
    bank, (first, _) = BankSide(box, stage), box.operators
    today, tenant = datetime.now(UTC).date(), stage.book_id
    opened = first.calendars.get(CALENDAR).opened_day
    assert opened is not None
    one, other = (_reference(bank.deposit(f"KEPT-{name}", amount)) for name, amount in (("1", "11.00"), ("2", "13.00")))
    bank.again("KEPT-AGAIN", today, one)
    bank.again("KEPT-DOUBT", today, other, faults=[{"fault": "no_reference"}])
    held = next(iter(first.statements.held_entries(tenant, bank.mirror)))
    decided = first.statements.decide(tenant, bank.mirror, held.entry_id, held.movement_ids[0], DOCUMENT, "the same")
    bank.agree("payment-instruction", decided)
    last = today + timedelta(1)
    wrong = [{"fault": "wrong_balance"}]
    bank.statement("KEPT-WRONG", opened, last, faults=wrong)
    excepted = next(iter(first.statements.exceptions(tenant, bank.mirror)))
    void = first.statements.work_off(tenant, bank.mirror, excepted.telling_id, Remedy.VOID, DOCUMENT, "a cent too much")
    bank.agree("payment-instruction", void)
    bank.statement("KEPT-STATED", opened, last)
    _answered(bank)


def _never_booked(bank: BankSide, first: date, last: date) -> None:
    """The bank takes back from a client, and tells of money that its next statement, in pages, does not have."""
    with simulated_bank(bank.box.stack, [bank.stage.platform.safeguarding_iban]):
        day = last.isoformat()
        taken = _reference(bank.deposit("KEPT-4", "5.00", bank.stage.platform.clients[1].iban, day=day))
        bank.told("KEPT-BACK", debit={"account_iban": bank.iban, "reverses": taken, "day": day})
        booked = bank.deposit("KEPT-3", "17.00", day=day)
        for number in (1, 2):
            bank.box.bank_feed.statements.submit(_page(booked, number, last=2))
        never = booked.replace(_reference(booked).encode(), b"KEPTNEVERBOOKED1").replace(b"17.00", b"19.00")
        bank.box.bank_feed.statements.submit(never)
        bank.statement("KEPT-NEXT", first, last, pages=2)


def days(box: Sandbox, stage: Stage) -> None:
    """Days open; one is prepared, reviewed and signed, opened again, and others are missed; breaks are worked off."""
    bank, (first, second) = BankSide(box, stage), box.operators
    tenant = stage.book_id
    opened = first.calendars.get(CALENDAR).opened_day
    assert opened is not None
    key = DayKey(tenant, CURRENCY, opened)
    _registered(bank, opened + timedelta(1))
    covered = first.safeguarding.register_resource(key, Component.INSURANCE, 1_000, opened + timedelta(30), DOCUMENT)
    bank.agree("custody", covered)
    bank.agree("custody", first.safeguarding.assign_pool(tenant, 65_000, POOLS[1]))
    stepped = first.calendars.step(CALENDAR, opened)
    eventually(lambda: _day(bank, opened, DayStatus.COMPUTED))
    first.safeguarding.prepare(key, "looked at")
    second.safeguarding.review(key, "agreed")
    first.safeguarding.notify(key, DOCUMENT, "KEPT-1")
    first.safeguarding.sign(key)
    first.safeguarding.reopen(key, "looked at again")
    for _ in range(2):
        stepped = first.calendars.step(CALENDAR, stepped)
    _never_booked(bank, datetime.now(UTC).date() + timedelta(2), stepped)
    _breaks(bank, opened)


def _breaks(bank: BankSide, day: date) -> None:
    """Lines are taken apart and matched again; what was settled is opened again and assigned."""
    (first, _), book = bank.box.operators, bank.stage.book_id
    matched = eventually(lambda: _first_match(bank, day))
    first.reconciliation.undo(bank.mirror, matched[0], note="not sure", book_id=book)
    first.reconciliation.match(bank.mirror, [matched[1]], book)
    ended = eventually(lambda: _settled(bank))
    first.reconciliation.reopen(ended.id, note="once more")
    first.reconciliation.assign(ended.id, note="to me")


def _first_match(bank: BankSide, day: date) -> tuple[UUID, tuple[UUID, UUID]] | None:
    first = bank.box.operators[0]
    for each in (day + timedelta(ahead) for ahead in range(8)):
        for pair in first.reconciliation.matches(bank.mirror, each, bank.stage.book_id):
            if pair.match_id and pair.movement_id and pair.transfer_id and not pair.is_undone:
                return pair.match_id, (pair.movement_id, pair.transfer_id)
    return None


def _settled(bank: BankSide) -> Break | None:
    breaks = bank.box.operators[0].reconciliation.breaks(bank.stage.book_id, bank.mirror)
    return next((each for each in breaks if each.status in (BreakStatus.MATCHED, BreakStatus.RESOLVED)), None)


def _day(bank: BankSide, day: date, status: DayStatus) -> SafeguardingDay | None:
    found = bank.box.operators[0].safeguarding.days(bank.stage.book_id)
    key = DayKey(bank.stage.book_id, CURRENCY, day)
    return next((each for each in found if each.key == key and each.status is status), None)


def _registered(bank: BankSide, review: date) -> None:
    """Registers a bank, and a letter's review, that fall due when the next day opens."""
    (first, _), today = bank.box.operators, datetime.now(UTC).date()
    new = NewBank(
        bic="KEPTDEFFXXX",
        name="Bank of a short review",
        country="DE",
        due_diligence=today,
        review=max(review, today + timedelta(1)),
        concentration_basis_points=10_000,
        document_sha256=DOCUMENT,
    )
    bank.agree("custody", first.registers.register_bank(new))
    letter = next(iter(first.registers.letters(bank.stage.book_id, bank.mirror)))
    reviewed = first.registers.review_letter(
        letter.id, reviewed=today, document_sha256=DOCUMENT, review=max(review, today + timedelta(1))
    )
    bank.agree("custody", reviewed)


def _answered(bank: BankSide) -> None:
    """The bank answers a payment that nobody knows; two people let it be."""
    first = bank.box.operators[0]
    spool = private_folder(spool_folder(bank.box.stack.directory) / "inbox")
    unknown = status_report("KEPT-UNKNOWN", [report_row("RJCT", transaction_id="KEPT")])
    write_private(spool / "kept-unknown.xml", unknown.decode())
    found = eventually(lambda: next(first.answers.exceptions(), None))
    bank.agree("payment-instruction", first.answers.dismiss(found.id, DOCUMENT, "not ours"))


def _reference(content: bytes) -> str:
    found = etree.fromstring(content).find(".//{*}Ntry/{*}AcctSvcrRef")
    return str(found.text)


def _page(content: bytes, number: int, last: int) -> bytes:
    """Returns a notification as a page of one that is told in several."""
    document = etree.fromstring(content)
    identified = document.find(".//{*}Ntfctn/{*}Id")
    assert identified is not None
    namespace = etree.QName(identified).namespace
    page = etree.Element(f"{{{namespace}}}NtfctnPgntn")
    etree.SubElement(page, f"{{{namespace}}}PgNb").text = str(number)
    etree.SubElement(page, f"{{{namespace}}}LastPgInd").text = "true" if number == last else "false"
    identified.addnext(page)
    return etree.tostring(document)
