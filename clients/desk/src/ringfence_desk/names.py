"""What ids are called, as far as facts and whoever has disclosed names say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.kinds import ACCOUNT, INSTRUCTION, platform_of
from ringfence_desk.language import Language
from ringfence_desk.roles import Role
from ringfence_desk.safeguarding import CLIENT
from ringfence_desk.words import phrases

AccountKey = tuple[UUID | None, UUID]
"""The platform and the id of an account: an id is unique in its book, not in the world."""


@dataclass(frozen=True)
class Account:
    """An account as the log says that it was opened; an account of a platform's own has no owner."""

    id: UUID
    account_class: str
    ledger: int
    platform_id: UUID | None
    owner_id: UUID | None

    @property
    def key(self) -> AccountKey:
        """Its platform and its id."""
        return self.platform_id, self.id


@dataclass(frozen=True)
class Names:
    """What principals (platforms among them), payments and, as far as it was disclosed, parties are called; accounts.

    `called` is by what an id is of and the id, and of one id by platform: a payment and an account, or two platforms'
    payments, may have the same. `accounts` are by id, and those of one id by platform.
    """

    called: Mapping[tuple[str, UUID], Mapping[UUID | None, str]] = field(default_factory=dict)
    accounts: Mapping[UUID, Mapping[UUID | None, Account]] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> Names:
        """Learns from facts what principals and payments are called, where their texts came, and whose accounts are."""
        return cls().learned(facts)

    def learned(self, facts: Iterable[Fact]) -> Names:
        """Gives these names with what more facts say."""
        called, opened = dict(self.called), list[Account]()
        for fact in facts:
            if account := account_in(fact):
                opened.append(account)
            for name, text, role in _NAMING.get(fact.kind, ()):
                if (found := fact.id(name)) and (said := fact.text(text)):
                    platform = platform_of(fact) if role in _OF_PLATFORMS else None
                    called[role, found] = {**called.get((role, found), {}), platform: said}
        return Names(called, self.accounts).with_accounts(opened)

    def with_accounts(self, accounts: Iterable[Account]) -> Names:
        """Gives these names with accounts, each known under its platform."""
        known = dict(self.accounts)
        for account in accounts:
            known[account.id] = {**known.get(account.id, {}), account.platform_id: account}
        return Names(self.called, known)

    def with_parties(self, platform_id: UUID | None, disclosed: Mapping[UUID, str]) -> Names:
        """Gives these names with those of a platform's parties, as they were disclosed."""
        called = dict(self.called)
        for party, said in disclosed.items():
            called[Role.PARTY, party] = {**called.get((Role.PARTY, party), {}), platform_id: said}
        return Names(called, self.accounts)

    def joined(self, others: Names) -> Names:
        """Gives these names with what others add: what these say stays."""
        called = {key: {**said, **self.called.get(key, {})} for key, said in others.called.items()}
        accounts = {key: {**opened, **self.accounts.get(key, {})} for key, opened in others.accounts.items()}
        return Names({**self.called, **called}, {**self.accounts, **accounts})

    def name(self, role: str, identifier: UUID, platform_id: UUID | None = None) -> str | None:
        """Gives what a principal, a platform, or a platform's payment or party is called, None where nobody says.

        Without a platform it is what the only one says that has the id.
        """
        kind = Role.PRINCIPAL if role == Role.PLATFORM else role
        said = self.called.get((kind, identifier), {})
        if platform_id is None and len(said) == 1:
            return next(iter(said.values()))
        return said.get(platform_id if kind in _OF_PLATFORMS else None)

    def found(self, account_id: UUID, platform_id: UUID | None = None) -> Account | None:
        """Gives a platform's account; without a platform the one account that has this id, None where several do."""
        of_books = self.accounts.get(account_id, {})
        if platform_id is None and len(of_books) == 1:
            return next(iter(of_books.values()))
        return of_books.get(platform_id)

    def account(self, account_id: UUID, language: Language, platform_id: UUID | None = None) -> str:
        """Gives what an account is called: by its owner's name, or by its class and the platform; else by its id."""
        known = self.found(account_id, platform_id)
        if known is None:
            return f"{phrases()['account'][language]} {short(account_id)}"
        if known.owner_id and (owner := self._owner(known.owner_id, known.platform_id)):
            return owner
        name = phrases().get(f"account {known.account_class}", phrases()["account"])[language]
        if known.account_class == CLIENT:
            return f"{name} {short(known.owner_id or account_id)}"
        platform = self.name(Role.PLATFORM, known.platform_id) if known.platform_id else None
        return f"{name} · {platform or short(account_id)}"

    def of_id(self, role: str, identifier: UUID, language: Language, platform_id: UUID | None = None) -> str:
        """Gives what an id is called, else what it is of ("client", "payment", …) with its first and last digits.

        What it is of is said, not guessed: an id of something else that is called something does not lend its name.
        """
        if role == Role.ACCOUNT:
            return self.account(identifier, language, platform_id)
        if said := self.name(role, identifier, platform_id):
            return said
        word = phrases().get(role, {}).get(language, "")
        return f"{word} {short(identifier)}".strip()

    def _owner(self, owner_id: UUID, platform_id: UUID | None) -> str | None:
        """Gives the name of whose an account is: a party's, or of an account of a platform's own the platform's."""
        return self.name(Role.PLATFORM if owner_id == platform_id else Role.PARTY, owner_id, platform_id)


def account_in(fact: Fact) -> Account | None:
    """Gives the account that a fact says was opened, None where it opens none."""
    account_id, ledger = fact.id("account_id"), fact.integer("ledger")
    if fact.kind != ACCOUNT or account_id is None or ledger is None:
        return None
    return Account(account_id, fact.text("account_class"), ledger, platform_of(fact), fact.id("owner_id"))


def opened_in(facts: Iterable[Fact], account_id: UUID) -> list[Account]:
    """Gives the accounts that facts say were opened under an id, one of each platform, in the facts' order."""
    found: dict[AccountKey, Account] = {}
    for fact in facts:
        account = account_in(fact)
        if account and account.id == account_id:
            found.setdefault(account.key, account)
    return list(found.values())


def short(identifier: UUID) -> str:
    """Gives the first and the last four digits of an id."""
    return f"{identifier.hex[:4]}…{identifier.hex[-4:]}"


_NAMING: Mapping[str, tuple[tuple[str, str, Role], ...]] = {
    "identity.principal_registered.v1": (("principal_id", "name", Role.PRINCIPAL),),
    INSTRUCTION: (("instruction_id", "end_to_end_id", Role.PAYMENT),),
}
"""Which id a fact names, the field that has its name, and what it is of."""
_OF_PLATFORMS = frozenset({Role.PAYMENT, Role.PARTY})
"""What has an id that is unique with its platform alone."""
