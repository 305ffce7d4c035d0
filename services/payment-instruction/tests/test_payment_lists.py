"""The life of a sanctions list: editions that change it or wait for a second person; confirmed, and retired."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalVoid, SecondPersonRequired
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.modules import ModuleStates, event_codec, joined_servicer
from ringfence_payment_instruction.screening.adapters.delimited import DENIED_PERSONS_HEADER
from ringfence_payment_instruction.screening.adapters.list_files import ListFormat
from ringfence_payment_instruction.screening.application.importing import ListFiles, ListPart
from ringfence_payment_instruction.screening.application.marking import listed_marks
from ringfence_payment_instruction.screening.domain.errors import (
    SanctionsListDamaged,
    SanctionsListNotFound,
    SanctionsListOutdated,
)
from ringfence_payment_instruction.screening.domain.events import Edition, SanctionsListImported
from ringfence_payment_instruction.screening.domain.names import FIRST_FORM, fingerprint
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from .world import LISTED, OPERATOR, PLATFORM, SECOND_OPERATOR, World, an_id, migrate, order

HEADER = b"name,kind,reference\n"
LETTERS = str.maketrans("0123456789", "abcdefghij")


def edition(*numbers: int, surname: str = "Listed") -> bytes:
    """Returns a file of persons with these numbers."""
    rows = (f"{str(number).translate(LETTERS)} {surname},person,N-{number}\n" for number in numbers)
    return HEADER + "".join(rows).encode()


def hit(world: World, name: str) -> str:
    """Returns where a name stands."""
    return world.application.screening.lists.current().hit([name])


async def decide(world: World, proposal: bytes, by: Caller, verdict: Verdict = Verdict.CONFIRM) -> str:
    """Returns why a decision was refused."""
    (reason,) = await world.application.proposals.decide([Decision(proposal, verdict)], by)
    return reason


async def test_an_edition_replaces_the_one_of_its_name_and_says_what_it_changed(world: World) -> None:
    """Entries and names that came, went or changed are answered; the same edition again changes nothing."""
    first = await world.import_list(edition(*range(100)) + b"Bad Actor,person,X-1\n")
    assert (first.entries, first.names, first.aliases, first.proposal) == (101, 101, 0, b"")
    content = edition(*range(99)) + b"Bad Actor,person,X-1\nWorse Actor,person,X-1\nNew Actor,person,X-2\n"
    second = await world.import_list(content)
    found = second.difference
    assert [(each.what.name, each.reference, each.names_added, each.names_removed) for each in found.changes] == [
        ("REMOVED", "N-99", (), 1), ("CHANGED", "X-1", ("Worse Actor",), 0), ("ADDED", "X-2", ("New Actor",), 0),
    ]  # fmt: skip
    assert (found.names_added, found.names_removed, second.aliases, second.unchanged) == (2, 1, 1, False)
    assert (hit(world, "actor new"), hit(world, "jj Listed")) == ("UN/X-2", "")
    head = world.writer.head.position
    again = await world.import_list(content, world.clock.now_ns())
    assert (again.unchanged, again.difference.changes, world.writer.head.position) == (True, (), head)


async def test_an_edition_has_a_time(world: World) -> None:
    """Older than the one in force, or ahead of time, it is refused; the same bytes are no younger by another date."""
    now_ns = world.clock.now_ns()
    published_ns = world.states.screening.lists["UN"].published_ns
    for wrong_ns in (published_ns - 1, now_ns + 2 * DAY_NS):
        with pytest.raises(SanctionsListOutdated):
            await world.import_list(LISTED + b"New Actor,person,X-2\n", wrong_ns)
    assert (await world.import_list(LISTED, now_ns)).unchanged
    assert world.states.screening.lists["UN"].published_ns == published_ns
    with pytest.raises(SanctionsListDamaged):
        await world.import_list(HEADER + b"...,person,2\n", now_ns)


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        (edition(*range(1000)), edition(*range(20, 1000)), False),
        (edition(*range(2000)), edition(*range(21, 2000)), True),
        (edition(*range(100)), edition(*range(2, 100)), False),
        (edition(*range(100)), edition(*range(3, 100)), True),
        (edition(*range(10)), edition(*range(9)), True),
        (edition(*range(2000)), edition(*range(21), surname="Other") + edition(*range(21, 2000))[len(HEADER) :], True),
        (edition(*range(50)) + b"Alias One,person,N-1\nAlias Two,person,N-2\n", edition(*range(50)), True),
    ],
    ids=["20 of 1000", "21 of 2000", "2 of 100", "3 of 100", "1 of 10", "names of 21", "aliases"],
)
async def test_an_edition_that_lacks_much_waits(world: World, before: bytes, after: bytes, waits: bool) -> None:
    """More than 20 entries, 2 % of them, or 2 % of the names, whether the entries are gone or have no name left."""
    world.states.screening.lists.clear()
    await world.import_list(before)
    imported = await world.import_list(after)
    assert bool(imported.proposal) is waits
    assert (world.states.screening.lists["UN"].digest == imported.digest) is not waits


OFAC_LINES = b'36,"EXAMPLE TRADING CO.",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
ALT_LINES = b'36,12,"aka","FIRST ALIAS",-0- \n36,13,"aka","SECOND ALIAS",-0- \n'
DENIED = "\t".join(f'"{column}"' for column in DENIED_PERSONS_HEADER) + '\n"JO DOE"' + 11 * '\t"x"' + "\n"


def publishers(world: World, list_format: ListFormat, content: bytes, *aliases: bytes) -> ListFiles:
    """Returns a publisher's files, without any SHA-256."""
    parts = dict(zip([ListPart.ALIASES], aliases, strict=False))
    return ListFiles(
        list_name="P", list_format=list_format, content=content, published_ns=world.clock.now_ns(), parts=parts
    )


