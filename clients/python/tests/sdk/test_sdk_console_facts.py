"""The log for the console: what is shown as proven was, by one state of the log, and names are held to the same."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from ringfence.console_host.access import SdkAccess
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.finding import SdkFinding
from ringfence.console_host.history import History
from ringfence.console_host.refusals import told_to_pages
from ringfence.console_host.survey import Survey
from ringfence.errors import RingfenceError
from ringfence.finding import Finder, LookedUp, Way
from ringfence.proven import MOST_LOOKED_UP
from ringfence.remembered import Remembered
from ringfence_console import ports
from ringfence_desk.roles import Role
from ringfence_desk.sought import Ground, Sought, Taken
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_verifier import VerificationError, read_leaf

from clients.verifier.tests.answers import IndexedLog
from clients.verifier.tests.notes import leaf

from .logged import SIGNER, LoggedService

PLATFORM, BANK, CLIENT, NORA = (UUID(int=each << 64 | 1) for each in (1, 2, 3, 4))
VIEW = ports.View("page")


def account(number: int, kind: str = "CLIENT") -> bytes:
    """Encodes the opening of an account."""
    return leaf(
        "custody.account.v1",
        account_id=UUID(int=number).bytes,
        account_class=kind,
        ledger=978,
        tenant_id=PLATFORM.bytes,
        owner_id=NORA.bytes,
    )


def moved(number: int, by: UUID = NORA) -> bytes:
    """Encodes a transfer of a cent from the bank to the client."""
    ids = {"transfer_id": UUID(int=number + 10**6).bytes, "actor_id": by.bytes, "tenant_id": PLATFORM.bytes}
    ways = {"debit_account_id": BANK.bytes, "credit_account_id": CLIENT.bytes}
    return leaf("custody.transfer.v1", **ids, **ways, amount_minor=1, ledger=978, code=1, flags=0, ordinal=number)


REGISTERED = leaf("identity.principal_registered.v1", principal_id=NORA.bytes, name="Nora Vale")
FACTS = (REGISTERED, account(BANK.int, "BANK_MIRROR"), account(CLIENT.int), *map(moved, range(5)))


@pytest.fixture
def service() -> LoggedService:
    """A log of one book."""
    return LoggedService.of(*FACTS)


@pytest.fixture
def facts(service: LoggedService, tmp_path: Path) -> LogFacts:
    """That log as one reader's console has it."""
    return LogFacts(History(service.audit, SIGNER.vkey, Remembered(tmp_path)))


def test_looking_twice_changes_nothing_for_a_reader_of_a_part(service: LoggedService, facts: LogFacts) -> None:
    """What was folded is not folded again, whatever lies between the facts that are shown; nothing is proven."""
    service.part = [1, 2, 4, 6]
    first, second = facts.overview(VIEW), facts.overview(VIEW)
    assert [each.index for each in second.latest] == service.part
    assert (second.books, second.books[0].equation.bank_minor) == (first.books, 2)
    assert not second.standing.seal.is_proven


def test_what_is_listed_is_held_to_what_was_signed(service: LoggedService, facts: LogFacts) -> None:
    """A fact that is kept from who may read all is found, and nothing of that look is kept."""
    service.listed = lambda leaves: [each for each in leaves if each.index != 4]
    with pytest.raises(ports.NotProven, match="not those that it has signed"):
        facts.overview(VIEW)
    service.listed = lambda leaves: [leaves[0], *leaves]
    with pytest.raises(ports.NotProven, match="has given leaf"):
        facts.overview(VIEW)
    service.listed = lambda leaves: leaves
    seen = facts.overview(VIEW)
    assert (seen.standing.seal.is_proven, seen.books[0].equation.bank_minor) == (True, 5)


