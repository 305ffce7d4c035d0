"""A platform at work beside the importers: clients come and go, payments are ordered, the log is read.

Each worker writes down what was acknowledged before its next call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import KycDecision, KycStatus, NewParty, PartyKind, require_done
from ringfence.ids import new_id
from ringfence.payments import InstructionState, NewInstruction
from ringfence_local_stack.sandbox.onboarding import agree
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.people import Customer
from ringfence_local_stack.scenario.waiting import fresh
from ringfence_verifier import Checkpoint, verify_checkpoint, verify_receipt

from .book import IMPATIENT
from .insisting import insist
from .journal import Pulse

CUSTOMERS = ("Aiko Brandt", "Jonas Falk", "Mona Vale")
FUNDS_MINOR = 10**9
LARGEST_BATCH = 10


@dataclass
class Town:
    """A platform with customers who have money, and everything that was acknowledged to it."""

    platform: Platform
    operator: Client
    second: Client
    regulator: Client
    log_key: str
    deposits: int
    registered: dict[UUID, str] = field(default_factory=dict)
    verified: set[UUID] = field(default_factory=set)
    erased: set[UUID] = field(default_factory=set)
    ordered: dict[UUID, NewInstruction] = field(default_factory=dict)
    answered: list[InstructionState] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    receipts: Counter[int] = field(default_factory=Counter)
    """How often the regulator was shown each leaf."""
    unanswered: int = 0

    @property
    def customers(self) -> list[Customer]:
        """Those who pay each other."""
        return self.platform.customers(*CUSTOMERS)


def found_town(sandbox: Sandbox) -> Town:
    """Opens a platform, puts a list in force that nobody stands on, and gives its customers money."""
    scenario = Scenario(sandbox)
    scenario.import_list(["Nobody At All"], "town")
    platform = scenario.platform(*CUSTOMERS)
    for each in platform.customers(*CUSTOMERS):
        platform.bank.deposit(each, FUNDS_MINOR)
    return Town(platform, *sandbox.operators, sandbox.regulator, sandbox.log_key(), len(CUSTOMERS))


@dataclass
class Onboarding:
    """Registers clients; leads some through KYC, and erases some."""

    town: Town
    client: Client
    operator: Client
    second: Client
    pulse: Pulse
    random: Random

    def step(self) -> None:
        """One client, as far as he comes."""
        town, tenant = self.town, self.town.platform.id
        party = NewParty(
            id=new_id(), kind=PartyKind.PERSON, name=f"Guest {fresh()}", identity_number=fresh("ID"), country="DE"
        )
        results, attempts = insist(lambda: self.client.identity.register_parties([party]), self.pulse)
        require_done(results)
        town.registered[party.id] = party.name
        town.unanswered += attempts - 1
        fate = self.random.random()
        if fate < 0.3:
            for to in (KycStatus.CHECKING, KycStatus.VERIFIED):
                decision = KycDecision(party_id=party.id, to=to, note="seen", id=new_id())
                decided, _ = insist(lambda each=decision: self.operator.identity.decide_kyc(tenant, [each]), self.pulse)
                require_done(decided)
            town.verified.add(party.id)
        elif fate < 0.6:
            gone, _ = insist(lambda: self.operator.identity.erase_parties(tenant, [party.id]), self.pulse)
            insist(lambda: agree(self.second, gone), self.pulse)
            town.erased.add(party.id)


@dataclass
class Ordering:
    """Hands in payments between the customers."""

    town: Town
    client: Client
    pulse: Pulse
    random: Random

    def step(self) -> None:
        """One batch."""
        orders = [self._order() for _ in range(self.random.randint(1, LARGEST_BATCH))]
        submission = new_id()
        states, attempts = insist(lambda: self.client.payments.submit(submission, orders), self.pulse)
        self.town.ordered.update({order.id: order for order in orders})
        self.town.answered += states
        self.town.unanswered += attempts - 1

    def _order(self) -> NewInstruction:
        debtor, creditor = self.random.sample(self.town.customers, 2)
        return self.town.platform.order(debtor.iban, creditor.iban, creditor.name, self.random.randint(1, 99))


@dataclass
class Reading:
    """Reads the log as a regulator does: its checkpoint, which leaves the log as it is, and a leaf's receipt.

    To be shown a leaf is a fact in the log, committed before the answer: that, and nothing else, is a write of audit's.
    """

    town: Town
    client: Client
    pulse: Pulse

    def step(self) -> None:
        """Two calls; a checkpoint is kept when it has grown."""
        town = self.town
        text, asked = insist(self.client.audit.checkpoint)
        checkpoint = verify_checkpoint(text, town.log_key)
        if not town.checkpoints or checkpoint.size != town.checkpoints[-1].size:
            town.checkpoints.append(checkpoint)
        # One after the other, from the beginning again where there is no more that is signed.
        leaf = town.receipts.total() % checkpoint.size
        shown, attempts = insist(lambda: self.client.audit.receipt(leaf), self.pulse)
        assert verify_receipt(shown.proof, town.log_key, leaf=shown.leaf).index == leaf
        town.receipts[leaf] += 1
        town.unanswered += asked + attempts - 2


def workers(
    town: Town, pulses: Mapping[str, Pulse], clients: ExitStack, random: Random
) -> Sequence[Onboarding | Ordering | Reading]:
    """Returns who works in a town, each with connections of his own, which `clients` closes."""

    def own(client: Client) -> Client:
        addresses = client.credentials.addresses
        assert addresses is not None
        return clients.enter_context(Client(addresses, client.credentials, IMPATIENT))

    platform = town.platform.client
    return [
        Onboarding(town, own(platform), own(town.operator), own(town.second), pulses["identity"], random),
        Ordering(town, own(platform), pulses["payment-instruction"], random),
        Reading(town, own(town.regulator), pulses["audit"]),
    ]