@pytest.mark.parametrize("kind", ["aliases", "primary", "denied persons"])
async def test_a_first_edition_that_may_be_cut_waits(world: World, kind: str) -> None:
    """A publisher's file without an end waits and screens meanwhile, also where one operator states its SHA-256."""
    marked = OFAC_LINES + b"\x1a"
    files = {
        "aliases": publishers(world, ListFormat.OFAC_SDN, marked, ALT_LINES),
        "primary": publishers(world, ListFormat.OFAC_SDN, OFAC_LINES, ALT_LINES + b"\x1a"),
        "denied persons": publishers(world, ListFormat.BIS_DENIED_PERSONS, DENIED.encode()),
    }[kind]
    name = "JO DOE" if kind == "denied persons" else "SECOND ALIAS"
    importing = world.application.screening.importing
    waiting = await importing.import_list(OPERATOR, files)
    assert (waiting.may_be_cut, len(waiting.proposal), "P" in world.states.screening.lists) == (True, 16, False)
    assert hit(world, name).startswith("P/")
    assert await decide(world, waiting.proposal, OPERATOR) == SecondPersonRequired.reason
    stated = sha256(files.content).digest()
    of_parts = {part: sha256(content).digest() for part, content in files.parts.items()}
    for wrong in (replace(files, sha256=bytes(32)), replace(files, sha256=stated, part_sha256={2: b"", 1: bytes(32)})):
        if wrong.part_sha256 and not files.parts:
            continue
        with pytest.raises(SanctionsListDamaged):
            await importing.import_list(OPERATOR, wrong)
    proven = replace(files, sha256=stated, part_sha256=of_parts)
    whole = await importing.import_list(OPERATOR, proven)
    assert (whole.may_be_cut, whole.proposal, "P" in world.states.screening.lists) == (False, waiting.proposal, False)
    assert await decide(world, waiting.proposal, SECOND_OPERATOR) == ""
    again = await importing.import_list(OPERATOR, files)
    assert (again.unchanged, again.proposal) == (True, b"")
    await a_later_edition_rests_on_what_is_stated(world, proven)


async def a_later_edition_rests_on_what_is_stated(world: World, files: ListFiles) -> None:
    """One operator's word is enough where losses would show, and its event has it."""
    if files.list_format == ListFormat.OFAC_SDN:
        content = OFAC_LINES.replace(b"36,", b"37,") + files.content
    else:
        content = files.content + DENIED.splitlines()[1].replace("JO", "JOE").encode()
    importing, published_ns = world.application.screening.importing, world.clock.now_ns()
    unstated = replace(files, content=content, sha256=b"", part_sha256={}, published_ns=published_ns)
    assert (await importing.import_list(OPERATOR, unstated)).proposal != b""
    later = replace(files, content=content, sha256=sha256(content).digest(), published_ns=published_ns)
    assert (await importing.import_list(OPERATOR, later)).proposal == b""
    last = [each.event for each in world.store.replay(event_codec()) if isinstance(each.event, Edition)][-1]
    assert last.stated_digests == later.stated() != b""


