"""How each method that takes two people is called, and how to look whether it happened: one row per method.

The matrix in `test_two_people.py` is derived from the protos. A method with `two_people` that has no row here fails it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import (
    Alias,
    AliasAction,
    ItemResult,
    KycDecision,
    KycStatus,
    NewParty,
    NewPrincipal,
    PartyKind,
    PrincipalKind,
    require_done,
)
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, Purpose
from ringfence_local_stack.sandbox.folders import PrincipalFolder
from ringfence_local_stack.scenario import Scenario, new_iban
from ringfence_protos.identity.v1 import identity_pb2

from .asking import resolved
from .wire import Wire, methods

ISSUE_TOKEN = next(method for method in methods() if method.descriptor.name == "IssueToken")
DAY_NS = 86_400 * 10**9
PENDING = frozenset({"APPROVAL_PENDING"})


@dataclass(frozen=True)
class Act:
    """One act: `propose` calls the method and returns the proposal's id, `happened` looks whether it was done."""

    service: str
    propose: Callable[[Client], UUID]
    happened: Callable[[], bool]


@dataclass
class People:
    """The stack's two operators, who prepare and look, and others made for one act each."""

    scenario: Scenario
    folder: Path
    _clients: list[Client] = field(default_factory=list)

    def described(self, kind: PrincipalKind, tenant_id: UUID | None = None, **changes: Any) -> Newcomer:
        """Makes keys and certificate of somebody whom nobody has registered yet."""
        identifier = new_id()
        path = self.folder / str(identifier)
        folder = PrincipalFolder.make(path, str(identifier), kind, identifier, tenant_id)
        if twin := changes.pop("key_of", None):
            (path / "signing.key").write_bytes((twin.folder.path / "signing.key").read_bytes())
        folder.equip(self.scenario.stack)
        return Newcomer(self.scenario, folder, replace(folder.new_principal, **changes))

    def operator(self, **changes: Any) -> Newcomer:
        """Makes an operator, registered by the stack's two."""
        made = self.described(PrincipalKind.OPERATOR, **changes)
        first, second = self.scenario.operators
        require_done(first.identity.register_principals([made.principal]), PENDING)
        require_done(second.identity.confirm_principals([made.principal.id]))
        return made

    def platform(self) -> Client:
        """Makes a platform, registered by the stack's two operators."""
        return self.scenario.principal(PrincipalKind.PLATFORM)


@dataclass
class Newcomer:
    """Somebody with a key and a certificate."""

    scenario: Scenario
    folder: PrincipalFolder
    principal: NewPrincipal
    _client: Client | None = None

    @property
    def client(self) -> Client:
        """Calls as this principal."""
        if self._client is None:
            credentials = self.folder.credentials()
            assert credentials.addresses is not None
            self._client = Client(credentials.addresses, credentials)
        return self._client

    def claims(self) -> dict[str, Any]:
        """Returns what a fresh token of theirs says, empty where identity refuses one."""
        credentials = self.folder.credentials()
        wire = Wire(self.scenario.stack, credentials)
        request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
        answer = wire.call(ISSUE_TOKEN, request.SerializeToString())
        wire.close()
        if answer.code != "OK":
            return {}
        _, claims, _ = identity_pb2.IssueTokenResponse.FromString(answer.reply).access_token.split(".")
        told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
        return told


Row = Callable[[People], Act]
ROWS: dict[str, Row] = {}
"""By the name of the method."""


def row(method: str) -> Callable[[Row], Row]:
    """Enters what prepares an act of a method."""

    def enter(prepare: Row) -> Row:
        assert method not in ROWS
        ROWS[method] = prepare
        return prepare

    return enter


def only(results: list[ItemResult]) -> UUID:
    """Returns the proposal of a batch of one."""
    (result,) = results
    assert (result.reason in PENDING, result.proposal_id is not None) == (True, True), result
    assert result.proposal_id is not None
    return result.proposal_id


@row("RegisterPrincipals")
def register_principals(people: People) -> Act:
    """A new operator, who then gets a token."""
    newcomer = people.described(PrincipalKind.OPERATOR)
    return Act(
        "identity",
        lambda by: only(by.identity.register_principals([newcomer.principal])),
        lambda: bool(newcomer.claims()),
    )


@row("ConfirmPrincipals")
def lift_suspension(people: People) -> Act:
    """A suspended operator, who then gets a token again."""
    stopped = people.operator()
    require_done(people.scenario.operators[0].identity.suspend_principals([stopped.principal.id], "lost her key"))
    return Act(
        "identity",
        lambda by: only(by.identity.confirm_principals([stopped.principal.id])),
        lambda: bool(stopped.claims()),
    )


