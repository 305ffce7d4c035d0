"""What identity tells audit alone: who is called so, and what was sealed; of the erased nothing."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from ringfence_identity.disclosure.adapters.mark_table import FIND_OF, IN_ORDER, RAREST_OF
from ringfence_identity.disclosure.domain.words import compact, is_called, tokens
from ringfence_identity.disclosure.module import ReadNames
from ringfence_identity.modules import event_codec
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.application.reading import ReadParty
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.parties.domain.state import Party
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.sealing.envelopes import EnvelopeBroken
from ringfence_kernel.values.ids import new_id
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

from .test_identity_service_parties import alias, change, erase, personal, register

PARTIES = rpc.PartyServiceStub
IBAN, CLAIMED = "FR1420041010050500013M02606", "BE68539007547034"


@pytest.mark.parametrize(
    ("sought", "name"),
    [
        ("svobodova", "Anna Svobodová"),
        ("ANNA  svobodová", "Svobodová, Anna Marie"),
        ("o neil", "O'Neil, Seán"),
        ("strasse", "Große Straße"),
        ("工商银行", "中国工商银行股份有限公司"),
        ("Bank 银行", "中国银行 Bank 3"),
        ("Ａｃｍｅ", "ACME GmbH"),
    ],
)
def test_a_name_is_found_by_whole_words(sought: str, name: str) -> None:
    """Case, accents, order and punctuation make no difference, and every token that is sought is one of the name's."""
    assert is_called(sought, name)
    assert tokens(sought) <= tokens(name)


@pytest.mark.parametrize(
    ("sought", "name"),
    [("svob", "Anna Svobodová"), ("anna eva", "Anna Svobodová"), ("", "Anna"), ("...", "..."), ("行工", "工商银行")],
)
def test_a_part_of_a_word_finds_nothing(sought: str, name: str) -> None:
    """Neither a beginning, nor a word too many, nor nothing at all; Chinese characters stand in their order."""
    assert not is_called(sought, name)


def test_numbers_are_compared_without_separators() -> None:
    """As identity itself compares them."""
    assert compact("ab-12 34/ü") == "AB1234Ü"


@dataclass
class Broken:
    """Reads parties as the service does; of one the data are not what was sealed."""

    broken: bytes

    async def get(self, asked: Sequence[tuple[bytes, bytes]]) -> list[ReadParty | None]:
        """Returns them, or raises for all."""
        if self.broken in {party for _, party in asked}:
            raise EnvelopeBroken
        data = PersonalData("Nora Ek", "N1", "", "", "SE")
        return [
            ReadParty(party, Party(party, tenant, PartyKind.PERSON, 1, b"", b"", 1), data) for tenant, party in asked
        ]


async def test_a_party_that_cannot_be_read_holds_up_no_other() -> None:
    """It has no marks, and its neighbours in the same page of events have theirs."""
    ids = [bytes([number]) * 16 for number in (1, 2, 3)]
    found = await ReadNames(Broken(ids[1])).read([(b"t" * 16, each) for each in ids])
    assert [named.name if named else None for named in found] == ["Nora Ek", None, "Nora Ek"]


def find(client: Any, **sought: Any) -> pb.FindPartiesResponse:
    """Asks for parties."""
    answer: pb.FindPartiesResponse = client.call(PARTIES, "FindParties", pb.FindPartiesRequest(**sought), token="")
    return answer


def disclose(client: Any, *fields: pb.SealedField) -> list[pb.DisclosedField]:
    """Asks for sealed fields in clear."""
    return list(client.call(PARTIES, "Disclose", pb.DiscloseRequest(fields=fields), token="").fields)


def found(answer: pb.FindPartiesResponse) -> set[tuple[bytes, int]]:
    """Returns who was found, and by what."""
    return {(each.party_id, each.found_by) for each in answer.found}


def sealed_of(identity: Any, party: bytes) -> list[pb.SealedField]:
    """Returns the sealed fields of a party's first event, as audit has them from the feed."""
    with identity.postgres.superuser(identity.database.name) as connection:
        topic, state = connection.execute(
            "SELECT topic, state FROM stored_events WHERE originator_id = %s AND originator_version = 1", (party.hex(),)
        ).fetchone()
    event = event_codec().decode(topic, state)[0]
    return [
        pb.SealedField(subject_id=party, stream_id=party, version=1, field=name, sealed=sealed)
        for name, sealed in sorted(event.personal.items())
    ]