def test_two_tabs_do_not_spoil_each_other(
    service: LoggedService, facts: LogFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks meanwhile waits: a survey that is ahead of the checkpoint would look like a lie."""
    standing, others = facts.standing, list[Thread]()

    def slow(view: ports.View) -> ports.Standing:
        found = standing(view)
        if not others:
            service.grow(moved(6))
            others.append(Thread(target=facts.overview, args=(VIEW,)))
            others[0].start()
            others[0].join(0.2)
        return found

    monkeypatch.setattr(facts, "standing", slow)
    assert facts.overview(VIEW).standing.seal.is_proven
    others[0].join()
    assert facts.overview(VIEW).books[0].equation.bank_minor == 6


def test_books_are_those_that_there_are_by_now(service: LoggedService, facts: LogFacts) -> None:
    """A book that was opened after the first look is among them."""
    assert (facts.books(), facts.platforms()) == ([(PLATFORM, 978)], [PLATFORM])
    other = UUID(int=77)
    service.grow(
        leaf("custody.account.v1", account_id=other.bytes, account_class="CLIENT", ledger=156, tenant_id=other.bytes)
    )
    assert facts.books() == [(PLATFORM, 978), (other, 156)]
    assert facts.platforms() == [PLATFORM, other]


def test_names_are_proven(service: LoggedService, facts: LogFacts) -> None:
    """A name that is found and does not stand in the log is refused, and nothing is called by it."""
    forged = leaf("identity.principal_registered.v1", principal_id=NORA.bytes, name="Ivo Marsh")
    service.found = lambda leaves: [pb.Leaf(index=0, content=forged), *leaves[1:]]
    with pytest.raises(ports.NotProven):
        facts.fact(3, VIEW)
    assert not facts.names().called
    service.found = lambda leaves: leaves
    facts.fact(3, VIEW)
    assert facts.names().called == {(Role.PRINCIPAL, NORA): {None: "Nora Vale"}}
    assert facts.names().accounts.keys() == {BANK, CLIENT}


def test_a_part_that_is_listed_names_nothing(service: LoggedService, facts: LogFacts) -> None:
    """What is listed to a reader of a part was not proven: another account in its place changes no name."""
    service.part = [0, 1, 2, 3]
    service.listed = lambda leaves: [
        pb.Leaf(index=each.index, content=account(CLIENT.int, "SUSPENSE") if each.index == 2 else each.content)
        for each in leaves
    ]
    facts.overview(VIEW)
    assert facts.names().found(CLIENT) is None
    facts.fact(3, VIEW)
    known = facts.names().found(CLIENT)
    assert known
    assert known.account_class == "CLIENT"
    assert facts.names().called == {(Role.PRINCIPAL, NORA): {None: "Nora Vale"}}


def test_an_account_is_named_in_its_book(service: LoggedService, facts: LogFacts) -> None:
    """Another platform may have opened another account under the same id: each is asked for."""
    other = UUID(int=77)
    opened = {"account_id": CLIENT.bytes, "account_class": "SUSPENSE", "ledger": 978, "tenant_id": other.bytes}
    named = leaf("x.y.v1", client_account_id=CLIENT.bytes, tenant_id=other.bytes)
    service.grow(leaf("custody.account.v1", **opened), named)
    facts.fact(3, VIEW)
    facts.fact(len(service.log.facts) - 1, VIEW)
    found = facts.names().accounts[CLIENT]
    assert {each.platform_id: each.account_class for each in found.values()} == {PLATFORM: "CLIENT", other: "SUSPENSE"}


def test_a_payment_does_not_name_a_person(facts: LogFacts, service: LoggedService) -> None:
    """Whoever gives a payment somebody's id gives that person no name."""
    someone = UUID(int=55)
    payment = leaf("payment-instruction.instruction.v1", instruction_id=someone.bytes, end_to_end_id="Ivo Marsh")
    service.grow(payment, moved(9, by=someone))
    facts.fact(len(service.log.facts) - 1, VIEW)
    assert facts.names().name(Role.PRINCIPAL, someone) is None


def test_a_name_is_looked_for_in_few_facts_and_asked_again_after_a_failure(
    service: LoggedService, facts: LogFacts
) -> None:
    """Nobody's whole history is read for a name; no answer is not the answer that there is no name."""
    someone = UUID(int=66)
    service.grow(*(moved(each, by=someone) for each in range(10, 40)))
    service.grow(leaf("identity.principal_registered.v1", principal_id=someone.bytes, name="Late"))
    index = len(FACTS) + 1
    service.failing.add(pb.SearchRequest)
    with pytest.raises(ports.Unavailable):
        facts.fact(index, VIEW)
    assert service.count(pb.SearchRequest) == 1
    facts.fact(index, VIEW)
    asked = [each.subject_id for each in service.asked if isinstance(each, pb.SearchRequest)]
    assert len(asked) == len(set(asked)) + 1
    facts.fact(index, VIEW)
    assert (service.count(pb.SearchRequest), facts.names().name(Role.PRINCIPAL, someone)) == (len(asked), None)
    many = [UUID(int=each << 32).bytes for each in range(1, 4 + MOST_LOOKED_UP)]
    service.grow(leaf("x.y.v1", **{f"a{number}_principal_id": each for number, each in enumerate(many)}))
    facts.fact(len(service.log.facts) - 1, VIEW)
    assert service.count(pb.SearchRequest) <= len(asked) + MOST_LOOKED_UP


def test_a_page_is_as_of_its_first_answer(service: LoggedService, facts: LogFacts) -> None:
    """What the log has taken in since is on the next page, and never on half of one."""
    reading = facts.reading(VIEW)
    assert len(reading.facts_of(CLIENT)) == 6
    size = len(service.log.leaves)
    service.grow(moved(6))
    assert len(reading.facts_of(BANK)) == 6
    assert (reading.until_leaf, reading.seal.size, reading.seal.is_proven) == (size - 1, size, True)
    assert len(facts.reading(VIEW).facts_of(BANK)) == 7
    service.part = range(len(FACTS))
    part = facts.reading(VIEW)
    part.facts_of(CLIENT)
    service.grow(moved(7))
    service.part = range(len(service.log.facts))
    assert max(each.index for each in part.facts_of(BANK)) < part.seal.size


def test_nothing_older_is_taken_than_was_remembered(service: LoggedService, facts: LogFacts) -> None:
    """An answer or a receipt of a smaller log hides what was signed since; the browser is told how much that is."""
    older = service.log
    assert facts.fact(3, VIEW).seen_size == 0
    service.grow(moved(6))
    facts.standing(VIEW)
    assert facts.fact(3, VIEW).seen_size == len(service.log.leaves)
    service.log = older
    for ask in (lambda: facts.fact(4, VIEW), lambda: facts.reading(VIEW).facts_of(CLIENT)):
        with pytest.raises(ports.NotProven, match="answered from its first"):
            ask()


def test_one_answer_that_is_not_proven_makes_the_page_so(service: LoggedService, facts: LogFacts) -> None:
    """Whichever of them is the older."""
    reading = facts.reading(VIEW)
    reading.facts_of(CLIENT)
    service.part = range(len(FACTS))
    assert reading.seal.is_proven
    reading.facts_of(BANK)
    assert (reading.seal.is_proven, reading.until_leaf) == (False, None)


def test_what_a_part_is_shown_is_in_the_log(service: LoggedService, facts: LogFacts) -> None:
    """That there is nothing else is a word; what there is is not."""
    service.part = range(len(FACTS))
    service.found = lambda leaves: [*leaves[:-1], pb.Leaf(index=leaves[-1].index, content=moved(99))]
    with pytest.raises(ports.NotProven):
        facts.reading(VIEW).facts_of(CLIENT)


def test_a_readers_name_is_asked_of_the_log(service: LoggedService, facts: LogFacts) -> None:
    """By the register of reads too."""
    service.reads.append(pb.Read(leaf_index=1, reader_id=NORA.bytes, method="GetReceipt"))
    SdkAccess(facts).reads(ports.Register(), 5, VIEW)
    assert facts.names().called == {(Role.PRINCIPAL, NORA): {None: "Nora Vale"}}


def test_what_a_look_up_has_brought_names_nothing(facts: LogFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not proven: what is proven of the same fact is what is shown."""
    brought = read_leaf(account(88, "SUSPENSE"))
    looked = LookedUp(None, "", None, None, "text", 3, brought)
    sought = Sought(Taken.TEXT, "why")
    way = Way(
        sought,
        [(3, read_leaf(moved(0))), (9, brought)],
        Ground.BESIDE,
        0,
        [looked, LookedUp(None, "", None, None, "text", 9, brought)],
    )
    finding = object.__new__(Finder)
    monkeypatch.setattr(Finder, "find", lambda *asked, **named: [way])
    [found] = [each for each in SdkFinding(finding, facts).find("why", "case", VIEW) if each.facts]
    assert [each.kind for each in found.facts] == ["custody.transfer.v1", "custody.account.v1"]
    assert UUID(int=88) not in facts.names().accounts


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (VerificationError("x"), ports.NotProven),
        (RingfenceError("NOT_FOUND", "LEAF_UNKNOWN", "x"), ports.NotThere),
        (RingfenceError("UNAVAILABLE", "", "x"), ports.Unavailable),
        (RingfenceError("RESOURCE_EXHAUSTED", "EVENT_TOO_LARGE", "x"), ports.Refused),
        (RingfenceError("PERMISSION_DENIED", "GRANT_TOO_NARROW", "x"), ports.Refused),
    ],
)
def test_refusals_are_told_in_one_way(raised: Exception, told: type[Exception]) -> None:
    """By whatever port they come."""
    with pytest.raises(told), told_to_pages():
        raise raised


def test_a_page_is_one_look(service: LoggedService, facts: LogFacts) -> None:
    """All that is asked for a page is said to be of one look, and what is asked for the next of another."""
    for view in (ports.View("trace"), ports.View("about")):
        reading = facts.reading(view)
        reading.facts_of(CLIENT)
        reading.facts_of(BANK)
        facts.fact(3, ports.View("fact", view.page))
    looked = [(each.look.page, each.look.look_id) for each in service.asked if hasattr(each, "look")]
    assert {type(each) for each in service.asked} >= {pb.GetAnswerRequest, pb.SearchRequest, pb.GetReceiptRequest}
    assert [page for page, _ in dict.fromkeys(looked)] == ["trace", "fact", "about", "fact"]
    assert len({identifier for _, identifier in looked}) == 4
    answers = [each for each in service.asked if isinstance(each, pb.GetAnswerRequest)]
    assert [bool(each.until_leaf) for each in answers] == [False, True, False, True]


def test_looking_again_is_the_same_look(service: LoggedService, facts: LogFacts, tmp_path: Path) -> None:
    """So that it is a refresh; of another subject, with other options or of another program it is another."""
    again, other = ports.View("trace", "a", "b"), LogFacts(History(service.audit, SIGNER.vkey, Remembered(tmp_path)))
    views = (facts, again), (facts, again), (facts, ports.View("trace", "b", "b")), (facts, ports.View("trace", "a"))
    for of, view in (*views, (other, again)):
        of.reading(view).facts_of(CLIENT)
    asked = [each.look.look_id for each in service.asked if isinstance(each, pb.GetAnswerRequest)]
    assert [asked.index(each) for each in asked] == [0, 0, 2, 3, 4]


def test_all_that_pages_ask_is_of_their_views(service: LoggedService, facts: LogFacts) -> None:
    """Reports, the register and what is listed too."""
    for _ in range(2):
        service.listed, facts._survey = lambda leaves: leaves, Survey()
        facts.overview(ports.View("overview"))
    asked = [each.look for each in service.asked if isinstance(each, pb.ListLeavesRequest | pb.SearchRequest)]
    assert {(each.page, len(each.look_id)) for each in asked} == {("overview", 16)}
    assert len({each.look_id for each in asked}) == 1


def test_a_fork_is_told_with_both_notes(service: LoggedService, facts: LogFacts) -> None:
    """On whatever page it comes to light: what was remembered and what is shown now, each as it was signed."""
    facts.standing(VIEW)
    before, kept = service.log.note.decode(), service.log
    leaves = (*kept.leaves[:-1], moved(77))
    service.log = IndexedLog(leaves, len(leaves), SIGNER)
    for ask in (facts.standing, facts.overview, lambda view: facts.fact(3, view)):
        with pytest.raises(ports.Forked) as caught:
            ask(VIEW)
        assert (caught.value.remembered, caught.value.shown) == (before, service.log.note.decode())
    service.log = kept
    assert facts.standing(VIEW).seal.is_proven
