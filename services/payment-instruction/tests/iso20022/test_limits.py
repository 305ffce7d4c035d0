"""What a file may ask of its reader: so much and no more, whatever is in it, and little memory for it."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from ringfence_payment_instruction.iso20022.limits import Limits, require_bounded
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.screening.adapters.list_files import read_un
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged

SMALL = Limits(nodes=6, depth=3, length=10)
MIB = 1024 * 1024
FILE_BYTES = 32 * MIB
NODES = 499_000
READ = """
import resource, sys
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.{reader}
content = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(content)
except FileRefused as refused:
    print(refused.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
PAIN_001 = "iso20022.pain001 import read_credit_transfer_file as read"
CAMT_054 = "statements.adapters.camt import read_camt as read"


def reason_of(content: bytes, limits: Limits = SMALL) -> str:
    """Returns why a file is refused."""
    with pytest.raises(FileRefused) as caught:
        require_bounded(content, limits)
    return f"{caught.value.reason}: {caught.value.text}"


@pytest.mark.parametrize(
    "content",
    [
        b"<a><b/><b/><b/><b/><b/></a>",
        b"<a b='1' c='2'><b d='3'/><e/></a>",
        b"<a><b><c/></b><b><c/></b></a>",
        b"<a>0123456789<b>0123456789</b>0123456789</a>",
        b"<a><b>01234<!-- 0123456 -->56789</b></a>",
        "<a>ÄÖÜÄÖÜÄÖÜÄ</a>".encode("utf-16"),
    ],
    ids=["nodes", "attributes", "depth", "texts", "comment", "characters"],
)
def test_what_reaches_a_limit_is_read(content: bytes) -> None:
    """A limit is what is still taken: nodes, depth, and characters of each text."""
    require_bounded(content, SMALL)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<a><b/><b/><b/><b/>\n<b/><b/></a>", "line 2: more than 6 elements and attributes"),
        (b"<a b='1' c='2'><b d='3'/><e f='4'/></a>", "line 1: more than 6 elements and attributes"),
        (b"<a xmlns='1' xmlns:c='2'><b xmlns:d='3'/><e/><e/></a>", "line 1: more than 6 elements and attributes"),
        (b"<a><b><c><d/></c></b></a>", "line 1: elements inside each other, more than 3 deep"),
        (b"<a>0123456789a</a>", "line 1: a text of more than 10 characters"),
        (b"<a>01234<!-- -->56789a</a>", "line 1: a text of more than 10 characters"),
        (b"<a>01234<![CDATA[56789a]]></a>", "line 1: a text of more than 10 characters"),
        (b"<a>\n\n\n\n\n\n\n\n\n\n\n</a>", "characters"),
        (b"<a b='0123456789a'/>", "line 1: a text of more than 10 characters"),
        (b"<a0123456789/>", "line 1: a text of more than 10 characters"),
    ],
)
def test_what_goes_beyond_a_limit_is_refused(content: bytes, what: str) -> None:
    """Too many nodes, too deep, too long: each says which, and where."""
    said = reason_of(content)
    assert said.startswith("FILE_TOO_COMPLEX: ")
    assert what in said


@pytest.mark.parametrize("start", [b"<a><!-- ", b"<a><?b ", b"<a b='", b"<a>", b"<a><![CDATA[", b"<!-- "])
def test_what_does_not_end_is_refused_unread(start: bytes) -> None:
    """A comment, instruction, value or text that goes on and on is not read to its end."""
    assert reason_of(start + b"x" * 1_000_000, Limits()).startswith("FILE_TOO_COMPLEX: line 1: a t")


def test_a_doctype_comes_before_all_limits() -> None:
    """It is refused for what it is."""
    assert reason_of(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a><b><c><d/></c></b></a>").startswith("DOCTYPE_REFUSED")


def test_a_sanctions_list_has_the_same_limits() -> None:
    """One that is nested or swollen beyond them is damaged."""
    with pytest.raises(SanctionsListDamaged, match="more than 64 deep"):
        read_un(b"<CONSOLIDATED_LIST>" + b"<a>" * 100 + b"</a>" * 100 + b"</CONSOLIDATED_LIST>")
    with pytest.raises(SanctionsListDamaged, match="more than 500,000 elements"):
        read_un(b"<CONSOLIDATED_LIST>" + b"<a/>" * 500_000 + b"</CONSOLIDATED_LIST>")
    with pytest.raises(SanctionsListDamaged, match="DOCTYPE"):
        read_un(b"<!DOCTYPE a><CONSOLIDATED_LIST/>")


def wrong_all_over(pain001: Callable[..., bytes]) -> bytes:
    """Returns a pain.001 whose every transaction is invalid."""
    return pain001().replace(b"</PmtInf>", b"<CdtTrfTxInf/>" * NODES + b"</PmtInf>")


@pytest.mark.parametrize(
    ("make", "reader", "reason", "most_mib"),
    [
        (lambda _: b"<a>" + b"<b/>" * (FILE_BYTES // 4 - 2) + b"</a>", PAIN_001, "FILE_TOO_COMPLEX", 64),
        (lambda _: b"<a>" + b"<b/>" * (FILE_BYTES // 4 - 2) + b"</a>", CAMT_054, "FILE_TOO_COMPLEX", 64),
        (lambda _: b"<a>" + b"<b> c </b> " * NODES + b"</a>", PAIN_001, "NO_MESSAGE", 384),
        (wrong_all_over, PAIN_001, "SCHEMA_INVALID", 384),
    ],
    ids=["tiny", "tiny from the bank", "as many as are taken", "wrong all over"],
)
def test_no_file_takes_much_memory(
    pain001: Callable[..., bytes],
    make: Callable[[Callable[..., bytes]], bytes],
    reader: str,
    reason: str,
    most_mib: int,
) -> None:
    """Beyond its own bytes: little for one that is refused by its limits, a tree's for one that is within."""
    content = make(pain001)
    assert len(content) <= FILE_BYTES
    run = subprocess.run(
        [sys.executable, "-c", READ.format(reader=reader)], input=content, stdout=subprocess.PIPE, check=True
    )
    said, kibibytes = run.stdout.decode().split()
    assert said == reason
    assert int(kibibytes) < most_mib * 1024