async def test_an_edition_that_may_be_cut_comes_into_force_by_two(world: World) -> None:
    """The second person is told to look; a file with its mark, and our own form, need one person."""
    importing = world.application.screening.importing
    waiting = await importing.import_list(OPERATOR, publishers(world, ListFormat.OFAC_SDN, OFAC_LINES, ALT_LINES))
    (shown,) = (await world.application.proposals.waiting(SECOND_OPERATOR, b"", 0, 9))[0]
    assert "may have been cut off" in shown.description
    assert await decide(world, waiting.proposal, SECOND_OPERATOR) == ""
    assert (hit(world, "SECOND ALIAS"), "P" in world.states.screening.lists) == ("P/36", True)
    marked = publishers(world, ListFormat.OFAC_SDN, OFAC_LINES + b"\x1a", ALT_LINES + b"\x1a")
    for files in (
        replace(marked, list_name="Q"),
        replace(marked, list_name="R", list_format=1, content=LISTED, parts={}),
    ):
        whole = await importing.import_list(OPERATOR, files)
        assert (whole.may_be_cut, whole.proposal) == (False, b"")


async def test_many_small_losses_are_a_large_one(world: World) -> None:
    """Editions that each lack what one person may take off wait once a week has seen more than that."""
    world.states.screening.lists.clear()
    await world.import_list(edition(*range(1000)))
    assert (await world.import_list(edition(*range(15, 1000)))).proposal == b""
    assert (await world.import_list(edition(*range(15, 1001)))).proposal == b""
    assert len((await world.import_list(edition(*range(21, 1001)))).proposal) == 16


async def test_entries_that_are_renamed_slice_by_slice_are_a_large_loss(world: World) -> None:
    """An entry without any name that it had is lost, though its reference stands."""
    world.states.screening.lists.clear()
    await world.import_list(edition(*range(1000)))
    renamed = edition(*range(15), surname="Other") + edition(*range(15, 1000))[len(HEADER) :]
    assert (await world.import_list(renamed)).proposal == b""
    await world.restart()
    renamed = edition(*range(21), surname="Other") + edition(*range(21, 1000))[len(HEADER) :]
    assert len((await world.import_list(renamed)).proposal) == 16


async def test_names_that_are_taken_off_slice_by_slice_are_a_large_loss(world: World) -> None:
    """Entries keep a name each, and lose their aliases: 2 % of the names in a week wait."""
    world.states.screening.lists.clear()
    aliases = [f"Alias {str(number).translate(LETTERS)},person,N-{number}\n".encode() for number in range(100)]
    everybody = edition(*range(100))
    await world.import_list(everybody + b"".join(aliases))
    assert (await world.import_list(everybody + b"".join(aliases[3:]))).proposal == b""
    assert len((await world.import_list(everybody + b"".join(aliases[6:]))).proposal) == 16


async def test_what_waits_comes_into_force_by_a_second_person(world: World) -> None:
    """Until then the old edition holds, and new names hit as well, over a restart; who proposed cannot confirm."""
    await world.import_list(edition(*range(100)) + b"Bad Actor,person,X-1\n")
    content = edition(*range(50)) + b"New Actor,person,X-2\n"
    waiting = await world.import_list(content)
    assert await decide(world, waiting.proposal, OPERATOR) == SecondPersonRequired.reason
    await world.restart()
    assert (hit(world, "Bad Actor"), hit(world, "New Actor")) == ("UN/X-1", "UN/X-2")
    assert (await world.import_list(content, by=SECOND_OPERATOR)).proposal == waiting.proposal
    (shown,) = (await world.application.proposals.waiting(SECOND_OPERATOR, b"", 0, 9))[0]
    assert "51 entries and 51 names would be gone" in shown.description
    assert len(shown.proposal.payload) < 100
    assert await decide(world, waiting.proposal, SECOND_OPERATOR) == ""
    assert (hit(world, "Bad Actor"), hit(world, "New Actor")) == ("", "UN/X-2")
    assert world.states.screening.waiting == {}
    before = world.states.screening.digest()
    await world.restart()
    assert world.states.screening.digest() == before


