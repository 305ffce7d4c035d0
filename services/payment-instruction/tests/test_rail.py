"""The file rail: nothing half-written, nothing read twice for good, nothing outside its folders."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_payment_instruction.rail.adapters import spool as rail
from ringfence_payment_instruction.rail.adapters.spool import SpoolRail, file_name


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_retry_rewrites_the_same_file(tmp_path: Path) -> None:
    """The same message id is the same file, and no temporary file stays."""
    spool = SpoolRail(tmp_path)
    assert spool.send("OUT-1", b"first") == spool.send("OUT-1", b"again")
    assert _names(tmp_path / "outbox") == ["OUT-1.xml"]
    assert (tmp_path / "outbox" / "OUT-1.xml").read_bytes() == b"again"


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the new bytes are on disk, the old file stands, whole."""
    spool = SpoolRail(tmp_path)
    spool.send("OUT-1", b"first")

    def crash(_: int) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(rail.os, "fsync", crash)
    with pytest.raises(OSError, match="disk gone"):
        spool.send("OUT-1", b"second")
    assert (tmp_path / "outbox" / "OUT-1.xml").read_bytes() == b"first"


def test_a_file_is_given_until_it_is_archived(tmp_path: Path) -> None:
    """Reading does not consume: only archiving or refusing does, and both may be repeated."""
    spool = SpoolRail(tmp_path)
    (tmp_path / "inbox" / "a.xml").write_bytes(b"A")
    (tmp_path / "inbox" / "b.xml").write_bytes(b"B")
    for _ in range(2):
        assert [spool.read(name) for name in spool.pending()] == [b"A", b"B"]
    for _ in range(2):
        spool.archive("a.xml")
        spool.refuse("b.xml")
    assert spool.pending() == []
    assert [path.read_bytes() for path in (tmp_path / "archive").iterdir()] == [b"A"]
    assert [path.read_bytes() for path in (tmp_path / "refused").iterdir()] == [b"B"]


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


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    """Of a file above the bound, one byte more than the bound is read."""
    spool = SpoolRail(tmp_path, max_inbound_bytes=100)
    (tmp_path / "inbox" / "a.xml").write_bytes(b"x" * 1000)
    assert len(spool.read("a.xml")) == 101


def test_no_name_leads_out_of_the_inbox(tmp_path: Path) -> None:
    """A name with a path in it moves nothing outside."""
    spool = SpoolRail(tmp_path)
    outside = tmp_path / "precious"
    outside.write_text("mine")
    spool.archive("../precious")
    assert outside.exists()
    with pytest.raises(FileNotFoundError):
        spool.read("../precious")


@given(st.text(min_size=1, max_size=35))
def test_every_message_id_has_a_safe_name_of_its_own(message_id: str) -> None:
    """No id names a hidden file, another folder or the file of another id."""
    name = file_name(message_id)
    assert name == Path(name).name
    assert name.endswith(".xml")
    assert not name.startswith(".")
    assert len(name) <= 255
    assert name != file_name(message_id + "x")
