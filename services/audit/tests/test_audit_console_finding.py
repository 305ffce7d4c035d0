"""Finding on audit's own pages: what is looked up is one read, and what is found is what the reader is shown."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence_audit.console.adapters import finding as finding_module
from ringfence_audit.console.adapters.finding import LoggedFinding
from ringfence_audit.console.application.viewing import LOOKING, Looking
from ringfence_audit.disclosure.application.looking_up import LookingUp, Sought
from ringfence_audit.disclosure.application.ports import By
from ringfence_audit.disclosure.application.recording import (
    TOGETHER,
    Reasoned,
    Recorded,
    RecordReasoned,
    Together,
)
from ringfence_audit.disclosure.domain.errors import SoughtInvalid
from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.domain.leaf import encode, text_commitment
from ringfence_audit.log.domain.sight import Sight
from ringfence_console.ports import Refused, View
from ringfence_desk.fact import Fact
from ringfence_desk.sought import Ground, Taken
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.audit.v1 import disclosure_pb2 as pb

ADA, FOUND = UUID(int=1), encode("custody.transfer.v1", {"transfer_id": b"t" * 16})
STOOD: Any = SimpleNamespace(size=7)
VIEW = View("find", "typed")


@pytest.fixture(autouse=True)
def looking() -> Iterator[Looking]:
    """Somebody who is shown everything."""
    made = Looking(cast(Any, None), Sight())
    token = LOOKING.set(made)
    yield made
    LOOKING.reset(token)


class Reading:
    """Facts about an id, and of a key."""

    def __init__(self) -> None:
        self.begun: list[tuple[View, Any]] = []
        self.refusal = ""

    def reading(self, view: View, recorded: Any = None) -> Reading:
        """Begins a page's questions."""
        self.begun.append((view, recorded))
        return self

    def facts_of(self, identifier: UUID) -> list[Fact]:
        """Gives one fact about each id, or refuses."""
        if self.refusal and identifier == ADA:
            raise Refused(self.refusal, "")
        return [Fact(3, "identity.party_registered.v1", {"party_id": identifier.bytes})]

    def of_key(self, key: bytes) -> list[Fact]:
        """Gives a fact of the amount, and one whose id is its key."""
        said = [{"amount_minor": 1234, "ledger": 978}, {"subject_id": key}]
        return [Fact(index, "custody.transfer.v1", fields) for index, fields in enumerate(said)]

    def learn(self, facts: list[Fact]) -> None:
        """Takes nothing."""


class Asked:
    """Answers what pages ask, by its method."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.pages = 1
        self.others: list[UUID] = []

    def __call__(self, method: str, request: Any, page: str, subject: str = "", options: str = "") -> Any:
        """Answers."""
        self.calls.append((method, subject, options))
        if method == "search":
            page = int(request.page_token or 0) + 1
            leaves = [audit_pb2.Leaf(index=5 * page, content=FOUND)]
            token = str(page) if page < self.pages else ""
            return audit_pb2.SearchResponse(leaves=leaves, next_page_token=token)
        together = TOGETHER.get()
        assert together
        if together.recorded is None:
            together.recorded = Recorded(6, STOOD)
        if request.by == pb.LOOK_UP_BY_IDENTITY_NUMBER:
            raise SoughtInvalid
        if request.by == pb.LOOK_UP_BY_TEXT:
            return pb.LookUpResponse(found=[pb.LookedUp(leaf_index=4, leaf=FOUND)], searched_leaves=9)
        return pb.LookUpResponse(
            found=[pb.LookedUp(subject_id=each.bytes) for each in (ADA, *self.others)], identity_position=8
        )


@pytest.fixture
def reading() -> Reading:
    """The log."""
    return Reading()


@pytest.fixture
def asked() -> Asked:
    """The methods."""
    return Asked()


@pytest.fixture
def finding(reading: Reading, asked: Asked) -> LoggedFinding:
    """Finding over both."""
    methods: Any = SimpleNamespace(look_up="look_up", search="search", disclose="disclose")
    return LoggedFinding(methods, cast(Any, asked), cast(Any, reading))


def test_all_ways_of_a_look_up_are_one_read(finding: LoggedFinding, asked: Asked, reading: Reading) -> None:
    """Each tells on whose word it rests; one that is refused leaves the others."""
    ways = {each.sought.taken: each for each in finding.find("LNT-0005", "case 7", VIEW)}
    assert [call[0] for call in asked.calls] == ["look_up"] * 3
    assert reading.begun == [(VIEW, STOOD)] * 2, "what was signed after the look-up was recorded is not shown"
    assert ways[Taken.NUMBER].refused == "SOUGHT_INVALID"
    assert [fact.index for fact in ways[Taken.NAME].facts] == [3]
    assert [fact.index for fact in ways[Taken.TEXT].facts] == [4]
    assert (ways[Taken.NAME].ground, ways[Taken.NAME].until) == (Ground.IDENTITY, 8)
    assert (ways[Taken.TEXT].ground, ways[Taken.TEXT].until) == (Ground.BESIDE, 9)
    assert TOGETHER.get() is None


def test_what_is_sealed_waits_for_a_reason(finding: LoggedFinding, asked: Asked, reading: Reading) -> None:
    """Nothing is asked for it, nor recorded."""
    assert all(each.needs_reason for each in finding.find("LNT-0005", "", VIEW))
    assert (asked.calls, reading.begun) == ([], [])


def test_a_key_is_held_to_what_the_fact_says(finding: LoggedFinding, reading: Reading) -> None:
    """An id that is the key of an amount is none; what was typed stands in no fact of the log."""
    [way] = [each for each in finding.find("12.34 EUR", "", VIEW) if each.sought.taken is Taken.AMOUNT]
    assert [fact.index for fact in way.facts] == [0]
    assert way.ground is Ground.LOG
    assert reading.begun == [(View("find", "", "typed"), None)]


def test_a_day_is_searched(finding: LoggedFinding, asked: Asked) -> None:
    """What was typed is how the view is shown, and no subject of it."""
    [way] = finding.find("2026-01-31", "", VIEW)
    assert [fact.index for fact in way.facts] == [5]
    assert asked.calls == [("search", "", "typed")]
    assert not way.is_cut


def test_what_a_busy_day_has_too_much_is_told(
    finding: LoggedFinding, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first facts are shown, and that there are later ones; as many as are shown are all where nothing follows."""
    monkeypatch.setattr(finding_module, "MOST_FOUND", 3)
    for asked.pages, shown, is_cut in ((2, [10, 5], False), (3, [15, 10, 5], False), (4, [15, 10, 5], True)):
        [way] = finding.find("2026-01-31", "", VIEW)
        assert ([fact.index for fact in way.facts], way.is_cut) == (shown, is_cut)


