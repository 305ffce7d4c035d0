"""How soon a revocation is heeded, by what was revoked: at custody, and where payments are handed over to the bank.

A payment is reserved and cannot be handed over, since the bank's folder is away; its hold is what payment-instruction
heeds. At custody it is the first refusal of a transfer. Both are counted from the answer to whoever revoked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import ItemResult, KycDecision, KycStatus, require_done
from ringfence.ids import new_id
from ringfence.ledger import NewTransfer, Purpose
from ringfence.payments import Decision, InstructionStatus
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Payment
from ringfence_local_stack.scenario.people import Customer
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import fresh

from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack

ROUNDS = 50
PAUSE_SECONDS = 0.005
QUIET_SECONDS = 0.37
GIVEN_UP_SECONDS = 30.0
AMOUNT_MINOR, FUNDS_MINOR = 1_100_000, 1_000_000_000
"""A payment of which a second person decides, and what there is for all of them."""
CUSTODY, HAND_OVER = "custody", "handover"
CREATED, REFUSED = (
    "created",
    frozenset({"PRINCIPAL_SUSPENDED", "PLATFORM_SUSPENDED", "debit_account_frozen", "debit_account_not_active"}),
)

Looks = Mapping[str, Callable[[], bool]]
"""By place, whether a revocation is heeded there."""


@dataclass(frozen=True)
class Case:
    """A platform with two clients, its book, and who revokes and lets go on."""

    first: Client
    second: Client
    platform: Platform
    payer: Customer
    payee: Customer

    def pay(self) -> Payment:
        """Returns a payment that is reserved, and waits for the bank."""
        made = self.platform.pay(self.payer, new_iban(), "Ove Lind", AMOUNT_MINOR)
        made.wait_for(InstructionStatus.HELD)
        self.platform.approver.payments.decide([made.id], Decision.APPROVE, "")
        made.wait_for(InstructionStatus.RESERVED)
        return made

    def refuses(self) -> bool:
        """Tells whether custody moves none of the payer's money for the importer."""
        return self._moved() in REFUSED

    def accepts(self) -> bool:
        """Tells whether custody moves it."""
        return self._moved() == CREATED

    def _moved(self) -> str:
        """Returns the status of a transfer, or why the importer is refused."""
        transfer = NewTransfer(
            id=new_id(),
            amount_minor=1,
            currency="EUR",
            code=Purpose.PAYMENT,
            debit_account_id=self.payer.account.id,
            credit_account_id=self.payee.account.id,
            user_data_128=self.platform.id,
        )
        try:
            (result,) = self.platform.importer.custody.create_transfers(self.platform.id, [transfer])
        except RingfenceError as error:
            return error.reason
        return result.status

    def hands_over(self, waiting: Payment) -> bool:
        """Tells whether a payment is held back no more."""
        return not self.holds(waiting)

    def holds(self, waiting: Payment) -> bool:
        """Tells whether a payment is held back."""
        (found,) = self.first.payments.instructions([waiting.id], self.platform.id)
        return found.state.status is InstructionStatus.HELD


Revoke = Callable[[Case, Payment], None]


@dataclass(frozen=True)
class Kind:
    """What is revoked, how it is lifted where it can be, and where it is heeded."""

    revoke: Revoke
    lift: Revoke | None
    places: Sequence[str] = (CUSTODY, HAND_OVER)


def revocation_row(measured: MeasuredStack, results: Results, name: str) -> None:
    """Measures one kind, with NATS and without; milliseconds."""
    kind, case, seen = KINDS[name], _case(measured), Seen()
    figures: dict[str, float | None] = {}
    began = time.monotonic()
    with _bank_away(measured):
        for nats, rounds in (
            ("", partial(_rounds, kind, case)),
            ("without_nats_", partial(_silent, measured, kind, case)),
        ):
            for place, times_ms in rounds().items():
                heeded = Seen(latencies_ms=times_ms)
                for what, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
                    figures[f"{nats}{place}_{what}_ms"] = heeded.quantile_ms(share)
                seen.rows += len(times_ms)
    seen.seconds = time.monotonic() - began
    results.add(row(name, 1, 1, seen, None, **figures))


def _case(measured: MeasuredStack) -> Case:
    scenario = Scenario(measured.sandbox)
    scenario.import_list(["Nobody At All"], fresh("bench-"))
    platform = scenario.platform("Nora Vale", "Ivo Marsh", name=fresh("bench-revoked-"))
    payer, payee = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(payer, FUNDS_MINOR)
    return Case(*scenario.operators, platform, payer, payee)


