"""Dossiers: what holds says what it proves; whatever is done to one is refused, by the file that it was done to."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from base64 import b64encode

import pytest
from ringfence_verifier import VerificationError, read_openings, verify_receipt
from ringfence_verifier.combined import path_in
from ringfence_verifier.dossier import DossierRefused, container, csv_line, verify_dossier
from ringfence_verifier.dossier.container import pack, unpack
from ringfence_verifier.dossier.stretch import verify_stretch

from . import dossiers as made
from .dossier_lies import lies
from .mutations.dossiers import changed, fault
from .notes import Signer, consistency, leaf, path
from .refused import SIGNER

CHANGES = 220


def refused(content: bytes, key: str = SIGNER.vkey) -> tuple[str, str]:
    """Why a dossier does not hold, and which file is named."""
    with pytest.raises(DossierRefused) as found:
        verify_dossier(content, key)
    return found.value.reason, found.value.entry


def test_a_dossier_says_what_it_proves() -> None:
    """All facts of all answers, each once, the texts that they commit to, and who has made it when."""
    found = verify_dossier(made.dossier(), SIGNER.vkey)
    assert [each.index for each in found.facts] == list(range(69))
    assert [each.leaf for each in found.facts] == list(made.log().leaves[:69])
    assert {each.index: each.openings[0].content for each in found.facts if each.openings} == {
        made.COMMITTED: made.NOTE
    }
    assert (found.binding.reader_id, found.binding.time_ns, found.binding.index) == (made.READER, made.BOUND_NS, 71)
    assert found.checkpoint.size == len(made.log().leaves)
    assert [each.about for each in found.manifest.questions] == [made.ALICE, made.BOB, made.NOBODY, None]


def test_what_a_reader_was_shown_is_no_complete_answer() -> None:
    """Each fact is proven and has its receipt; that there are no others is not said, in its format neither."""
    found = verify_dossier(made.bound(made.part()), SIGNER.vkey)
    due = [*(at for at in range(30) if at % 3), 31, 32, 44]
    assert [each.index for each in found.facts] == due
    assert [each.leaf for each in found.facts] == [made.log().leaves[at] for at in due]
    assert not found.is_complete
    assert verify_dossier(made.dossier(), SIGNER.vkey).is_complete
    files = dict(found.entries)
    assert verify_receipt(files["receipts/000000000044"].decode(), SIGNER.vkey).index == 44
    assert json.loads(files["manifest.json"])["format"] == "ringfence-dossier/2"
    assert files["READ-ME.en.txt"].startswith(b"NOT COMPLETE")
    assert files["READ-ME.zh-Hans.txt"].startswith("不完整".encode())
    assert b"NOT COMPLETE" not in dict(made.entries())["READ-ME.en.txt"]


def test_the_same_content_is_the_same_bytes() -> None:
    """A dossier has one encoding, which any program that reads ZIP files unpacks."""
    made.composed.cache_clear()
    assert made.bound(made.composed()) == made.dossier() == pack(unpack(made.dossier()))
    with zipfile.ZipFile(io.BytesIO(made.dossier())) as opened:
        assert opened.testzip() is None
        assert [(each, opened.read(each)) for each in opened.namelist()] == made.entries()


def test_receipts_are_those_of_the_log() -> None:
    """Each fact's receipt has the audit path of RFC 6962's definition, though nobody was asked for it."""
    files = dict(made.entries())
    for index in (0, made.COMMITTED, 40, 68):
        receipt = files[f"receipts/{index:012d}"].decode()
        size = verify_receipt(receipt, SIGNER.vkey).checkpoint.size
        due = path(index, made.log().leaves[:size])
        assert receipt.split("\n")[3 : 3 + len(due)] == [b64encode(each).decode() for each in due]
    stretch = verify_stretch(files["answers/004-001"], SIGNER.vkey)
    assert path_in(stretch.nodes, 7, stretch.checkpoint.size) == path(7, made.log().leaves)


def test_tables_are_safe_in_spreadsheets_and_lose_nothing() -> None:
    """RFC 4180 with a byte order mark; no cell begins a formula, and without its apostrophe each is what it was."""
    content = dict(made.entries())["facts/raw.csv"].decode()
    assert content.startswith("\ufeffindex,kind,field,type,value\r\n")
    rows = list(csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline="")))
    values = [(row[2], row[4]) for row in rows[1:]]
    assert ("amount_minor", "-5") in values
    texts = {value.removeprefix("'") for name, value in values if name in ("end_to_end_id", "note")}
    assert texts == {"@SUM(1)", "'plain", made.NOTE}
    assert not any(value.startswith(tuple("=+@\t\r")) for _, value in values)
    facts = json.loads(dict(made.entries())["facts/raw.json"])
    assert [each["index"] for each in facts] == [str(index) for index in range(69)]
    assert ["note", "opened text", made.NOTE] in facts[made.COMMITTED]["fields"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("+44", "'+44"), ("-1", "-1"), ("-1.50", "-1.50"), ("-", "'-"), ("--1", "'--1"),
        ("@x", "'@x"), ("\tx", "'\tx"), ("\r", '"\'\r"'), ("  =1", "'  =1"), ("'=1", "''=1"),
        ("\uff1d1", "'\uff1d1"), ("1e5", "1e5"),
        ('a"b', '"a""b"'), ("a,b", '"a,b"'), ("", ""), ("-1,5", '"\'-1,5"'), ("-\u0661", "'-\u0661"),
    ],
)  # fmt: skip
def test_a_cell_is_never_a_formula(text: str, written: str) -> None:
    """Whatever a spreadsheet could take for one has an apostrophe before it; numbers have none."""
    assert csv_line([text]) == f"{written}\r\n"


def test_whatever_is_done_to_a_dossier_is_named() -> None:
    """Flipped, changed, left out, added, reordered, exchanged, cut off: refused, by the file that it was done to."""
    assert [found for number in range(CHANGES) if (found := fault(changed(number)))] == []


def test_a_lie_that_its_maker_has_bound_is_found() -> None:
    """Whoever makes a dossier cannot make it say what the answers do not: hashes that fit are not enough."""
    for name, (reason, entry, content) in lies().items():
        assert (name, *refused(content)) == (name, reason, entry)


def test_a_later_log_has_to_extend_the_dossiers() -> None:
    """The fact that binds it is of the same history as its answers: the proof of that is needed, and has to hold."""
    composed, leaves = (
        made.composed(),
        (*made.log().leaves, made.binding_leaf(made.composed().manifest_sha256), leaf("x")),
    )
    receipt = made.receipt_in(leaves, len(leaves) - 2)
    assert refused(composed.bound(receipt, {})) == ("HISTORY_DIFFERS", "binding/consistency.json")
    other = (leaf("y"), *leaves[1:])
    forked = made.receipt_in(other, len(leaves) - 2)
    proof = {(composed.size, len(leaves)): consistency(composed.size, leaves)}
    assert refused(composed.bound(forked, proof)) == ("HISTORY_DIFFERS", "binding/consistency.json")
    early = (leaf("y"), made.binding_leaf(composed.manifest_sha256))
    assert refused(composed.bound(made.receipt_in(early, 1), {})) == ("BINDING_REFUSED", "binding/receipt")


def test_what_is_said_in_words_is_the_makers() -> None:
    """Other words, page or instructions hold where their maker has bound them, and only there."""
    changed_words: dict[str, bytes | None] = {"facts/words.json": b"other words"}
    assert refused(made.with_files(changed_words)) == ("FILE_CHANGED", "facts/words.json")
    found = verify_dossier(made.remade(changed_words), SIGNER.vkey)
    assert dict(found.entries)["facts/words.json"] == b"other words"


def test_the_key_is_the_callers() -> None:
    """A dossier of a log with another key is refused; a key that is none is said to be none."""
    other = Signer(SIGNER.name, b"\x05" * 32)
    assert refused(made.dossier(), other.vkey) == ("BINDING_REFUSED", "binding/receipt")
    with pytest.raises(VerificationError, match="key"):
        verify_dossier(made.dossier(), "none")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(18), b"ringfence-answer/1\n", b"PK\3\4"])
def test_what_is_no_dossier_is_refused(content: bytes) -> None:
    """Nothing, an empty ZIP, something else."""
    assert refused(content)[0] in ("NO_DOSSIER", "CUT_SHORT", "CONTAINER_DAMAGED")


def test_nothing_is_read_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither more bytes nor more files than a dossier may have."""
    monkeypatch.setattr(container, "MAX_ENTRIES", 10)
    assert refused(made.dossier())[0] == "TOO_LONG"
    monkeypatch.setattr(container, "MAX_DOSSIER_BYTES", 1000)
    assert refused(made.dossier())[0] == "TOO_LONG"


def test_what_is_too_much_is_refused_before_it_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes one that nobody could read is told so before the log has it."""
    made.composed.cache_clear()
    for name, limit in (("MAX_ENTRIES", 80), ("MAX_DOSSIER_BYTES", 1 << 20)):
        with monkeypatch.context() as patched:
            patched.setattr(container, name, limit)
            with pytest.raises(DossierRefused, match="in several"):
                made.composed()


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a\\b", ".x", "a/../b", "", "ä"])
def test_no_file_has_a_name_that_leads_elsewhere(name: str) -> None:
    """Who unpacks a dossier writes nothing outside of the folder."""
    with pytest.raises(ValueError, match="name"):
        pack([(name, b"")])


def test_texts_that_were_kept_are_those_of_the_receipts() -> None:
    """What lies beside a single receipt is in the dossier's texts too, in the same form."""
    rows = json.loads(dict(made.entries())["texts.json"])
    assert [(row["index"], read_openings(json.dumps(row["openings"]))[0].content) for row in rows] == [("3", made.NOTE)]