def test_parties_are_found_until_they_are_erased(identity: Any) -> None:
    """By name, number, owner and IBAN, of asked platforms alone; an erasure takes marks and keys in one transaction."""
    audit, platform, other = identity.workload("audit"), identity.platform(), identity.platform()
    anna = pb.NewParty(id=new_id(), kind=pb.PARTY_KIND_PERSON, personal_data=personal("AB-77 12", "Zoë Quillfeather"))
    firm = pb.NewParty(id=new_id(), kind=pb.PARTY_KIND_COMPANY, personal_data=personal("HRB 5", "中国工商银行"))
    twin = pb.NewParty(id=anna.id, kind=pb.PARTY_KIND_PERSON, personal_data=personal("X9", "Quillfeather Zoe"))
    assert register(platform, anna, firm) + register(other, twin) == ["", "", ""]
    owner = pb.BeneficialOwner(id=new_id(), personal_data=personal("OWN 1", "Ines Überall"), controls=True)
    request = pb.RecordOwnersRequest(companies=[pb.CompanyOwners(party_id=firm.id, owners=[owner])])
    assert platform.reasons(PARTIES, "RecordOwners", request) == [""]

    both = find(audit, name="zoe quillfeather")
    assert {(each.tenant_id, each.party_id) for each in both.found} == {(platform.id, anna.id), (other.id, anna.id)}
    assert len({each.subject_id for each in both.found}) == 2
    assert both.marked_position >= both.head_position > 0
    assert found(find(audit, name="zoe quillfeather", tenant_ids=[platform.id])) == {(anna.id, pb.FOUND_BY_NAME)}
    assert found(find(audit, name="工商银行")) == {(firm.id, pb.FOUND_BY_NAME)}
    assert found(find(audit, name="uberall")) == {(firm.id, pb.FOUND_BY_OWNERS_NAME)}
    assert not find(audit, name="Ines 工商银行").found
    assert found(find(audit, identity_number="ab7712")) == {(anna.id, pb.FOUND_BY_IDENTITY_NUMBER)}
    assert found(find(audit, identity_number="own1")) == {(firm.id, pb.FOUND_BY_OWNERS_IDENTITY_NUMBER)}

    first = find(audit, name="quillfeather", page_size=1)
    second = find(audit, name="quillfeather", page_size=1, after_subject_id=first.next_subject_id)
    assert [len(first.found), len(second.found), second.next_subject_id] == [1, 1, b""]
    assert {each.subject_id for page in (first, second) for each in page.found} == {
        each.subject_id for each in both.found
    }

    assert alias(identity, platform, IBAN, anna.id) == alias(identity, platform, CLAIMED, anna.id) == "PENDING"
    assert change(identity, platform.id, pb.ALIAS_ACTION_CONFIRM, anna.id, IBAN) == ["APPROVAL_PENDING"]
    assert found(find(audit, iban="FR14 2004 1010 0505 0001 3M02 606")) == {(anna.id, pb.FOUND_BY_IBAN)}
    assert found(find(audit, iban=CLAIMED)) == {(anna.id, pb.FOUND_BY_CLAIM)}
    assert not find(audit, iban=IBAN, tenant_ids=[other.id]).found

    fields = sealed_of(identity, anna.id)
    opened = disclose(audit, *fields)
    assert {sealed.field: each.content.decode() for sealed, each in zip(fields, opened, strict=True)} == {
        "name": "Zoë Quillfeather",
        "identity_number": "AB-77 12",
        "date_of_birth": "1985-04-12",
        "address": "Dlouhá 5, Praha",
        "country": "CZ",
    }
    moved = pb.SealedField()
    moved.CopyFrom(fields[0])
    moved.version = 2
    stranger = pb.SealedField(subject_id=new_id(), stream_id=new_id(), version=1, field="name", sealed=b"sealed")
    wrong = disclose(audit, moved, stranger)
    assert [(each.content, each.reason) for each in wrong] == [(b"", "ENVELOPE_BROKEN"), (b"", "SUBJECT_UNKNOWN")]

    assert marks_of(identity, anna.id) > 0
    assert erase(identity, platform.id, anna.id) == ["APPROVAL_PENDING"]
    assert marks_of(identity, anna.id) == 0
    assert {each.tenant_id for each in find(audit, name="zoe quillfeather").found} == {other.id}
    assert not find(audit, identity_number="ab7712").found
    (gone,) = find(audit, iban=IBAN).found
    assert (gone.party_id, gone.erased) == (anna.id, True)
    refused = disclose(audit, *fields)
    assert {(each.content, each.reason) for each in refused} == {(b"", "SUBJECT_ERASED")}
    report = json.loads(identity.run("rebuild", "--verify").stdout)
    assert (report["differences"]["party_marks"], report["differences"]["data_keys"]) == (0, 0)


