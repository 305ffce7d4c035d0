"""Reports over the real log and its index: what the small log of the other tests gives, through GetReport."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ringfence_audit.reports.adapters.as_json import as_json
from ringfence_audit.reports.application.making import Making, Subject
from ringfence_audit.reports.domain.errors import ReportEmpty
from ringfence_audit.reports.domain.report import Under
from ringfence_audit.standing.domain.copyists import Copyist
from ringfence_audit.standing.domain.grants import Grant
from ringfence_kernel.access.caller import Caller, calling
from ringfence_protos.audit.v1 import audit_pb2

from .conftest import Audit
from .feeds import START_NS, SourceFeed, accounts_created, identifier, transfers_created
from .reports.days import TENANT, Days
from .reports.test_reports import FRIDAY, MONDAY, _key

CONTEXT: Any = None
SUBJECTS = {
    audit_pb2.REPORT_SUBJECT_DAILY_CUSTODY: Subject.DAILY_CUSTODY,
    audit_pb2.REPORT_SUBJECT_RECONCILIATION: Subject.RECONCILIATION,
    audit_pb2.REPORT_SUBJECT_MONTHLY_SAFEGUARDING: Subject.MONTHLY_SAFEGUARDING,
    audit_pb2.REPORT_SUBJECT_RESOLUTION_PACK: Subject.RESOLUTION_PACK,
}


@pytest.fixture
def days() -> Days:
    """A closed Friday with all that is registered, and another platform's letter and break beside."""
    made = Days()
    made.bank(FRIDAY - 9)
    made.letter(FRIDAY - 7, FRIDAY - 2)
    made.appoint("KEY_PERSON", "SAFEGUARDING_OFFICER", FRIDAY - 300)
    made.appoint("AGENT", "DISTRIBUTOR", FRIDAY - 3, tenant=TENANT)
    made.cut(_key(FRIDAY), (1_500, 400), (50, 0))
    for line in range(3):
        made.step(made.detect(line, FRIDAY), "CLASSIFIED")
    made.compute(_key(FRIDAY), (1_100, 1_100), (50, 45))
    made.close(_key(FRIDAY))
    return made


def _values(content: bytes) -> list[Any]:
    """Returns the values and reasons of all cells: the real log has other indexes."""
    tables = json.loads(content)["tables"]
    return [
        (table["name"], [[(cell["value"], cell.get("why")) for cell in row] for row in table["rows"]])
        for table in tables
    ]


async def test_every_report_comes_from_the_real_log(audit: Audit, custody: SourceFeed, days: Days) -> None:
    """The search index finds days, registers and breaks of a platform, and each figure has its leaves."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob"), stream=TENANT)
    for topic, fields, stream in days.events:
        custody.add(topic, fields, stream=stream)
    await audit.follow(custody)
    await audit.publish()
    ledgers = audit.accounts.currencies(TENANT)
    under = Under("small", len(days.leaves), bytes(32))
    for asked, subject in SUBJECTS.items():
        request = audit_pb2.GetReportRequest(
            subject=asked, tenant_id=TENANT, day=FRIDAY, format=audit_pb2.REPORT_FORMAT_JSON
        )
        answer = await audit.servicer.GetReport(request, CONTEXT)
        small = Making(days, lambda tenant: ledgers).report(subject, TENANT, FRIDAY, under)
        assert _values(answer.content) == _values(as_json(small)), subject
        assert len(answer.leaf_indexes) == len(small.leaves())
        assert any(rows for name, rows in _values(answer.content) if name != "index")
        with calling(reader(audit, TENANT)):
            assert (await audit.servicer.GetReport(request, CONTEXT)).leaf_indexes == answer.leaf_indexes
        with calling(reader(audit, identifier("another platform"))), pytest.raises(ReportEmpty):
            await audit.servicer.GetReport(request, CONTEXT)


def reader(audit: Audit, platform: bytes) -> Caller:
    """Somebody who reads one platform."""
    audit.standing.copyists.known[platform[::-1]] = Copyist(0, {})
    audit.standing.grants.known[platform[::-1]] = Grant(b"g" * 16, (platform,), (), 0, 0)
    return Caller("spiffe://ringfence.local/principal/y", None, platform[::-1], "thumbprint")


async def test_another_platforms_registers_are_not_in_a_report(audit: Audit, custody: SourceFeed, days: Days) -> None:
    """Letters and breaks are found by platform; what is registered for all is everybody's."""
    other = identifier("another platform")
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob"), stream=other)
    for topic, fields, stream in days.events:
        custody.add(topic, fields, stream=stream)
    await audit.follow(custody)
    await audit.publish()
    request = audit_pb2.GetReportRequest(
        subject=audit_pb2.REPORT_SUBJECT_RESOLUTION_PACK,
        tenant_id=other,
        day=MONDAY,
        format=audit_pb2.REPORT_FORMAT_JSON,
    )
    found = dict(_values((await audit.servicer.GetReport(request, CONTEXT)).content))
    assert [len(found[name]) for name in ("banks", "letters", "agents", "key_people", "balances")] == [0, 0, 0, 1, 0]


async def test_a_days_facts_are_those_that_a_search_finds(audit: Audit, custody: SourceFeed) -> None:
    """Audit export and register read the platform's facts by the real index, to the last one under the checkpoint."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("a", "b")), stream=TENANT)
    for number in range(3):
        custody.add("TransfersCreated.v1", transfers_created(f"t{number}"), stream=TENANT)
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob"), stream=identifier("another platform"))
    await audit.follow(custody)
    await audit.publish()
    search = audit_pb2.SearchRequest(tenant_id=TENANT)
    found = [each.index for each in (await audit.servicer.Search(search, CONTEXT)).leaves]
    day = START_NS // (86_400 * 10**9)
    asked = {"tenant_id": TENANT, "day": day, "format": audit_pb2.REPORT_FORMAT_JSON}
    request = audit_pb2.GetReportRequest(subject=audit_pb2.REPORT_SUBJECT_AUDIT_EXPORT, **asked)
    exported = dict(_values((await audit.servicer.GetReport(request, CONTEXT)).content))["facts"]
    assert [int(row[0][0]) for row in exported] == found
    large = audit_pb2.GetReportRequest(subject=audit_pb2.REPORT_SUBJECT_LARGE_TRANSACTIONS, **asked)
    undecided = dict(_values((await audit.servicer.GetReport(large, CONTEXT)).content))["undecided"]
    # Where a currency has no rate, nobody's kind would decide.
    assert {row[4][0] for row in undecided} == {"no_rate"}
    await audit.publish()
    register = audit_pb2.GetReportRequest(subject=audit_pb2.REPORT_SUBJECT_REGISTER, **asked)
    reads = dict(_values((await audit.servicer.GetReport(register, CONTEXT)).content))["reads"]
    assert [row[2][0] for row in reads] == ["Search", "GetReport", "GetReport"]
