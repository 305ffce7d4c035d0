"""The row of claims: whether the time of an answer tells that another platform has the IBAN."""

from __future__ import annotations

import time
from random import Random

from ringfence.client import Client
from ringfence.identity import Alias, NewParty, PartyKind, PrincipalKind, require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence_local_stack.sandbox.books import add_owner
from ringfence_local_stack.sandbox.onboarding import open_accounts, register_ibans
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario.ibans import new_iban

from bench.load import Seen
from bench.ranks import rank_p
from bench.rows import Results, row
from bench.stack import MeasuredStack

NAME = "identity_claims"
WHO_HAS, WHO_ASKS = "bench-claims-owner", "bench-claims-platform"
TRIES = 10_000
WARM = 200
PENDING = frozenset({"PENDING"})


def identity_claims(measured: MeasuredStack, results: Results, tries: int = TRIES) -> None:
    """Claims as many IBANs of another platform as free ones, one call each, in an order that chance decides."""
    sandbox, half = measured.sandbox, tries // 2
    client, account, party = _client_of(sandbox, WHO_HAS)
    taken = [new_iban() for _ in range(half)]
    results.progress(f"confirming {half:,} IBANs that somebody else then claims")
    tenant = client.credentials.principal_id
    register_ibans(client, sandbox.operators, tenant, [Alias(each, account.id, party.id) for each in taken])
    asking, account, party = _client_of(sandbox, WHO_ASKS)
    for _ in range(WARM):
        _timed(asking, Alias(new_iban(), account.id, party.id))
    asked = [(each, True) for each in taken] + [(new_iban(), False) for _ in range(half)]
    Random(1).shuffle(asked)  # nosec B311 # an order, no secret
    started = time.perf_counter()
    answered = [(_timed(asking, Alias(iban, account.id, party.id)), is_taken) for iban, is_taken in asked]
    seen = Seen(len(asked), time.perf_counter() - started, [each for each, _ in answered])
    of_taken = [each for each, is_taken in answered if is_taken]
    of_free = [each for each, is_taken in answered if not is_taken]
    results.add(row(NAME, 1, 1, seen, None, rank_p=rank_p(of_taken, of_free)))


def _client_of(sandbox: Sandbox, name: str) -> tuple[Client, NewAccount, NewParty]:
    """Makes a platform with one client, who has one account."""
    platform_id = sandbox.principal(name, PrincipalKind.PLATFORM).principal_id
    party = NewParty(
        id=new_id(), kind=PartyKind.PERSON, name="Mira Solberg", identity_number=new_id().hex, country="NO"
    )
    add_owner(sandbox, name, party)
    account = NewAccount(id=new_id(), account_class=AccountClass.CLIENT, currency="EUR", owner_id=party.id)
    open_accounts(sandbox.client(name), platform_id, [account])
    return sandbox.client(name), account, party


def _timed(client: Client, claim: Alias) -> float:
    """Claims, and returns how long the answer took in milliseconds."""
    started = time.perf_counter()
    claimed = client.identity.register_aliases([claim])
    took_ms = (time.perf_counter() - started) * 1000
    require_done(claimed, PENDING)
    return took_ms