@pytest.mark.parametrize("reason", ["TOO_MANY_FACTS", "TOO_MUCH_TO_LOOK_THROUGH"])
def test_one_busy_subject_leaves_the_others(
    finding: LoggedFinding, asked: Asked, reading: Reading, reason: str
) -> None:
    """Of whom there is too much is counted among those who are not told; what else is refused is refused."""
    asked.others, reading.refusal = [UUID(int=2)], reason
    [way] = [each for each in finding.find("LNT-0005", "case 7", VIEW) if each.sought.taken is Taken.NAME]
    assert [fact.fields["party_id"] for fact in way.facts] == [UUID(int=2).bytes]
    assert way.others == 1
    reading.refusal = "GRANT_TOO_NARROW"
    with pytest.raises(Refused):
        finding.find("LNT-0005", "case 7", VIEW)


async def test_look_ups_together_are_recorded_once() -> None:
    """With all their ways; another page's, and a call of its own, are reads of their own."""
    written: list[Reasoned] = []

    class Recording(RecordReasoned):
        async def _record(self, read: Reasoned) -> Recorded:
            written.append(read)
            return Recorded(len(written), STOOD)

    nothing: Any = None
    record = Recording(*[nothing] * 5)
    ways = [Reasoned(b"r" * 16, "LookUp", {"by": each}, "case 7") for each in ("name", "text")]
    token = TOGETHER.set(Together("name text"))
    try:
        assert [(await record(each)).index for each in ways] == [1, 1]
    finally:
        TOGETHER.reset(token)
    assert (await record(ways[0])).index == 2
    assert [each.query["by"] for each in written] == ["name text", "name"]


async def test_the_salt_of_every_way_opens_the_one_read() -> None:
    """The leaf is made in the first way: what it commits to is opened by what each way was given."""
    written: list[Reasoned] = []

    class Recording(RecordReasoned):
        async def _record(self, read: Reasoned) -> Recorded:
            written.append(read)
            return Recorded(1, STOOD)

    async def find(*asked: Any) -> Any:
        return SimpleNamespace(parties=[], next_subject=b"", position=1, head_position=1)

    nothing: Any = None
    identity: Any = SimpleNamespace(find=find)
    look_up = LookingUp(Recording(*[nothing] * 5), identity, *[nothing] * 5)
    sought = [Sought(b"r" * 16, by, "LNT-0005", "case 7", None, 10, b"", 0) for by in (By.NAME, By.IDENTITY_NUMBER)]
    with seeing(Sight()):
        token = TOGETHER.set(Together("name identity_number"))
        try:
            salts = [(await look_up(each)).salt for each in sought]
        finally:
            TOGETHER.reset(token)
        [read] = written
        assert [text_commitment(each, b"LNT-0005") for each in salts] == [read.query["sought_commitment"]] * 2
        assert (await look_up(sought[0])).salt not in salts