@contextmanager
def _bank_away(measured: MeasuredStack) -> Iterator[None]:
    """Takes the folder away in which the bank finds payments: they are tried again until it is there."""
    outbox = spool_folder(measured.stack.directory) / "outbox"
    away = outbox.with_name("outbox-away")
    outbox.rename(away)
    try:
        yield
    finally:
        away.rename(outbox)


def _silent(measured: MeasuredStack, kind: Kind, case: Case) -> dict[str, list[float]]:
    measured.stack.nats.stop()
    try:
        return _rounds(kind, case)
    finally:
        measured.stack.nats.start()


def _rounds(kind: Kind, case: Case) -> dict[str, list[float]]:
    heeded_ms: dict[str, list[float]] = {place: [] for place in kind.places}
    waiting = case.pay()
    _seconds_until({CUSTODY: case.accepts})
    for _ in range(ROUNDS):
        # Whoever has just heard something looks again at once: a revocation comes when nobody expects it.
        time.sleep(QUIET_SECONDS)
        kind.revoke(case, waiting)
        looks: Looks = {CUSTODY: case.refuses, HAND_OVER: partial(case.holds, waiting)}
        for place, seconds in _seconds_until({place: looks[place] for place in kind.places}).items():
            heeded_ms[place].append(1_000 * seconds)
        if kind.lift is None:
            waiting = case.pay()
            continue
        kind.lift(case, waiting)
        _seconds_until({CUSTODY: case.accepts, HAND_OVER: partial(case.hands_over, waiting)})
    return heeded_ms


def _seconds_until(looks: Looks) -> dict[str, float]:
    """Returns after how long each look was true for the first time."""
    began, found = time.monotonic(), dict[str, float]()
    while time.monotonic() < began + GIVEN_UP_SECONDS:
        for place, look in looks.items():
            if place not in found and look():
                found[place] = time.monotonic() - began
        if len(found) == len(looks):
            return found
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"not heeded, or its end not: {', '.join(looks.keys() - found.keys())}")


def _people_of(case: Case) -> list[UUID]:
    """Returns who moves money at custody, and who has approved the payment."""
    return [each.credentials.principal_id for each in (case.platform.importer, case.platform.approver)]


def _suspend_people(case: Case, waiting: Payment) -> None:
    require_done(case.first.identity.suspend_principals(_people_of(case), "bench"))


def _let_people_act(case: Case, waiting: Payment) -> None:
    _confirm(case, case.first.identity.confirm_principals(_people_of(case)))


def _suspend_platform(case: Case, waiting: Payment) -> None:
    require_done(case.first.identity.suspend_principals([case.platform.id], "bench"))


def _let_platform_act(case: Case, waiting: Payment) -> None:
    _confirm(case, case.first.identity.confirm_principals([case.platform.id]))


def _block(case: Case, waiting: Payment) -> None:
    _decide(case, KycStatus.BLOCKED)


def _release(case: Case, waiting: Payment) -> None:
    decision = KycDecision(party_id=case.payer.party.id, to=KycStatus.REVIEW, note="bench")
    _confirm(case, case.first.identity.decide_kyc(case.platform.id, [decision]))
    _decide(case, KycStatus.VERIFIED)


def _decide(case: Case, status: KycStatus) -> None:
    decision = KycDecision(party_id=case.payer.party.id, to=status, note="bench")
    require_done(case.first.identity.decide_kyc(case.platform.id, [decision]))


def _confirm(case: Case, proposed: Sequence[ItemResult]) -> None:
    """Has the second operator confirm what the first has proposed."""
    waiting = [each.proposal_id for each in proposed if each.proposal_id is not None]
    assert len(waiting) == len(proposed)
    require_done(case.second.proposals["identity"].confirm(waiting))


def _revoke(case: Case, waiting: Payment) -> None:
    submission = waiting.look().submission_id
    case.platform.client.identity.revoke_authorisation(case.platform.id, submission, "bench")


KINDS: Mapping[str, Kind] = {
    "revocation_principal": Kind(_suspend_people, _let_people_act),
    "revocation_platform": Kind(_suspend_platform, _let_platform_act),
    "revocation_client": Kind(_block, _release),
    # Custody holds nothing of an authorisation by then: what is reserved waits at payment-instruction alone.
    "revocation_authorisation": Kind(_revoke, None, (HAND_OVER,)),
}
