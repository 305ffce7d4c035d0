"""All that can happen to principals and parties."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence.client import Client
from ringfence.identity import (
    Alias,
    ItemResult,
    KycDecision,
    KycStatus,
    NewParty,
    PartyKind,
    PrincipalKind,
    require_done,
)
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, AccountStatus, NewAccount
from ringfence_local_stack.sandbox.onboarding import (
    agree,
    await_status,
    decide_kyc,
    open_accounts,
    register_ibans,
    verify_parties,
)
from ringfence_local_stack.sandbox.sandbox import Sandbox

PLATFORM, APPROVER = "kept-platform", "kept-approver"
NAMES = ("expired", "rejected", "blocked", "erased", "enhanced")


def principals(box: Sandbox) -> UUID:
    """A platform and its approver, who enrols, rotates its key, is suspended and confirmed; returns the platform."""
    platform = box.principal(PLATFORM, PrincipalKind.PLATFORM).principal_id
    box.principal(APPROVER, PrincipalKind.PLATFORM_APPROVER, tenant_id=platform)
    approver = box.client(APPROVER)
    identifier = approver.credentials.principal_id
    approver.identity.enrol(_certificate_request(f"spiffe://ringfence.local/principal/{identifier}"))
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    approver.identity.rotate_key(Ed25519PrivateKey.generate().public_key().public_bytes(*raw))
    first, second = box.operators
    require_done(first.identity.suspend_principals([identifier], "left her token on the train"))
    (lifting,) = first.identity.confirm_principals([identifier])
    assert lifting.proposal_id is not None
    require_done(second.proposals["identity"].confirm([lifting.proposal_id]))
    return platform


def parties(box: Sandbox, platform: UUID) -> None:
    """Parties of the platform, each with an account and an IBAN, led through all of KYC and out of it."""
    client, operator = box.client(PLATFORM), box.operators[0]
    require_done(client.identity.register_parties([_party(platform, name) for name in NAMES]))
    ids = {name: _party(platform, name).id for name in NAMES}
    verify_parties(operator, platform, [ids[name] for name in NAMES if name != "rejected"])
    decide_kyc(operator, platform, [ids["rejected"]], KycStatus.CHECKING, "documents complete")
    accounts = {name: external_id("kept.account", platform, name) for name in NAMES}
    _open(client, box.operators, platform, ids, accounts)
    for to in (KycStatus.REFRESH_DUE, KycStatus.EXPIRED):
        decide_kyc(operator, platform, [ids["expired"]], to, "not renewed")
    decide_kyc(operator, platform, [ids["rejected"]], KycStatus.REJECTED, "documents do not match")
    anew = [_party(platform, name, "-B") for name in ("expired", "rejected")]
    require_done(client.identity.register_parties(anew))
    decide_kyc(operator, platform, [ids["enhanced"]], KycStatus.EDD, "a politically exposed person")
    _block_and_release(box, platform, ids["blocked"])
    await_status(client, platform, [accounts["blocked"]])
    agree(box.operators[1], operator.identity.erase_parties(platform, [ids["erased"]]))


def _open(
    client: Client,
    operators: tuple[Client, Client],
    platform: UUID,
    ids: dict[str, UUID],
    accounts: dict[str, UUID],
) -> None:
    new = [
        NewAccount(id=accounts[name], account_class=AccountClass.CLIENT, currency="EUR", owner_id=ids[name])
        for name in NAMES
    ]
    open_accounts(client, platform, new)
    await_status(client, platform, [accounts[name] for name in NAMES if name != "rejected"])
    aliases = [Alias(iban(310 + row), accounts[name], ids[name]) for row, name in enumerate(NAMES)]
    register_ibans(client, operators, platform, aliases)


def _block_and_release(box: Sandbox, platform: UUID, party: UUID) -> None:
    """The way out of BLOCKED takes two operators."""
    first, second = box.operators
    _decide(first, platform, party, KycStatus.BLOCKED)
    await_status(first, platform, [external_id("kept.account", platform, "blocked")], AccountStatus.FROZEN)
    (released,) = _decide(first, platform, party, KycStatus.REVIEW)
    assert released.proposal_id is not None
    require_done(second.proposals["identity"].confirm([released.proposal_id]))
    _decide(second, platform, party, KycStatus.VERIFIED)


def _decide(operator: Client, platform: UUID, party: UUID, to: KycStatus) -> list[ItemResult]:
    decision = KycDecision(party_id=party, to=to, note="a list named somebody of this name")
    decided = operator.identity.decide_kyc(platform, [decision])
    require_done(decided, frozenset({"APPROVAL_PENDING"}))
    return decided


def iban(number: int) -> str:
    """A German IBAN with right check digits (ISO 13616)."""
    account = f"5009990300{number:08d}"
    return f"DE{98 - int(f'{account}131400') % 97:02d}{account}"


def party_ids(platform: UUID, names: Sequence[str] = NAMES) -> list[UUID]:
    """The ids of the platform's parties."""
    return [_party(platform, name).id for name in names]


def _party(platform: UUID, name: str, number: str = "") -> NewParty:
    return NewParty(
        id=external_id("kept.party", platform, name),
        kind=PartyKind.PERSON,
        name=f"Kim {name.title()}",
        identity_number=f"KEPT-{name}{number}",
        country="DE",
        date_of_birth="1990-01-01",
        address="Speicherstrasse 1, Kiel",
    )


def _certificate_request(uri: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
