"""Payment files that a process aside looks at first: the same is read, and the same refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence_kernel.aside.calling import Aside
from ringfence_payment_instruction.iso20022.aside import FUNCTION, SMALL_BYTES, read_checked, refusal_of
from ringfence_payment_instruction.iso20022.pain001 import MAX_TRANSACTIONS, read_credit_transfer_file
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.submissions.domain.submission import MAX_INSTRUCTIONS

from .conftest import own_pain001 as pain001


@pytest.fixture(scope="module")
def aside() -> Iterator[Aside]:
    """The process that looks."""
    made = Aside(FUNCTION)
    yield made
    made.close()


def _large(content: bytes) -> bytes:
    return content + b"\n" * SMALL_BYTES


def test_a_file_is_read_as_without_it(aside: Aside) -> None:
    """What is not refused is read here; a small file needs no process."""
    assert read_checked(pain001(), aside) == read_credit_transfer_file(pain001())
    assert aside.pids() == []
    assert read_checked(_large(pain001()), aside) == read_credit_transfer_file(_large(pain001()))
    assert len(aside.pids()) == 1


@pytest.mark.parametrize(
    "content",
    [
        pain001(amount="0.001"),
        pain001()[:-20],
        b"<!DOCTYPE a>" + pain001(),
        f"<Document>{'<a/>' * 20_000}</Document>".encode(),
        f"<Document>{'<a>' * 65}{'</a>' * 65}</Document>".encode(),
    ],
    ids=["amount", "cut", "doctype", "elements", "deep"],
)
def test_a_file_is_refused_as_without_it(aside: Aside, content: bytes) -> None:
    """By the same reason, text, ids and digest, and the service's own reader is never asked."""
    refusals = []
    for read in (read_credit_transfer_file, lambda given: read_checked(given, aside)):
        with pytest.raises(FileRefused) as refused:
            read(_large(content))
        refusals.append(vars(refused.value))
    assert refusals[0] == refusals[1]


def test_what_was_refused_aside_is_read_by_nobody_else(monkeypatch: pytest.MonkeyPatch, aside: Aside) -> None:
    """A refusal is taken as it is told."""
    monkeypatch.setattr("ringfence_payment_instruction.iso20022.aside.read_credit_transfer_file", None)
    with pytest.raises(FileRefused):
        read_checked(_large(b"<Document/>"), aside)


def test_a_file_of_too_many_transactions_is_refused_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bound of a submission, and with the file's own ids."""
    assert MAX_TRANSACTIONS == MAX_INSTRUCTIONS
    assert refusal_of(pain001()) == b""
    file = read_credit_transfer_file(pain001())
    monkeypatch.setattr("ringfence_payment_instruction.iso20022.pain001.MAX_TRANSACTIONS", 0)
    with pytest.raises(FileRefused) as refused:
        read_checked(_large(pain001()), refusal_of)
    told = refused.value
    assert (told.reason, told.reason_code, told.message_id) == ("TOO_MANY_TRANSACTIONS", "AM18", file.message_id)
