"""Money in suspense in the console: what is shown of it, what may be done, and what is sent once however often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.console_host.work import SdkWork
from ringfence.flows import Suspended, SuspendedEntry, SuspendedFinding, SuspendedState
from ringfence.payments import Instruction, InstructionState, InstructionStatus
from ringfence_console.acts import Acts, Changed, Unanswered
from ringfence_console.ports import Refused, Unavailable
from ringfence_console.work import Command, Matter, Subject, Words

TENANT, ENTRY, PAYMENT = UUID(int=9), UUID(int=10), UUID(int=11)
OLDEST, BANK = UUID(int=12), "DE89370400440532013000"
KEY = f"{TENANT}.{ENTRY}"
FINDING = SuspendedFinding(list_reference="UN/1", finding_sha256=b"f" * 32)


@dataclass
class Flows:
    """An entry in suspense; a return is ordered once, and what comes again is told how that stands."""

    lying: SuspendedState
    loses: bool = False
    refuses: str = ""
    ordered: list[tuple[Suspended, str]] = field(default_factory=list)
    released: list[tuple[bytes, str]] = field(default_factory=list)

    def suspended(self, tenant_id: UUID, entry_id: UUID) -> SuspendedState:
        """Shows it."""
        assert (tenant_id, entry_id) == (TENANT, ENTRY)
        return self.lying

    def all_suspended(self, tenant_id: UUID) -> Iterator[SuspendedEntry]:
        """Yields it while it lies there."""
        yield self.lying.entry

    def return_suspense(self, suspended: Suspended, bank_iban: str) -> InstructionState:
        """Orders the return; the answer may be lost."""
        if self.refuses:
            return InstructionState(PAYMENT, InstructionStatus.REJECTED, self.refuses)
        if (suspended, bank_iban) not in self.ordered:
            self.ordered.append((suspended, bank_iban))
        assert len(self.ordered) == 1
        state = InstructionState(PAYMENT, InstructionStatus.HELD)
        self.lying = replace(self.lying, entry=replace(self.lying.entry, clearing=state))
        if self.loses:
            self.loses = False
            raise Unavailable("DEADLINE_EXCEEDED")
        return state

    def release_suspended(self, tenant_id: UUID, entry_id: UUID, document_sha256: bytes, note: str) -> UUID:
        """Proposes."""
        self.released.append((document_sha256, note))
        return PAYMENT


@dataclass
class Payments:
    """The payment that clears it is not shown to who asks."""

    def instructions(self, ids: list[UUID], tenant_id: UUID) -> list[Instruction]:
        """Gives none."""
        assert (ids, tenant_id) == ([PAYMENT], TENANT)
        return []


def lying(**otherwise: Any) -> Flows:
    """Gives money of somebody who is known, in suspense."""
    entry = SuspendedEntry(
        entry_id=ENTRY,
        amount_minor=30_00,
        currency="EUR",
        reference="R1",
        reason="CREDITOR_UNKNOWN",
        mirror_id=UUID(int=13),
        suspended_ns=1_700_000_000_000_000_000,
        clearing=None,
    )
    state = SuspendedState(
        entry=entry, reason=entry.reason, blocked=False, findings=(), payer_name="Fiona Example", payer_iban="DE1"
    )
    return Flows(replace(state, **otherwise))


def work_on(flows: Flows) -> SdkWork:
    """Gives the work of an operator: the book has two accounts for suspense."""

    def accounts(book_id: UUID, **wanted: object) -> Iterator[SimpleNamespace]:
        assert wanted["currency"] == "EUR"
        yield SimpleNamespace(id=OLDEST)
        yield SimpleNamespace(id=UUID(int=14))

    client = SimpleNamespace(flows=flows, custody=SimpleNamespace(list_accounts=accounts), payments=Payments())
    return SdkWork(cast(Client, client))


def drawn(work: SdkWork, act: str = "return", words: Words | None = None) -> tuple[Acts, str, Command]:
    """Draws a form."""
    acts, matter = Acts(work), work.matter(Subject.SUSPENSE, KEY)
    command = work.command(matter, act, words or Words(inputs={"bank_iban": BANK}))
    return acts, acts.draw(matter, command, act), command


def offered(matter: Matter) -> list[str]:
    """Gives the acts that are offered."""
    return [each.act for each in matter.offers]


def test_what_lies_there_goes_back_to_its_payer() -> None:
    """From the oldest account for suspense of its currency; what is sent has no name in it, and is sent once."""
    flows = lying()
    work = work_on(flows)
    acts, form, command = drawn(work)
    assert command.request == {
        "tenant_id": str(TENANT),
        "entry_id": str(ENTRY),
        "suspense_account_id": str(OLDEST),
        "bank_iban": BANK,
    }
    assert "Fiona" not in command.text
    done = acts.carry_out(form, command.sha256)
    assert acts.carry_out(form, command.sha256) == done
    assert done.result == "HELD"
    assert flows.ordered == [(Suspended(tenant_id=TENANT, entry_id=ENTRY, suspense_account_id=OLDEST), BANK)]
    assert done.matter is not None
    assert (offered(done.matter), done.matter.objection) == ([], "CLEARING_UNDER_WAY")


def test_a_lost_answer_is_asked_for_again() -> None:
    """The same form comes once more: it is told how the one order stands, and nothing else is done."""
    flows = replace(lying(), loses=True)
    acts, form, command = drawn(work_on(flows))
    with pytest.raises(Unanswered):
        acts.carry_out(form, command.sha256)
    assert acts.carry_out(form, command.sha256).result == "HELD"
    assert len(flows.ordered) == 1


@pytest.mark.parametrize(
    ("otherwise", "objection", "offers"),
    [
        ({"blocked": True, "findings": (FINDING,)}, "SUSPENSE_BLOCKED", ["let_go"]),
        ({"payer_iban": ""}, "PAYER_UNKNOWN", []),
        ({"payer_name": ""}, "PAYER_UNKNOWN", []),
    ],
)
def test_what_is_listed_or_nobodys_is_not_returned(
    otherwise: dict[str, Any], objection: str, offers: list[str]
) -> None:
    """A listed party's money is never sent back: two people may find that the lists name somebody else."""
    matter = work_on(lying(**otherwise)).matter(Subject.SUSPENSE, KEY)
    assert (matter.objection, offered(matter)) == (objection, offers)