@pytest.mark.parametrize("end", ["refused", "replaced", "overtaken"])
async def test_what_was_refused_or_overtaken_waits_no_more(world: World, end: str) -> None:
    """A refusal, another edition that waits, and one that came into force end it: its proposal is void."""
    await world.import_list(edition(*range(100)) + b"Bad Actor,person,X-1\n")
    waiting = await world.import_list(HEADER + b"New Actor,person,X-2\n")
    if end == "refused":
        assert await decide(world, waiting.proposal, SECOND_OPERATOR, Verdict.REFUSE) == ""
        assert hit(world, "New Actor") == ""
    elif end == "replaced":
        other = await world.import_list(HEADER + b"Other Actor,person,X-3\n")
        assert other.proposal not in (b"", waiting.proposal)
        assert (hit(world, "New Actor"), hit(world, "Other Actor")) == ("", "UN/X-3")
    else:
        await world.import_list(edition(*range(101)) + b"Bad Actor,person,X-1\n")
        assert hit(world, "New Actor") == ""
    assert await decide(world, waiting.proposal, SECOND_OPERATOR) == ProposalVoid.reason
    assert hit(world, "Bad Actor") == "UN/X-1"


async def test_a_quiet_list_stops_payments_until_it_is_confirmed(filled_database: FilledDatabase) -> None:
    """Its age counts from when it was proposed to be unchanged; what waited goes on by itself."""
    world = World(filled_database("payment-instruction", migrate))
    world.list_maximum_age_ns = 7 * DAY_NS
    await world.start()
    await world.import_list(published_ns=world.clock.now_ns() - 8 * DAY_NS)
    await world.submit_batch(PLATFORM, an_id("s"), [order("waits")])
    await world.until(lambda: world.reason("waits") == "SCREENING_LIST_STALE")
    acts = world.application.screening.acts
    proposal = await acts.propose_confirmation(OPERATOR, "UN", "seen at the publisher's")
    assert proposal == await acts.propose_confirmation(OPERATOR, "UN", "seen at the publisher's")
    proposed_ns = world.clock.now_ns()
    assert await decide(world, proposal, OPERATOR) == SecondPersonRequired.reason
    assert world.status("waits") is Status.AUTHENTICATED
    assert await decide(world, proposal, SECOND_OPERATOR) == ""
    await world.reaches("waits", Status.SETTLED)
    confirmed_ns = world.states.screening.lists["UN"].current_ns
    assert proposed_ns - DAY_NS < confirmed_ns < proposed_ns
    seconds = world.application.screening.lists.oldest_seconds()
    assert seconds is not None
    assert seconds < DAY_NS / NANOSECONDS
    await world.stop()


async def test_a_list_is_retired_by_two(world: World) -> None:
    """Nobody on it alone is stopped then; with no list left, everything waits."""
    files: dict[str, Any] = {"list_name": "Own", "format": 1, "content": HEADER + b"Own Actor,person,1\n"}
    servicer = joined_servicer(world.application)
    with calling(OPERATOR):
        await servicer.ImportSanctionsList(
            pb.ImportSanctionsListRequest(**files, published_ns=world.clock.now_ns()), None
        )
        request = pb.RetireSanctionsListRequest(list_name="Own", note="out of use")
        proposal = (await servicer.RetireSanctionsList(request, None)).proposal_id
    assert hit(world, "Own Actor") == "Own/1"
    assert await decide(world, proposal, OPERATOR) == SecondPersonRequired.reason
    assert await decide(world, proposal, SECOND_OPERATOR) == ""
    assert (hit(world, "Own Actor"), hit(world, "Bad Actor")) == ("", "UN/X-1")
    last = await world.application.screening.acts.propose_retirement(OPERATOR, "UN", "out of use")
    assert await decide(world, last, SECOND_OPERATOR) == ""
    await world.submit_batch(PLATFORM, an_id("s"), [order("waits")])
    await world.until(lambda: world.reason("waits") == "SCREENING_LIST_STALE")


async def test_an_act_about_a_list_that_changed_is_void(world: World) -> None:
    """Who confirms sees the edition that was proposed about, and no other."""
    acts = world.application.screening.acts
    retirement = await acts.propose_retirement(OPERATOR, "UN", "out of use")
    await world.import_list(LISTED + b"New Actor,person,X-2\n")
    assert await decide(world, retirement, SECOND_OPERATOR) == ProposalVoid.reason
    for act in (acts.propose_confirmation, acts.propose_retirement):
        with pytest.raises(SanctionsListNotFound):
            await act(OPERATOR, "EU", "note")


