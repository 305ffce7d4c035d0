"""The row of a grown platform: identity starts on a million parties and their IBANs."""

from __future__ import annotations

from ringfence.identity import Alias, NewParty, PartyKind, PrincipalKind
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence_local_stack.sandbox.books import add_owner
from ringfence_local_stack.sandbox.onboarding import open_accounts, register_ibans

from bench.filling.parties import fill
from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.starts import start_twice
from bench.wire import resolved_account

NAME, SERVICE = "identity_parties", "identity"
PLATFORM = "bench-parties-platform"
IBAN = "DE12500999010000000101"


def identity_parties(measured: MeasuredStack, results: Results, parties: int) -> None:
    """Registers one verified party with its IBAN, appends copies while identity is down, and starts it twice.

    Each time the IBAN is looked up.
    """
    sandbox = measured.sandbox
    platform_id = sandbox.principal(PLATFORM, PrincipalKind.PLATFORM).principal_id
    party_id, account_id = external_id("bench", platform_id, "party"), external_id("bench", platform_id, "account")
    party = NewParty(
        id=party_id,
        kind=PartyKind.PERSON,
        name="Mira Solberg",
        identity_number="BENCH-P-1",
        country="NO",
        date_of_birth="1988-04-17",
        address="Havnegata 12, 0150 Oslo",
    )
    add_owner(sandbox, PLATFORM, party)
    account = NewAccount(id=account_id, account_class=AccountClass.CLIENT, currency="EUR", owner_id=party_id)
    client = sandbox.client(PLATFORM)
    open_accounts(client, platform_id, [account])
    register_ibans(client, sandbox.operators, platform_id, [Alias(IBAN, account_id, party_id)])
    measured.stack.service(SERVICE).stop()
    copies = max(1, parties - 1)
    results.progress(f"filling the event store with {copies + 1:,} parties and their IBANs")
    fill(measured.stack.running.databases[SERVICE], party_id, copies)
    seen = Seen(rows=copies + 1)
    starts = start_twice(
        measured, SERVICE, seen, lambda: resolved_account(measured.stack.running, IBAN) == account_id.bytes
    )
    results.add(row(NAME, 1, 1, seen, None, **starts.figures()))
