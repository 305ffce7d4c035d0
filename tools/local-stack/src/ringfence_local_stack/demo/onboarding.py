"""First act: platforms, their people and clients, segregated accounts, aliases, and the sanctions list."""

import time
from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import Alias, KycStatus, PrincipalKind, require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence.payments import ListFormat

from ringfence_local_stack.demo.script import CURRENCY, OWN_CLASSES, DemoPlatform, content
from ringfence_local_stack.sandbox.letters import countersign
from ringfence_local_stack.sandbox.onboarding import (
    agree,
    await_status,
    decide_kyc,
    open_accounts,
    register_ibans,
    verify_parties,
)
from ringfence_local_stack.sandbox.sandbox import Sandbox


@dataclass(frozen=True)
class Stage:
    """A platform as it stands in the sandbox: what the script says of it, its id, and its people."""

    platform: DemoPlatform
    book_id: UUID
    client: Client
    approver: Client

    def account(self, name: str) -> UUID:
        """The account of a client or an own account, by name; the same in every run."""
        return external_id("demo.account", self.book_id, name)


def enter(sandbox: Sandbox, platform: DemoPlatform) -> Stage:
    """Registers the platform and its approver."""
    made = sandbox.principal(platform.name, PrincipalKind.PLATFORM)
    sandbox.principal(platform.approver, PrincipalKind.PLATFORM_APPROVER, tenant_id=made.principal_id)
    return Stage(platform, made.principal_id, sandbox.client(platform.name), sandbox.client(platform.approver))


def onboard_clients(stage: Stage, operator: Client) -> None:
    """The platform hands its clients in; the operator verifies those whose documents are in order."""
    handed_in = [(each, each.party(stage.book_id)) for each in stage.platform.clients]
    require_done(stage.client.identity.register_parties([party for _, party in handed_in]))
    verify_parties(operator, stage.book_id, [party.id for each, party in handed_in if each.verified])
    doubtful = [party.id for each, party in handed_in if not each.verified]
    decide_kyc(operator, stage.book_id, doubtful, KycStatus.CHECKING, "documents complete")
    decide_kyc(operator, stage.book_id, doubtful, KycStatus.REVIEW, "the photograph does not match")


def open_book(stage: Stage, operators: tuple[Client, Client]) -> int:
    """Opens one account per client and the platform's own, the bank's with its letter; returns how many.

    Waits for the platform's own, and for those of verified clients.
    """
    own = [
        NewAccount(id=stage.account(name), account_class=account_class, currency=CURRENCY)
        for name, account_class in OWN_CLASSES.items()
    ]
    clients = {
        each: NewAccount(
            id=stage.account(each.name),
            account_class=AccountClass.CLIENT,
            currency=CURRENCY,
            owner_id=each.party(stage.book_id).id,
        )
        for each in stage.platform.clients
    }
    open_accounts(stage.client, stage.book_id, own + list(clients.values()))
    countersign(operators, stage.book_id, [stage.account("bank")])
    open_now = own + [account for each, account in clients.items() if each.verified]
    await_status(stage.client, stage.book_id, [account.id for account in open_now])
    return len(own) + len(clients)


def name_ibans(stage: Stage, operators: tuple[Client, Client], bank_feed: Client) -> int:
    """Has two operators confirm the clients' IBANs, and the safeguarding account's with its bank. Returns how many."""
    aliases = [
        Alias(each.iban, stage.account(each.name), each.party(stage.book_id).id) for each in stage.platform.clients
    ]
    register_ibans(stage.client, operators, stage.book_id, aliases)
    feed_id = bank_feed.credentials.principal_id
    mirror = Alias(stage.platform.safeguarding_iban, stage.account("bank"), bank_feed_id=feed_id)
    first, second = operators
    agree(second, first.identity.register_aliases([mirror], stage.book_id))
    return len(aliases) + 1


def import_sanctions(operator: Client, list_id: str = "demo", file: str = "sanctions.csv") -> int:
    """Imports an example list as of now; returns how many names it has."""
    return operator.payments.import_sanctions_list(list_id, ListFormat.CSV, content(file), time.time_ns()).names
