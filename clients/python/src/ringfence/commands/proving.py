"""A balance that is proven, held against all transfers of the account; and `ringfence verify balance`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_desk import money, times
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.roles import Role
from ringfence_desk.statement import statement
from ringfence_verifier import (
    Checkpoint,
    KeySuccession,
    Policy,
    ProvenBalance,
    VerificationError,
    verify_balance,
    verify_key_succession,
    verify_receipt,
)

from ringfence.audit import Audit
from ringfence.books import Books, closed_ns, proven_balance
from ringfence.client import Client
from ringfence.commands.complete import memory_of
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import note, say, show
from ringfence.commands.trusted import Key, Keys, PolicyFile, demanded, keys_of, policy_of
from ringfence.errors import RingfenceError
from ringfence.money import ledger_of
from ringfence.proven import Nameable, fact_of, naming, told_of

_NARROW = "GRANT_TOO_NARROW"


@dataclass(frozen=True)
class Account:
    """An account of a platform's book, in a currency (ISO 4217)."""

    id: UUID
    platform_id: UUID
    currency: str


@dataclass(frozen=True)
class Proved:
    """What is proven of an account: what books have of it, None before the first, when these were closed, UTC
    nanoseconds, and its class, empty where no fact says it."""

    balance: ProvenBalance | None
    closed_ns: int
    account_class: str


def proved(client: Client, books: Books, account: Account, at_ns: int, vkey: str, policy: PolicyFile) -> Proved:
    """Checks the proof of an account's balance by an instant, UTC nanoseconds, 0 for now, and what its class is.

    All its transfers up to there come to the same, for who reads all platforms. Everything stands in a log that extends
    what was seen of it with these credentials, and is held to the policy, or else to the one that was kept. Raises
    VerificationError.
    """
    followed = _Followed.by(client, vkey, policy)
    named = Nameable(account.id, Role.ACCOUNT, account.platform_id)
    opened = naming(client.audit, followed.keys, named, followed.policy)
    account_class = opened.text("account_class") if opened else ""
    if not books.balance_proof or books.closing is None:
        return Proved(None, 0, account_class)
    ledger = ledger_of(account.currency)
    proof = books.balance_proof
    found = proven_balance(proof, account.id, account.platform_id, ledger, followed.keys, followed.policy)
    followed.require_joins(found.checkpoint)
    closing = followed.fact(found.closing)
    when = closed_ns(closing, found, at_ns, books.closing.leaf_index)
    try:
        _added_up(client, followed, found, account)
    except RingfenceError as error:
        if error.reason != _NARROW:
            raise
        note("its transfers are not added up: who reads some platforms gets no complete answer")
    return Proved(found, when, account_class)


@dataclass(frozen=True)
class _Followed:
    """A log that was followed to its newest checkpoint, from what was seen of it where that is kept."""

    audit: Audit
    newest: Checkpoint
    keys: KeySuccession
    policy: Policy | None

    @classmethod
    def by(cls, client: Client, vkey: str, given: PolicyFile) -> _Followed:
        """Follows it; raises VerificationError, and LogForked where it does not extend what it has signed."""
        remembered, audit = memory_of(client), client.audit
        policy = demanded(given, remembered, vkey)
        if remembered:
            newest = audit.verified_checkpoint(vkey, remembered, policy)
            return cls(audit, newest, remembered.keys(newest.origin, vkey), policy)
        signed, receipts = audit.keyed_checkpoint()
        keys, relied = verify_key_succession(receipts, vkey)
        followed = cls(audit, keys.verify_checkpoint(signed), keys, policy)
        if policy is not None:
            policy.verify(signed, keys)
        for each in relied:
            followed.require_joins(keys.verify_checkpoint(each))
        return followed

    def require_joins(self, shown: Checkpoint) -> None:
        """Has the log prove that what came with an answer is of the same history, whichever is longer."""
        self.audit.require_extends(*sorted((shown, self.newest), key=lambda each: each.size))

    def fact(self, index: int) -> Fact:
        """Gets a fact, proven."""
        got = self.audit.receipt(index)
        proven = verify_receipt(got.proof, self.keys, leaf=got.leaf, policy=self.policy)
        self.require_joins(self.keys.verify_checkpoint(got.proof.partition("\n\n")[2]))
        if proven.index != index:
            raise VerificationError("the log has answered another fact than was asked for")
        return fact_of(index, got.leaf)


def _added_up(client: Client, followed: _Followed, found: ProvenBalance, account: Account) -> None:
    got = client.audit.answer(account.id, followed.keys, policy=followed.policy)
    followed.require_joins(got.checkpoint)
    if found.closing > got.until_leaf:
        raise VerificationError("the log has answered from less than it has closed")
    require_same(found, account, (told_of(index, leaf) for index, leaf in got.facts))


def require_same(found: ProvenBalance, account: Account, facts: Iterable[Fact]) -> None:
    """Raises VerificationError where what is booked on an account below the closing is not what the books have."""
    before = [fact for fact in facts if fact.index < found.closing]
    made = statement(account.id, before, platform_id=account.platform_id)
    booked = made and made.posted_minor
    stated = found.balances and (found.balances.debits_posted, found.balances.credits_posted)
    if booked != stated:
        raise VerificationError(f"the books have {stated} of {account.id}, and its transfers come to {booked}")


def balance(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A proof of an account's balance.")],
    key: Key,
    keys: Keys = None,
    policy: PolicyFile = None,
) -> None:
    """Proves offline what the books of a closing have of an account, or that it is not among their accounts."""
    found = verify_balance(file.read_bytes(), keys_of(key, keys), policy=policy_of(policy))
    for name, seconds in sorted(found.witnesses.items()):
        note(f"witnessed by {name.decode(errors='replace')} at {moment(seconds * 10**9)}")
    account, at = UUID(bytes=found.account), found.checkpoint
    when = times.moment(found.time_ns, Language.ENGLISH)
    say(f"Proven for leaf {found.index} of {at.size} in {at.origin}, of {when}: custody's closing at {found.closing}")
    if not found.is_same:
        say("CUSTODY HAS CLOSED OTHER BOOKS than these, which the log comes to")
    if found.balances is None:
        say(f"{account} is not among the {found.accounts} accounts of these books")
        return
    sums = found.balances
    figures = (sums.balance, sums.debits_pending, sums.debits_posted, sums.credits_pending, sums.credits_posted)
    columns = ["account", "credits less debits", "debits pending", "debits posted", "credits pending", "credits posted"]
    row = [str(account), *(money.amount(each, found.ledger, Language.ENGLISH) for each in figures)]
    show(f"Books of {UUID(bytes=found.tenant_id)}", columns, [row], right=columns[1:])
