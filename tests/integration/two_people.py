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
from ringfence.errors import RingfenceError
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
from ringfence.ledger import AccountClass, AccountStatus, NewAccount, Purpose
from ringfence.limits import CurrencyLimits
from ringfence.payments import InstructionStatus, ListFormat
from ringfence.sanctions import SanctionsList
from ringfence_local_stack.sandbox.folders import PrincipalFolder
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_protos.identity.v1 import identity_pb2

from .asking import resolved
from .wire import Wire, methods

ISSUE_TOKEN = next(method for method in methods() if method.descriptor.name == "IssueToken")
DAY_NS = 86_400 * 10**9
PENDING = frozenset({"APPROVAL_PENDING"})
STOPPED_SECONDS = 10.0


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
        proposed = only(first.identity.register_principals([made.principal]))
        require_done(second.proposals["identity"].confirm([proposed]))
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


@row("ReleaseHits")
def release_hits(people: People) -> Act:
    """A payment that waited for its approval when a list came to name the payee."""
    scenario, name = people.scenario, f"Zora {new_id().hex}"
    platform = scenario.platform("Nora Vale")
    held = platform.pay(platform.customer("Nora Vale"), new_iban(), name, 1_100_000)
    held.wait_for(InstructionStatus.HELD)
    scenario.import_list([name])
    client = platform.client.payments
    end = time.monotonic() + STOPPED_SECONDS
    while client.instructions([held.id])[0].state.reason != "SANCTIONS_HIT":
        assert time.monotonic() < end, "a list does not stop what is held"
        time.sleep(0.05)
    return Act(
        "payment-instruction",
        lambda by: by.payments.release_hits(platform.id, [held.id], "born in another century"),
        lambda: client.instructions([held.id])[0].state.reason != "SANCTIONS_HIT",
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


@row("SetLimits")
def loosen_limits(people: People) -> Act:
    """A platform with limits of its own, whose payments may then be larger."""
    tenant = people.platform().credentials.principal_id
    first, _ = people.scenario.operators
    tight = CurrencyLimits(currency="EUR", payment_minor=100, debtor_day_minor=100, day_minor=100, approver_minor=100)
    assert first.limits.set(tenant, 1, [tight]) is None

    def propose(by: Client) -> UUID:
        proposal = by.limits.set(tenant, 2, [replace(tight, payment_minor=200)])
        assert proposal is not None
        return proposal

    return Act("payment-instruction", propose, lambda: first.limits.get(tenant).version == 2)


def list_in_force(people: People) -> str:
    """Puts a list of ten names in force; returns its name."""
    name = f"list {new_id()}"
    people.scenario.import_list([f"Listed Number{number}" for number in range(10)], name)
    return name


def in_force(people: People, list_name: str) -> SanctionsList | None:
    """Returns the list of a name."""
    lists = people.scenario.operators[0].payments.sanctions_lists()
    return next((each for each in lists if each.list_name == list_name), None)


@row("ImportSanctionsList")
def import_what_is_left_of_a_list(people: People) -> Act:
    """An edition with one of the ten names, which is then all of the list."""
    name, rest = list_in_force(people), b"name,kind,reference\nListed Number0,person,C-0\n"

    def propose(by: Client) -> UUID:
        imported = by.payments.import_sanctions_list(name, ListFormat.CSV, rest, time.time_ns())
        assert imported.proposal_id is not None
        return imported.proposal_id

    def happened() -> bool:
        current = in_force(people, name)
        return current is not None and current.entries == 1

    return Act("payment-instruction", propose, happened)


@row("ConfirmSanctionsList")
def confirm_a_quiet_list(people: People) -> Act:
    """A list whose age then counts from its confirmation."""
    name = list_in_force(people)

    def happened() -> bool:
        current = in_force(people, name)
        return current is not None and current.confirmed_ns > 0

    return Act("payment-instruction", lambda by: by.payments.confirm_sanctions_list(name, "seen"), happened)


@row("RetireSanctionsList")
def retire_a_list(people: People) -> Act:
    """A list that is then no more in force."""
    name = list_in_force(people)
    return Act(
        "payment-instruction",
        lambda by: by.payments.retire_sanctions_list(name, "out of use"),
        lambda: in_force(people, name) is None,
    )


@row("LiftFreeze")
def lift_freeze(people: People) -> Act:
    """An account that an order holds, and that is then free."""
    platform, account, order = people.platform(), new_id(), "ORDER-1/2026"
    book_id, first = platform.credentials.principal_id, people.scenario.operators[0]
    (opened,) = platform.custody.create_accounts(
        [NewAccount(id=account, account_class=AccountClass.SUSPENSE, currency="EUR")]
    )
    assert opened.done
    first.custody.set_freeze(book_id, [account], order_reference=order)
    return Act(
        "custody",
        lambda by: by.custody.lift_freeze(book_id, [account], order_reference=order),
        lambda: first.custody.accounts([account], book_id)[0].status is AccountStatus.ACTIVE,
    )


@row("OpenMigration")
def open_migration(people: People) -> Act:
    """A book without a window, which can then be closed."""
    book_id, window = people.platform().credentials.principal_id, new_id()
    first = people.scenario.operators[0]

    def propose(by: Client) -> UUID:
        proposal = by.custody.open_migration(book_id, window, seconds=60, reason="moving in")
        assert proposal is not None
        return proposal

    def is_open() -> bool:
        try:
            first.custody.close_migration(book_id, window, reason="moved in")
        except RingfenceError as error:
            return error.reason != "MIGRATION_WINDOW_UNKNOWN"
        return True

    return Act("custody", propose, is_open)


@row("CloseMigration")
def close_migration(people: People) -> Act:
    """A book with a window, which can then be opened anew."""
    book_id, window = people.platform().credentials.principal_id, new_id()
    first, second = people.scenario.operators
    opening = first.custody.open_migration(book_id, window, seconds=600, reason="moving in")
    assert opening is not None
    require_done(second.proposals["custody"].confirm([opening]))
    return Act(
        "custody",
        lambda by: by.custody.close_migration(book_id, window, reason="moved in"),
        lambda: first.custody.open_migration(book_id, window, seconds=600, reason="moving in") is not None,
    )


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