def test_audit_alone_may_ask(identity: Any) -> None:
    """No other service, no platform and no operator; and nothing is found by nothing."""
    request = pb.FindPartiesRequest(name="anna")
    for caller in (identity.workload("payment-instruction"), identity.operators[0]):
        for method, asked in (("FindParties", request), ("Disclose", pb.DiscloseRequest())):
            with pytest.raises(RemoteError, match="WORKLOAD_NOT_ADMITTED"):
                caller.call(PARTIES, method, asked, token=None if caller.id else "")
    audit = identity.workload("audit")
    for refused, reason in (({"name": "?!"}, "NOTHING_SOUGHT"), ({"iban": "CZ00"}, "IBAN_INVALID")):
        with pytest.raises(RemoteError, match=reason):
            find(audit, **refused)
    with pytest.raises(RemoteError, match="INVALID_ARGUMENT"):
        find(audit)


def test_marks_are_made_again_from_events_after_a_restore(identity: Any) -> None:
    """Without marks and without a cursor, as in a database of the release before, all living parties are found.

    Whom a release that knows no marks has erased meanwhile keeps none.
    """
    audit, platform = identity.workload("audit"), identity.platform()
    party = pb.NewParty(id=new_id(), kind=pb.PARTY_KIND_PERSON, personal_data=personal(name="Wanda Ximenes"))
    gone = pb.NewParty(id=new_id(), kind=pb.PARTY_KIND_PERSON, personal_data=personal(name="Otto Ximenes"))
    assert register(platform, party, gone) == ["", ""]
    assert erase(identity, platform.id, gone.id) == ["APPROVAL_PENDING"]
    identity.stop()
    with identity.postgres.superuser(identity.database.name) as connection:
        connection.execute("DELETE FROM party_marks")
        row = (b"m" * 16, gone.id.hex(), platform.id.hex(), gone.id.hex())
        connection.execute("INSERT INTO party_marks VALUES (%s, %s, %s, %s)", row)
        connection.execute("DELETE FROM cursors WHERE name = 'party-marks'")
    assert json.loads(identity.run("rebuild", "--verify").stdout)["differences"]["party_marks"] == 1
    identity.start()
    assert marks_of(identity, gone.id) == 0
    deadline = time.monotonic() + 10
    while not marks_of(identity, party.id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found(find(audit, name="ximenes")) == {(party.id, pb.FOUND_BY_NAME)}


def test_whom_a_platform_calls_so_is_found_apart_from_whom_others_do(identity: Any) -> None:
    """Of the rows of others none is read, in whichever order: no time tells how many clients they have of a name."""
    own, other, first, second = UUID(int=7), UUID(int=8), b"f" * 16, b"s" * 16
    rows = [
        (mark, UUID(int=number), other if number % 500 else own)
        for number in range(1, 10_001)
        for mark in (first, second)
    ]
    asked = {"marks": [first, second], "first": first, "others": [second], "tenants": [own, UUID(int=9)], "most": 11}
    asked["after"] = UUID(int=500)
    with identity.postgres.superuser(identity.database.name) as connection, connection.transaction(force_rollback=True):
        connection.cursor().executemany(
            "INSERT INTO party_marks VALUES (%s, %s, %s, %s)", [(*row, row[1]) for row in rows]
        )
        connection.execute("ANALYZE party_marks")
        connection.execute(IN_ORDER)
        found = [row[0].int for row in connection.execute(FIND_OF, asked)]
        counted = dict(connection.execute(RAREST_OF, asked).fetchall())
        plans = [
            "\n".join(row[0] for row in connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {query}", asked))
            for query in (FIND_OF, RAREST_OF)
        ]
    assert found == list(range(1_000, 6_500, 500))
    assert counted == {first: 20, second: 20}
    for plan in plans:
        assert "party_marks_by_tenant" in plan, plan
        removed = [int(each) for each in re.findall(r"Rows Removed by \w*\s?Filter: (\d+)", plan)]
        assert max(removed, default=0) <= 2, "its own other marks"


def marks_of(identity: Any, party: bytes) -> int:
    """Returns by how many marks a party is found."""
    with identity.postgres.superuser(identity.database.name) as connection:
        row = connection.execute("SELECT count(*) FROM party_marks WHERE subject = %s", (party.hex(),)).fetchone()
    return int(row[0])
