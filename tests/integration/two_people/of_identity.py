"""The rows of identity."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from ringfence.access import AccessGrant
from ringfence.identity import (
    Alias,
    AliasAction,
    CertificatePin,
    KycDecision,
    KycStatus,
    NewParty,
    PartyKind,
    PrincipalKind,
    require_done,
)
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_protos.identity.v1 import identity_pb2

from ..asking import resolved
from .acts import PENDING, Act, People, only, row

DAY_NS = 86_400 * 10**9
MEMBERS = frozenset({PrincipalKind.PLATFORM_APPROVER, PrincipalKind.IMPORTER})


def register_principals(kind: PrincipalKind, people: People) -> Act:
    """Somebody new of a kind, who then gets a token."""
    tenant = people.platform().credentials.principal_id if kind in MEMBERS else None
    newcomer = people.described(kind, tenant)
    return Act(
        "identity",
        lambda by: only(by.identity.register_principals([newcomer.principal])),
        lambda: bool(newcomer.claims()),
    )


for each in identity_pb2.PrincipalKind.values():
    if each:
        row("RegisterPrincipals", PrincipalKind(each).name)(partial(register_principals, PrincipalKind(each)))


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


@row("GrantAccess")
def grant_access(people: People) -> Act:
    """An auditor whose grant is about to end, and then lasts for an hour longer."""
    now_ns = time.time_ns()
    newcomer = people.described(PrincipalKind.AUDITOR)
    ending = replace(newcomer.principal, grant=AccessGrant(case_reference="case 7", until_ns=now_ns + 10 * DAY_NS))
    first, second = people.scenario.operators
    require_done(second.proposals["identity"].confirm([only(first.identity.register_principals([ending]))]))
    longer = AccessGrant(case_reference="case 7", until_ns=now_ns + 20 * DAY_NS)
    return Act(
        "identity",
        lambda by: only(by.grants.give({ending.id: longer})),
        lambda: bool(newcomer.claims()["until"] > (now_ns + 10 * DAY_NS) // 10**9),
    )


@row("StateJurisdictions")
def state_a_jurisdiction(people: People) -> Act:
    """A platform's country, which need not be stated again then."""
    platform = people.platform().credentials.principal_id
    stated = {platform: "DE"}
    return Act(
        "identity",
        lambda by: only(by.grants.state_jurisdictions(stated)),
        lambda: people.scenario.operators[0].grants.state_jurisdictions(stated)[0].done,
    )


@row("PinCertificates")
def pin_a_certificate(people: People) -> Act:
    """A regulator whose certificate nobody has pinned, and who then gets a token."""
    newcomer = people.described(PrincipalKind.REGULATOR)
    first, second = people.scenario.operators
    unknown = replace(newcomer.principal, certificate_sha256=b"")
    require_done(second.proposals["identity"].confirm([only(first.identity.register_principals([unknown]))]))
    digest = newcomer.principal.certificate_sha256
    pin = CertificatePin(principal_id=unknown.id, certificate_sha256=digest)
    return Act(
        "identity",
        lambda by: only(by.identity.pin_certificates([pin])),
        lambda: bool(newcomer.claims()),
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
