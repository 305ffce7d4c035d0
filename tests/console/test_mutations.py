"""Changed receipts and answers in a browser: a page proves what the verifier proves, and names why it does not.

10,000 in the whole check, a table of kinds and names with `-s`; 200 where each page is looked at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Page
from ringfence_verifier import PAGE, VerificationError, verify_receipt

from clients.console.tests.proving import REASONS, checked
from clients.verifier.tests.browser import Browser, judged, page
from clients.verifier.tests.mutations.answers import CHANGES as ANSWER_CHANGES
from clients.verifier.tests.mutations.answers import answer, one_answer
from clients.verifier.tests.mutations.cases import Case
from clients.verifier.tests.mutations.receipts import CHANGES as RECEIPT_CHANGES
from clients.verifier.tests.mutations.receipts import receipt
from clients.verifier.tests.test_verifier_page import JUDGE, ours
from tests.console.browser import WITHOUT_ED25519, Visitor, chromium
from tests.console.example import Served, served
from tests.console.looks import LOOKS
from tests.console.test_pages import IS_WHOLE, entered

CASES = 5_000 if IS_WHOLE else 100
"""Of each."""
AT_ONCE = 50
Row = tuple[str, str]
"""What was changed, and what a page said: its name for the refusal, or what it has proven."""


def cases(make: Callable[[Random], tuple[str, str, dict[str, Any]]]) -> list[Case]:
    """The first ones by their numbers, the same on every machine."""
    return [Case(number, *make(Random(f"console/{number}"))) for number in range(CASES)]


def said_of_all(given: Sequence[Case], ask: Callable[[Sequence[Case]], list[str]]) -> list[str]:
    """Asks a page about some at a time."""
    return [said for at in range(0, len(given), AT_ONCE) for said in ask(given[at : at + AT_ONCE])]


@contextmanager
def checking(console: Served, stranger: Visitor, lacks: str) -> Iterator[Page]:
    """Opens a page of a fact in a browser that lacks something; what checks proofs there is `check`."""
    with Visitor(stranger.browser, entered(console, stranger)).looking(LOOKS[0]) as context:
        if lacks:
            context.add_init_script(WITHOUT_ED25519)
        page = context.new_page()
        page.goto(f"{console.address}/fact/1")
        page.evaluate(
            "import(document.querySelector('script[type=module]').src.replace('console.js', 'proof.js'))"
            ".then((found) => { globalThis.check = found.verify; })"
        )
        yield page


def told(kind: str, rows: Counter[Row]) -> None:
    """Prints how often which change came to what."""
    for (changed, said), count in sorted(rows.items()):
        print(f"{kind:31}{changed:20}{said:22}{count:6,}")


def text(content: bytes) -> str:
    """As a page has it: what is no UTF-8 stays visible."""
    return content.decode("utf-8", "surrogateescape")


def proven_receipt(case: Case) -> bool:
    """Whether the verifier proves by a receipt that whole fact in that place, in a log not shorter than is known."""
    given = case.given
    try:
        found = verify_receipt(text(given["note"]), text(given["key"]), leaf=given["shown_leaf"])
    except VerificationError:
        return False
    carries = any(line.startswith(b"extra ") for line in given["note"].partition(b"\n\n")[0].split(b"\n"))
    return carries and found.index == given["shown_index"] and found.checkpoint.size >= given["shown_size"]


@pytest.mark.parametrize("lacks", ["", "the browser's Ed25519"])
def test_no_changed_receipt_is_shown_as_proven(lacks: str) -> None:
    """But where the verifier proves that fact by it too; every other is refused by a name that a page has words for."""
    given = cases(receipt)
    with served() as console, chromium() as browser, checking(console, Visitor(browser), lacks) as opened:

        def ask(some: Sequence[Case]) -> list[str]:
            found = checked(opened, [_shown(case) for case in some])
            return [each["reason"] if each["state"] == "refused" else each["state"] for each in found]

        said = said_of_all(given, ask)
    rows = Counter((case.mutation, each) for case, each in zip(given, said, strict=True))
    told(f"receipt{' by the vendored file' if lacks else ''}", rows)
    wrong = [
        f"{case}: {each}"
        for case, each in zip(given, said, strict=True)
        if (each == "proven") != proven_receipt(case) or each not in REASONS | {"proven"}
    ]
    assert wrong == []
    assert any(changed == "none" and each == "proven" for changed, each in rows)
    assert not IS_WHOLE or {changed.partition(":")[0] for changed, _ in rows} == set(RECEIPT_CHANGES)


def test_no_changed_answer_is_shown_as_proven(tmp_path: Path) -> None:
    """A page says of each what the verifier says, and has words for it; what is proven its log has to answer."""
    given = cases(answer)
    with page(PAGE, tmp_path / "browser") as opened:
        names = frozenset(opened.evaluate("Object.keys(IN_WORDS)"))
        said = said_of_all(given, lambda some: _judged(opened, some))
    rows = Counter((case.mutation, each.partition(" ")[0]) for case, each in zip(given, said, strict=True))
    told("answer", rows)
    wrong = []
    for case, each in zip(given, said, strict=True):
        is_proven = each.startswith("holds")
        due = one_answer(case) if is_proven else None
        if each != ours(*_given(case)) or (due and not due.accepted) or not (is_proven or each in names):
            wrong.append(f"{case}: {each}")
    assert wrong == []
    assert any(changed == "none" and each == "holds" for changed, each in rows)
    assert not IS_WHOLE or {changed for changed, _ in rows} == set(ANSWER_CHANGES)


def _shown(case: Case) -> tuple[Any, ...]:
    given = case.given
    keys = [(text(given["key"]), 0, None)]
    return text(given["note"]), keys, given["shown_leaf"], str(given["shown_index"]), str(given["shown_size"])


def _given(case: Case) -> tuple[bytes, str]:
    return case.given["answer"], case.given["key"].decode("utf-8", "replace")


def _judged(opened: Browser, some: Sequence[Case]) -> list[str]:
    return judged(opened, JUDGE, [_given(case) for case in some])
