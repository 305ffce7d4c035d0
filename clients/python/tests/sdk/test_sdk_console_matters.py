"""A payment opened in the console: what is shown beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.console_host.matters import opened
from ringfence.limits import ApproverLimit, CurrencyLimits, LimitsUse, PlatformLimits
from ringfence.payments import Instruction, InstructionState, InstructionStatus, NewInstruction
from ringfence.sanctions import PaymentHits, SanctionsList
from ringfence_console.work import Subject

TENANT = UUID(int=9)


def payment(number: int, received_ns: int, iban: str = "DE1", account: str = "") -> Instruction:
    """Gives a payment that has ended."""
    ordered = NewInstruction(
        id=UUID(int=number),
        end_to_end_id="E",
        debtor_iban="DE0",
        creditor_iban=iban,
        creditor_name="Nora Vale",
        amount_minor=100,
        currency="EUR",
    )
    state = InstructionState(UUID(int=number), InstructionStatus.SETTLED)
    carried = [("CdtrAcct/Id/Othr/Id", account), ("RmtInf/Strd/RfrdDocInf/Nb", str(number))] if account else []
    return Instruction(ordered, state, UUID(int=1), None, received_ns, received_ns, None, None, carried=carried)


class Payments:
    """Payments of one platform."""

    def __init__(self, *held: Instruction) -> None:
        self.held = held

    def instructions(self, ids: list[UUID], tenant_id: UUID) -> list[Instruction]:
        """Gives those with these ids."""
        return [each for each in self.held if each.state.instruction_id in ids]

    def list_instructions(
        self, tenant_id: UUID, *, newest_first: bool, from_ns: int = 0, until_ns: int = 0
    ) -> Iterator[Instruction]:
        """Yields those before a time, the newest first, and those that were taken in with that."""
        taken = [each for each in self.held if not until_ns or each.received_ns <= until_ns]
        return iter(sorted(taken, key=lambda each: -each.received_ns if newest_first else each.received_ns))


class Listed(Payments):
    """The same, screened by lists that name nobody."""

    def __init__(self, *held: Instruction, lists: list[SanctionsList]) -> None:
        super().__init__(*held)
        self._lists = lists

    def hits(self, tenant_id: UUID, instruction_id: UUID) -> PaymentHits:
        """Gives none."""
        return PaymentHits(listed=[], stopped_by="", stopped_by_sha256=b"", more=0)

    def sanctions_lists(self) -> list[SanctionsList]:
        """Gives them."""
        return self._lists


def alike(number: int, *held: Instruction) -> list[int]:
    """Opens a payment, and gives the numbers of those that are shown as earlier ones."""
    credentials = SimpleNamespace(principal_id=UUID(int=8), tenant_id=None)
    client = cast(Client, SimpleNamespace(payments=Payments(*held), credentials=credentials))
    found = opened(client, Subject.PAYMENT, f"{TENANT}.{UUID(int=number)}").alike
    return [UUID(each.key.partition(".")[2]).int for each in found]


def test_earlier_ones_are_earlier() -> None:
    """Neither itself, nor what came with it or later, however many these are."""
    later = [payment(1_000 + each, 100 + each) for each in range(300)]
    held: list[Any] = [payment(1, 10), payment(2, 20), payment(3, 50), payment(4, 50), *later]
    assert alike(3, *held) == [2, 1]
    assert alike(1, *held) == []


def test_alike_is_who_is_paid() -> None:
    """Payees without an IBAN are not all the same."""
    held = [payment(1, 10, "", "a"), payment(2, 20, "", "b"), payment(3, 30, "DE1"), payment(4, 40, "", "a")]
    assert alike(4, *held) == [1]


@pytest.mark.parametrize("tenant", [None, TENANT])
@pytest.mark.parametrize("is_told", [True, False])
def test_a_payment_is_held_against_limits_and_lists(tenant: UUID | None, is_told: bool) -> None:
    """With what has passed within a day, where the service tells it; platforms' people are not told of lists."""
    state = InstructionState(UUID(int=1), InstructionStatus.HELD, "SECOND_APPROVER_REQUIRED")
    held = replace(payment(1, 10), state=state, debtor_account_id=UUID(int=5))
    uses = [LimitsUse(currency="EUR", debtor_day_minor=7, day_minor=8, approver_minor=9)] if is_told else []
    limits = PlatformLimits(
        1,
        [CurrencyLimits(currency="EUR", payment_minor=50, debtor_day_minor=150, day_minor=108, approver_minor=10**6)],
        [ApproverLimit(approver_id=UUID(int=8), currency="EUR", maximum_minor=100)],
        uses=uses,
    )
    asked: list[Any] = []
    edition = SanctionsList(
        list_name="UN",
        digest=b"",
        published_ns=3,
        confirmed_ns=0,
        stale_ns=4,
        entries=1,
        names=1,
        waiting_proposal_id=None,
    )
    client = SimpleNamespace(
        payments=Listed(held, lists=[edition]),
        credentials=SimpleNamespace(principal_id=UUID(int=8), tenant_id=tenant),
        limits=SimpleNamespace(get=lambda *given, **named: asked.append((given, named)) or limits),
        custody=SimpleNamespace(accounts=lambda ids, of: []),
    )
    found = opened(cast(Client, client), Subject.PAYMENT, f"{TENANT}.{UUID(int=1)}")
    assert asked == [((TENANT, ["EUR"]), {"debtor_account_id": UUID(int=5)})]
    told = [(each.name, each.value and each.value.minor, each.bound.minor, each.is_above) for each in found.limits]
    assert told == [
        ("LIMIT_PAYMENT", 100, 50, True),
        ("LIMIT_DEBTOR_DAY", 107 if is_told else None, 150, False),
        ("LIMIT_DAY", 108 if is_told else None, 108, False),
        ("LIMIT_APPROVER", 109 if is_told else None, 100, is_told),
    ]
    assert (found.screened_by is None) == (tenant is not None)
    assert [each.published_ns for each in found.screened_by or ()] == ([3] if tenant is None else [])