async def test_the_lists_in_force_are_shown(world: World) -> None:
    """With their edition, age and what waits; files and changes are bounded."""
    servicer = joined_servicer(world.application)
    waiting = await world.import_list(HEADER + b"New Actor,person,X-2\n")
    with calling(OPERATOR):
        (shown,) = (await servicer.ListSanctionsLists(pb.ListSanctionsListsRequest(), None)).lists
        answer = await servicer.ImportSanctionsList(
            pb.ImportSanctionsListRequest(
                list_name="Own", format=1, content=edition(*range(300)), published_ns=world.clock.now_ns()
            ),
            None,
        )
    current = world.states.screening.lists["UN"]
    assert (shown.list_name, shown.digest, shown.entries, shown.names) == ("UN", current.digest, 1, 1)
    assert shown.stale_ns == current.published_ns + world.list_maximum_age_ns
    assert shown.waiting_proposal_id == waiting.proposal
    assert (answer.entries_added, answer.names_added, len(answer.changes)) == (300, 300, 200)


async def test_a_list_of_an_earlier_release_screens_as_before(world: World) -> None:
    """Its names are compared as they were then, until the same file is read anew, which makes it no younger."""
    content = HEADER + "Bad Actor,person,O-1\nराम,person,O-2\n".encode()
    published_ns = world.clock.now_ns() - 3_600 * NANOSECONDS
    old = SanctionsListImported(
        list_name="UN",
        list_format=1,
        digest=sha256(content).digest(),
        published_ns=published_ns,
        imported_by=an_id("operator"),
        name_count=2,
        fingerprints=b"".join(fingerprint(name, FIRST_FORM) for name in ("Bad Actor", "राम")),
        references=("O-1", "O-2"),
    )
    await world.writer.commit(lambda unit: unit.record(an_id("stream"), old))
    await world.restart()
    assert (hit(world, "actor bád"), hit(world, "राम"), hit(world, "रोम")) == ("UN/O-1", "UN/O-2", "UN/O-2")
    assert not world.application.screening.lists.current().is_stale(world.clock.now_ns())
    again = await world.import_list(content)
    assert (again.unchanged, again.proposal, again.difference.changes) == (False, b"", ())
    assert (hit(world, "actor bád"), hit(world, "राम"), hit(world, "रोम")) == ("UN/O-1", "UN/O-2", "")
    assert world.states.screening.lists["UN"].published_ns == published_ns


async def test_what_is_kept_of_a_list_is_written_anew_when_it_changes(world: World) -> None:
    """At every moment the state has the digest of one that was just built: editions that follow, wait, come in, go."""
    operator, digests = OPERATOR, set[bytes]()

    def taken_up() -> bytes:
        other = ModuleStates(world.states.submissions).screening
        other.restore({name: memoryview(content) for name, content in world.states.screening.save()})
        assert (other.lists, other.waiting) == (world.states.screening.lists, world.states.screening.waiting)
        assert other.digest() == world.states.screening.digest()
        return other.digest()

    for content in (edition(*range(100)), edition(*range(99)), edition(*range(50)), edition(*range(40))):
        held = await world.import_list(content)
        digests.add(taken_up())
    assert held.proposal
    assert await decide(world, held.proposal, SECOND_OPERATOR) == ""
    digests.add(taken_up())
    with calling(operator):
        retired = await world.application.screening.acts.propose_retirement(operator, "UN", "no more")
    assert await decide(world, retired, SECOND_OPERATOR) == ""
    digests.add(taken_up())
    assert len(digests) == 6


async def test_a_name_that_many_entries_bear_hits_as_each_of_them(world: World) -> None:
    """All of them are found, in the order of the list, by the name and by its mark in the index of clients."""
    rows = "".join(f"Common Name,person,N-{number}\n" for number in range(300))
    await world.import_list(HEADER + rows.encode())
    named = [f"UN/N-{number}" for number in range(300)]
    screening = world.application.screening.lists.current()
    assert [each.name for each in screening.entries("common name")] == named
    marks = [listed_marks(bytes(32), *edition) for edition in screening.editions()]
    marked = [[each.name for each in entries] for part in marks for entries in part.values()]
    assert [names for names in marked if named[0] in names] == [named] * 2


async def test_states_are_saved_and_taken_up(world: World) -> None:
    """Lists, what waits, and the losses of a week."""
    await world.import_list(edition(*range(100)) + b"Bad Actor,person,X-1\n")
    await world.import_list(edition(*range(99)) + b"Bad Actor,person,X-1\n")
    await world.import_list(edition(*range(50)))
    saved = {name: memoryview(content) for name, content in world.states.screening.save()}
    other = ModuleStates(world.states.submissions).screening
    other.restore(saved)
    assert other.digest() == world.states.screening.digest()
    assert (other.lists, other.waiting) == (world.states.screening.lists, world.states.screening.waiting)
    assert other.lost_lately("UN", world.clock.now_ns()).entries == 1
