"""A platform in the sandbox: its people, its clients, its book, and its bank."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from uuid import UUID

from ringfence.addresses import PostalAddress
from ringfence.client import Client
from ringfence.identity import Alias, NewParty, PartyKind, PrincipalKind, require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewAccount, NewTransfer, Purpose
from ringfence.payments import FileAnswer, NewInstruction

from ringfence_local_stack.sandbox.letters import countersign
from ringfence_local_stack.sandbox.onboarding import (
    agree,
    await_status,
    open_accounts,
    register_ibans,
    require_created,
    verify_parties,
)
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.bank import Bank
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Payment
from ringfence_local_stack.scenario.people import Customer, Party
from ringfence_local_stack.scenario.waiting import fresh

_FUNDING_ROWS = 5_000


class Platform:
    """A platform with its second person, made by `Scenario.platform`."""

    def __init__(self, sandbox: Sandbox, name: str, currency: str) -> None:
        """Registers both principals; the same name again finds the ones there are."""
        self.sandbox, self.name, self.currency = sandbox, name, currency
        self.id = sandbox.principal(name, PrincipalKind.PLATFORM).principal_id
        self.client = sandbox.client(name)
        self._customers: dict[str, Customer] = {}

    @cached_property
    def approver(self) -> Client:
        """The platform's second person."""
        return self._member("second", PrincipalKind.PLATFORM_APPROVER)

    @cached_property
    def importer(self) -> Client:
        """The principal that may post to the ledger itself."""
        return self._member("importer", PrincipalKind.IMPORTER)

    @cached_property
    def bank(self) -> Bank:
        """The platform's account at its bank in the platform's currency; opened when it is first asked for."""
        return self.open_bank()

    @property
    def importer_name(self) -> str:
        """The importer's name in the sandbox."""
        return f"{self.name}-importer"

    def party(
        self,
        name: str,
        *,
        verified: bool = True,
        kind: PartyKind = PartyKind.PERSON,
        identity_number: str = "",
        country: str = "DE",
        address: str = "",
        postal_address: PostalAddress | None = None,
    ) -> Party:
        """Hands a client in, and leads it to VERIFIED unless told otherwise; the identity number is a new one."""
        (made,) = self._parties([name], kind, identity_number, country, address, postal_address)
        if verified:
            self.verify([made])
        return made

    def verify(self, parties: Sequence[Party]) -> None:
        """Has an operator verify parties."""
        verify_parties(self.sandbox.operators[0], self.id, [each.id for each in parties])

    def account(
        self,
        account_class: AccountClass,
        *,
        owner: Party | None = None,
        currency: str = "",
        flags: int = 0,
        active: bool = True,
    ) -> Account:
        """Opens an account of any class, and waits until money may move on it unless told otherwise.

        A bank mirror gets its letter on the way.
        """
        (made,) = self.accounts(account_class, [owner], currency=currency, flags=flags, active=active)
        return made

    def accounts(
        self,
        account_class: AccountClass,
        owners: Sequence[Party | None],
        *,
        currency: str = "",
        flags: int = 0,
        active: bool = True,
    ) -> list[Account]:
        """The same for many: one account per owner."""
        currency = currency or self.currency
        rows = [
            NewAccount(
                id=new_id(),
                account_class=account_class,
                currency=currency,
                owner_id=owner.id if owner else None,
                flags=flags,
            )
            for owner in owners
        ]
        open_accounts(self.client, self.id, rows)
        if active and account_class is AccountClass.BANK_MIRROR:
            countersign(self.sandbox.operators, self.id, [row.id for row in rows])
        if active:
            await_status(self.client, self.id, [row.id for row in rows])
        return [Account(self.client, row.id, account_class, currency) for row in rows]

    def customer(self, name: str) -> Customer:
        """The customer of this name: a verified person with an account and an IBAN, new where there is none."""
        return self.customers(name)[0]

    def customers(self, *names: str) -> list[Customer]:
        """The same for several, in fewer calls."""
        missing = [name for name in dict.fromkeys(names) if name not in self._customers]
        if missing:
            parties = self._parties(missing)
            self.verify(parties)
            self.enrol(parties)
        return [self._customers[name] for name in names]

    def enrol(self, parties: Sequence[Party], *, currency: str = "") -> list[Customer]:
        """Makes customers of verified parties: an account and an IBAN for each."""
        accounts = self.accounts(AccountClass.CLIENT, parties, currency=currency)
        made = [Customer(*both, new_iban()) for both in zip(parties, accounts, strict=True)]
        aliases = [Alias(each.iban, each.account.id, each.party.id) for each in made]
        register_ibans(self.client, self.sandbox.operators, self.id, aliases)
        self._customers.update({each.name: each for each in made})
        return made

    def open_bank(self, *, iban: str = "", currency: str = "", feed: Client | None = None) -> Bank:
        """Opens a bank mirror and has two operators name its IBAN and the feed that speaks for it."""
        feed = feed or self.sandbox.bank_feed
        account = self.account(AccountClass.BANK_MIRROR, currency=currency)
        iban = iban or new_iban()
        alias = Alias(iban, account.id, bank_feed_id=feed.credentials.principal_id)
        first, second = self.sandbox.operators
        agree(second, first.identity.register_aliases([alias], self.id))
        return Bank(self.sandbox.stack.directory, account, iban, feed)

    def order(
        self, debtor_iban: str, creditor_iban: str, creditor_name: str, amount_minor: int, *, end_to_end_id: str = ""
    ) -> NewInstruction:
        """A payment in the platform's currency, to be handed in by `submit`, with a text of its own."""
        return NewInstruction(
            id=new_id(),
            end_to_end_id=end_to_end_id or fresh("E"),
            debtor_iban=debtor_iban,
            creditor_iban=creditor_iban,
            creditor_name=creditor_name,
            amount_minor=amount_minor,
            currency=self.currency,
            remittance=fresh("T"),
        )

    def submit(self, orders: Sequence[NewInstruction], submission_id: UUID | None = None) -> list[Payment]:
        """Hands payments in as one submission, new or by its id."""
        self.client.payments.submit(submission_id or new_id(), orders)
        return [Payment(self.client, each.id) for each in orders]

    def pay(
        self, debtor: Customer, creditor_iban: str, creditor_name: str, amount_minor: int, *, end_to_end_id: str = ""
    ) -> Payment:
        """Hands one payment in."""
        order = self.order(debtor.iban, creditor_iban, creditor_name, amount_minor, end_to_end_id=end_to_end_id)
        return self.submit([order])[0]

    def submit_file(self, content: bytes) -> tuple[FileAnswer, list[Payment]]:
        """Hands a pain.001 in; the answer with its pain.002, and the payments that were made of it."""
        answer = self.client.payments.submit_file(content)
        return answer, [Payment(self.client, each) for each in answer.instruction_ids]

    def fund(self, accounts: Sequence[Account], amount_minor: int, mirror: Account) -> None:
        """Posts a deposit onto each account through the importer, without a bank's evidence."""
        deposits = [
            NewTransfer(
                id=new_id(),
                amount_minor=amount_minor,
                currency=each.currency,
                code=Purpose.DEPOSIT,
                debit_account_id=mirror.id,
                credit_account_id=each.id,
                user_data_128=each.id,
            )
            for each in accounts
        ]
        for at in range(0, len(deposits), _FUNDING_ROWS):
            page = self.importer.custody.create_transfers(self.id, deposits[at : at + _FUNDING_ROWS])
            require_created(page, "deposit")

    def _member(self, what: str, kind: PrincipalKind) -> Client:
        name = f"{self.name}-{what}"
        self.sandbox.principal(name, kind, tenant_id=self.id)
        return self.sandbox.client(name)

    def _parties(
        self,
        names: Sequence[str],
        kind: PartyKind = PartyKind.PERSON,
        identity_number: str = "",
        country: str = "DE",
        address: str = "",
        postal_address: PostalAddress | None = None,
    ) -> list[Party]:
        rows = [
            NewParty(
                id=new_id(),
                kind=kind,
                name=name,
                identity_number=identity_number or fresh("ID"),
                country=country,
                address=address,
                postal_address=postal_address,
            )
            for name in names
        ]
        require_done(self.client.identity.register_parties(rows))
        return [Party(row.id, row.name, row.identity_number) for row in rows]