@row("RenewGrants")
def renew_grants(people: People) -> Act:
    """An operator whose role ends in ten days, and then in twenty."""
    ends_ns, later_ns = (time.time_ns() + days * DAY_NS for days in (10, 20))
    ending = people.operator(until_ns=ends_ns)
    return Act(
        "identity",
        lambda by: only(by.identity.renew_grants([ending.principal.id], later_ns)),
        lambda: bool(ending.claims()["until"] > ends_ns // 10**9),
    )


@row("DecideKyc")
def release_a_blocked_party(people: People) -> Act:
    """A blocked party, who then is under review."""
    platform, party = people.platform(), new_id()
    new = NewParty(id=party, kind=PartyKind.PERSON, name="Nora Vale", identity_number="N-1", country="FR")
    require_done(platform.identity.register_parties([new]))
    tenant = platform.credentials.principal_id
    block, release = (KycDecision(party_id=party, to=to, note="why") for to in (KycStatus.BLOCKED, KycStatus.REVIEW))
    require_done(people.scenario.operators[0].identity.decide_kyc(tenant, [block]))
    return Act(
        "identity",
        lambda by: only(by.identity.decide_kyc(tenant, [release])),
        lambda: platform.identity.parties([party])[0].kyc_status is KycStatus.REVIEW,
    )


@row("AdoptRules")
def adopt_rules(people: People) -> Act:
    """A strict book, which is then back at the minimum."""
    book_id = people.platform().credentials.principal_id
    first, second = people.scenario.operators
    least = first.custody.rules(book_id).purposes
    strict = [replace(each, maximum_minor=1) if each.purpose is Purpose.PAYMENT else each for each in least]
    adopted = first.custody.adopt_rules(book_id, "strict", strict)
    assert adopted is not None
    require_done(second.proposals["custody"].confirm([adopted]))

    def propose(by: Client) -> UUID:
        proposal = by.custody.adopt_rules(book_id, "minimum", least)
        assert proposal is not None
        return proposal

    return Act("custody", propose, lambda: first.custody.rules(book_id).version == "minimum")


@row("RegisterAliases")
def register_a_mirror(people: People) -> Act:
    """An account at a bank, whose statements then bring money in."""
    scenario, iban = people.scenario, new_iban()
    platform = scenario.platform(banked=False)
    mirror = platform.account(AccountClass.BANK_MIRROR)
    alias = Alias(iban, mirror.id, bank_feed_id=scenario.sandbox.bank_feed.credentials.principal_id)
    return Act(
        "identity",
        lambda by: only(by.identity.register_aliases([alias], platform.id)),
        lambda: resolved(scenario.stack, iban).found,
    )


@row("ChangeAliases")
def confirm_a_claim(people: People) -> Act:
    """A claimed IBAN, which then stands for its account."""
    scenario, iban = people.scenario, new_iban()
    platform = scenario.platform(banked=False)
    party = platform.party("Nora Vale")
    account = platform.account(AccountClass.CLIENT, owner=party)
    claim = Alias(iban, account.id, party.id)
    assert [each.reason for each in platform.client.identity.register_aliases([claim])] == ["PENDING"]
    return Act(
        "identity",
        lambda by: only(by.identity.change_aliases(platform.id, AliasAction.CONFIRM, {iban: party.id}, bytes(32))),
        lambda: resolved(scenario.stack, iban).found,
    )


@row("EraseParties")
def erase_a_client(people: People) -> Act:
    """A client with nothing, who is then nobody."""
    platform = people.scenario.platform(banked=False)
    party = platform.party("Nora Vale", verified=False)
    return Act(
        "identity",
        lambda by: only(by.identity.erase_parties(platform.id, [party.id])),
        lambda: platform.client.identity.parties([party.id])[0].erased,
    )


@row("SetLegalHold")
def let_go_of_a_client(people: People) -> Act:
    """A client who is held, and who could then be erased."""
    platform = people.scenario.platform(banked=False)
    party = platform.party("Nora Vale", verified=False)
    operator = people.scenario.operators[0].identity
    require_done(operator.set_legal_hold(platform.id, [party.id], "7 Cs 12/26"))
    return Act(
        "identity",
        lambda by: only(by.identity.set_legal_hold(platform.id, [party.id], "7 Cs 12/26", held=False)),
        lambda: operator.erase_parties(platform.id, [party.id])[0].reason in PENDING,
    )
