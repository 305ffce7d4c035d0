"""Both rails keep the same promises: the first message under a name is the message, and no file is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_local_stack.servers.seaweed import ACCESS_KEY_ID, SECRET_ACCESS_KEY, SeaweedServer
from ringfence_payment_instruction.rail.adapters import spool as folder_rail
from ringfence_payment_instruction.rail.adapters.object_store import Bucket, ObjectRail
from ringfence_payment_instruction.rail.adapters.spool import SpoolRail, file_name
from ringfence_payment_instruction.rail.application.ports import Rail
from ringfence_payment_instruction.rail.domain.errors import RailContradiction

BOUND = 1_000


class Bank(Protocol):
    """The bank's side of a rail."""

    def rail(self) -> Rail:
        """Returns this side, as a process that has just started."""

    def lay(self, place: str, name: str, content: bytes) -> None:
        """Writes a file over whatever stands there."""

    def names(self, place: str) -> list[str]:
        """Returns what stands in a place."""

    def content(self, place: str, name: str) -> bytes:
        """Returns a file's bytes."""


class Folder:
    """A bank that shares a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rail(self) -> Rail:
        return SpoolRail(self.path, BOUND)

    def lay(self, place: str, name: str, content: bytes) -> None:
        (self.path / place).mkdir(exist_ok=True)
        (self.path / place / name).write_bytes(content)

    def names(self, place: str) -> list[str]:
        return sorted(each.name for each in (self.path / place).iterdir())

    def content(self, place: str, name: str) -> bytes:
        return (self.path / place / name).read_bytes()


class Objects:
    """A bank that shares a bucket."""

    def __init__(self, server: SeaweedServer) -> None:
        self.bucket = Bucket(
            name="bank",
            endpoint=server.endpoint,
            region="us-east-1",
            access_key_id=ACCESS_KEY_ID,
            secret_access_key=SECRET_ACCESS_KEY,
            prefix=f"{uuid4().hex}/",
            ca_file=server.ca_file,
        )
        self.store = ObjectRail(self.bucket)._store
        self.lay("made", "bucket", b"")

    def rail(self) -> Rail:
        return ObjectRail(self.bucket, BOUND)

    def lay(self, place: str, name: str, content: bytes) -> None:
        obstore.put(self.store, f"{self.bucket.prefix}{place}/{name}", content)

    def names(self, place: str) -> list[str]:
        prefix = f"{self.bucket.prefix}{place}/"
        found = [each["path"] for page in obstore.list(self.store, prefix=prefix) for each in page]
        return sorted(each.removeprefix(prefix) for each in found)

    def content(self, place: str, name: str) -> bytes:
        return bytes(obstore.get(self.store, f"{self.bucket.prefix}{place}/{name}").bytes())


@pytest.fixture(params=["folder", "bucket"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Bank:
    """A bank of each kind."""
    return Folder(tmp_path) if request.param == "folder" else Objects(request.getfixturevalue("seaweed_server"))


def test_a_message_is_delivered_once(bank: Bank) -> None:
    """Delivered again, by this process or another, it is found; nothing else stands in the outbox."""
    receipts = {bank.rail().deliver("OUT-1", b"<pay/>") for _ in range(2)}
    assert len(receipts) == 1
    assert bank.names("outbox") == ["OUT-1.xml"]
    assert bank.content("outbox", "OUT-1.xml") == b"<pay/>"


def test_what_the_bank_has_taken_is_not_delivered_again(bank: Bank) -> None:
    """An empty file keeps the name of a message that was taken."""
    receipt = bank.rail().deliver("OUT-1", b"<pay/>")
    bank.lay("outbox", "OUT-1.xml", b"")
    assert bank.rail().deliver("OUT-1", b"<pay/>") == receipt
    assert bank.content("outbox", "OUT-1.xml") == b""


def test_other_bytes_under_a_messages_name_are_named(bank: Bank) -> None:
    """The first stands, and the second is refused by name."""
    bank.rail().deliver("OUT-1", b"<pay/>")
    with pytest.raises(RailContradiction):
        bank.rail().deliver("OUT-1", b"<pay more/>")
    assert bank.content("outbox", "OUT-1.xml") == b"<pay/>"


def test_of_two_that_deliver_at_once_one_does(bank: Bank) -> None:
    """Eight at a time under one name: one message stands, whole, and all others are told."""
    rails = [bank.rail() for _ in range(8)]

    def deliver(number: int) -> int:
        try:
            rails[number].deliver("OUT-1", b"%d" % number * 500)
        except RailContradiction:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(deliver, range(8))) == 1
    assert bank.names("outbox") == ["OUT-1.xml"]
    assert len(set(bank.content("outbox", "OUT-1.xml"))) == 1


def test_what_is_withdrawn_is_never_delivered(bank: Bank) -> None:
    """A tombstone keeps the name for ever: whoever comes later, from any process, is told that there is no message."""
    assert [bank.rail().withdraw("OUT-1") for _ in range(2)] == [True, True]
    assert bank.rail().deliver("OUT-1", b"<pay/>") is None
    assert bank.names("outbox") == ["OUT-1.xml"]
    assert bank.content("outbox", "OUT-1.xml") == b"withdrawn\n"
    assert bank.rail().deliver("OUT-2", b"<pay/>")


@pytest.mark.parametrize("standing", [b"<pay/>", b"", b"somebody else's"], ids=["there", "taken", "foreign"])
def test_what_the_bank_may_have_is_not_withdrawn(bank: Bank, standing: bytes) -> None:
    """A message that is there, or was taken, stays what it is."""
    bank.lay("outbox", "OUT-1.xml", standing)
    assert not bank.rail().withdraw("OUT-1")
    assert bank.content("outbox", "OUT-1.xml") == standing


def test_of_those_who_deliver_and_withdraw_at_once_all_are_told_the_same(bank: Bank) -> None:
    """Four deliver and four withdraw: there is a message or there is none, and everybody knows which."""
    for message in map(str, range(8)):
        rails = [bank.rail() for _ in range(8)]

        def act(number: int, message: str = message, rails: list[Rail] = rails) -> bool:
            if number % 2:
                return rails[number].withdraw(message)
            return rails[number].deliver(message, b"<pay/>") is None

        with ThreadPoolExecutor(8) as threads:
            (is_withdrawn,) = set(threads.map(act, range(8)))
        assert bank.content("outbox", f"{message}.xml") == (b"withdrawn\n" if is_withdrawn else b"<pay/>")


def test_a_file_is_given_until_it_is_put_away(bank: Bank) -> None:
    """Reading does not consume: only archiving or refusing does, and both may be repeated."""
    rail = bank.rail()
    bank.lay("inbox", "a.xml", b"A")
    bank.lay("inbox", "b.xml", b"B")
    for _ in range(2):
        assert {name: rail.read(name) for name in rail.pending()} == {"a.xml": b"A", "b.xml": b"B"}
    for _ in range(2):
        rail.archive("a.xml")
        rail.refuse("b.xml")
    assert rail.pending() == []
    assert [bank.content("archive", each) for each in bank.names("archive")] == [b"A"]
    assert [bank.content("refused", each) for each in bank.names("refused")] == [b"B"]


def test_a_large_file_is_not_read_whole(bank: Bank) -> None:
    """Of a file above the bound, one byte more than the bound is read."""
    bank.lay("inbox", "a.xml", b"x" * 3 * BOUND)
    assert len(bank.rail().read("a.xml")) == BOUND + 1


@pytest.mark.parametrize("name", ["../precious", "folder/../../precious", ".hidden", ""])
def test_no_name_leads_out_of_the_inbox(bank: Bank, name: str) -> None:
    """A name with a path in it reads and moves nothing outside."""
    rail = bank.rail()
    bank.lay("outbox", "precious", b"mine")
    with pytest.raises(FileNotFoundError):
        rail.read(name)
    for move in (rail.archive, rail.refuse):
        try:
            move(name)
        except OSError:
            continue
    assert bank.content("outbox", "precious") == b"mine"


def test_a_bucket_that_is_away_is_an_os_error(seaweed_server: SeaweedServer) -> None:
    """Whatever a bucket says, or does not, is an error that the rail's users know."""
    good = Objects(seaweed_server).bucket
    strangers = [replace(good, secret_access_key="wrong"), replace(good, ca_file=None)]
    calls: list[Callable[[Rail], object]] = [
        lambda rail: rail.deliver("OUT-1", b"<pay/>"),
        lambda rail: rail.withdraw("OUT-1"),
        lambda rail: rail.pending(),
        lambda rail: rail.read("a.xml"),
    ]
    for stranger in strangers:
        for call in calls:
            with pytest.raises(OSError, match="the bucket does not answer"):
                call(ObjectRail(stranger))


