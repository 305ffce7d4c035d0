"""A reader of one platform, through SDK and stack: what two grant counts at once, each read is in the register."""

from __future__ import annotations

from uuid import UUID

import pytest
from ringfence.access import AccessGrant
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import PrincipalKind, require_done
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import eventually


def grant(scenario: Scenario, reader: Client, platform: UUID, case: str) -> None:
    """Two operators have somebody read a platform, for a case."""
    first, second = scenario.operators
    (given,) = first.grants.give(
        {reader.credentials.principal_id: AccessGrant(case_reference=case, platforms=[platform])}
    )
    assert given.proposal_id is not None
    require_done(second.proposals["identity"].confirm([given.proposal_id]))


def refused(call: object) -> str:
    """The reason of a refusal."""
    with pytest.raises(RingfenceError) as refusal:
        list(call())  # type: ignore[operator]
    return refusal.value.reason


def test_a_grant_shows_its_platform_and_no_other(scenario: Scenario) -> None:
    """Facts are proven by page, complete answers closed; another grant counts at once; platforms see who has read."""
    ours, theirs = scenario.platform(banked=False), scenario.platform(banked=False)
    party = ours.party("Nora Vale")
    auditor = scenario.principal(PrincipalKind.AUDITOR)
    grant(scenario, auditor, ours.id, "case 7")
    key = scenario.sandbox.log_key()
    assert eventually(lambda: bool([*auditor.audit.search(party.id, key=key)]))
    assert [*auditor.audit.search(tenant_id=theirs.id, key=key)] == []
    assert refused(lambda: [auditor.audit.answer(party.id, key)]) == "GRANT_TOO_NARROW"
    reader = auditor.credentials.principal_id
    assert eventually(lambda: reader in {each.reader_id for each in ours.client.audit.reads()})
    assert {each.case_reference for each in ours.client.audit.reads()} == {""}
    own = [each for each in auditor.audit.reads() if each.is_own and each.method == "Search"]
    assert {each.case_reference for each in own} == {"case 7"}
    assert refused(lambda: ours.client.audit.search(party.id)) == "SCOPE_MISSING"
    grant(scenario, auditor, theirs.id, "case 8")
    assert eventually(lambda: not [*auditor.audit.search(party.id)], 5.0)