def _listed(flows: Flows) -> None:
    flows.lying = replace(flows.lying, blocked=True, findings=(FINDING,))


def _taken_in_part(flows: Flows) -> None:
    flows.lying = replace(flows.lying, entry=replace(flows.lying.entry, amount_minor=20_00))


def _of_another(flows: Flows) -> None:
    flows.lying = replace(flows.lying, payer_iban="DE2")


@pytest.mark.parametrize("change", [_listed, _taken_in_part, _of_another])
def test_a_stale_form_returns_nothing(change: Callable[[Flows], None]) -> None:
    """Also where it changes between the last look and the call: what is required is looked at before it is sent."""
    flows = lying()
    work = work_on(flows)
    acts, form, command = drawn(work)
    change(flows)
    with pytest.raises(Changed):
        acts.carry_out(form, command.sha256)
    with pytest.raises(Refused, match="otherwise than was reviewed"):
        work.send(command)
    assert flows.ordered == []


def test_what_is_refused_at_once_is_said() -> None:
    """The IBAN is none of the platform's accounts at a bank: nothing is recorded."""
    acts, form, command = drawn(work_on(replace(lying(), refuses="BANK_ACCOUNT_REQUIRED")))
    with pytest.raises(Refused) as refusal:
        acts.carry_out(form, command.sha256)
    assert refusal.value.reason == "BANK_ACCOUNT_REQUIRED"


def test_a_release_is_of_the_findings_that_were_reviewed() -> None:
    """A list that names another meanwhile is another finding."""
    flows = lying(blocked=True, findings=(FINDING,))
    work = work_on(flows)
    _, _, command = drawn(work, "let_go", Words("born later", b"d" * 32))
    assert work.send(command).result == "PROPOSED"
    assert flows.released == [(b"d" * 32, "born later")]
    flows.lying = replace(flows.lying, findings=(replace(FINDING, finding_sha256=b"g" * 32),))
    with pytest.raises(Refused, match="otherwise"):
        work.send(command)
    assert len(flows.released) == 1