def test_a_crash_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its bytes are on disk a message has no name, and what was left behind is cleared away."""
    spool = SpoolRail(tmp_path)

    def crash(_: int) -> None:
        raise OSError("disk gone")

    with monkeypatch.context() as patch:
        patch.setattr(folder_rail.os, "fsync", crash)
        with pytest.raises(OSError, match="disk gone"):
            spool.deliver("OUT-1", b"first")
    assert list((tmp_path / "outbox").iterdir()) == []
    (tmp_path / "outbox" / ".OUT-1.xml.4711").write_bytes(b"half of it")
    os.utime(tmp_path / "outbox" / ".OUT-1.xml.4711", (1, 1))
    spool.deliver("OUT-1", b"second")
    assert [each.name for each in (tmp_path / "outbox").iterdir()] == ["OUT-1.xml"]


def test_a_name_used_again_overwrites_nothing(tmp_path: Path) -> None:
    """Two files that the bank sends under one name are both kept."""
    spool = SpoolRail(tmp_path)
    for content, arrived_ns in ((b"first", 10**18), (b"second", 2 * 10**18)):
        (tmp_path / "inbox" / "a.xml").write_bytes(content)
        os.utime(tmp_path / "inbox" / "a.xml", ns=(arrived_ns, arrived_ns))
        spool.archive("a.xml")
    assert {path.read_bytes() for path in (tmp_path / "archive").iterdir()} == {b"first", b"second"}


def test_the_oldest_file_comes_first(tmp_path: Path) -> None:
    """Files are given in the order of their arrival; hidden files, folders and links are not."""
    spool = SpoolRail(tmp_path)
    for arrived_ns, name in ((3, "a.xml"), (1, "c.xml"), (2, "b.xml"), (0, ".partial")):
        (tmp_path / "inbox" / name).touch()
        os.utime(tmp_path / "inbox" / name, ns=(arrived_ns * 10**18, arrived_ns * 10**18))
    (tmp_path / "inbox" / "folder").mkdir()
    (tmp_path / "inbox" / "link.xml").symlink_to("/etc/passwd")
    assert spool.pending() == ["c.xml", "b.xml", "a.xml"]


@given(st.text(min_size=1, max_size=35))
def test_every_message_id_has_a_safe_name_of_its_own(message_id: str) -> None:
    """No id names a hidden file, another folder or the file of another id."""
    name = file_name(message_id)
    assert name == Path(name).name
    assert name.endswith(".xml")
    assert not name.startswith(".")
    assert len(name) <= 255
    assert name != file_name(message_id + "x")
