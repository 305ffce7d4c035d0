"""The proof as a browser checks it: what holds is proven, what does not is named, nothing altered passes for proven."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from clients.console.tests.example import ExampleLog
from clients.console.tests.messages import PACKAGE
from clients.console.tests.proving import REASONS, checked, proving
from clients.verifier.tests.browser import Browser
from clients.verifier.tests.notes import Signer, base64, tree_hash

LOG = ExampleLog()
INDEX = 12
KEYS: list[tuple[str, int, int | None]] = [(LOG.signer.vkey, 0, None)]
MUTATIONS, AT_ONCE = 400, 40


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A page with nothing but the code that checks."""
    with proving(tmp_path_factory.mktemp("proof")) as opened:
        yield opened


def test_every_fact_of_logs_of_every_size_is_proven(browser: Browser) -> None:
    """Trees of 1 to 24 leaves, each at its ends and in the middle."""
    cases = [
        (LOG.receipt(index, size), KEYS, LOG.leaves[index], index, size)
        for size in range(1, LOG.count + 1)
        for index in sorted({0, size // 2, size - 1})
    ]
    found = checked(browser, cases)
    assert {each["state"] for each in found} == {"proven"}
    assert all(each["leaf"] and each["path"] and each["signature"] for each in found)


def test_what_does_not_hold_is_named(browser: Browser) -> None:
    """Other bytes, another key, another log, another fact, a smaller log than was shown, and no receipt at all."""
    receipt, leaf = LOG.receipt(INDEX), LOG.leaves[INDEX]
    other, namesake = Signer(seed=b"\1" * 32), Signer(name="log.example/other")
    changed = leaf[:-1] + bytes([leaf[-1] ^ 1])
    path_changed = receipt.replace(base64(tree_hash(LOG.leaves[13:14])), base64(bytes(32)))
    cases: dict[str, tuple[Any, ...]] = {
        "NOT_INCLUDED": (receipt, KEYS, changed, INDEX, 24),
        "SIGNATURE_REFUSED": (receipt, [(other.vkey, 0, None)], leaf, INDEX, 24),
        "OTHER_LOG": (receipt, [(namesake.vkey, 0, None)], leaf, INDEX, 24),
        "OTHER_FACT": (receipt, KEYS, leaf, INDEX - 1, 24),
        "OLDER_THAN_SHOWN": (receipt, KEYS, leaf, INDEX, 25),
        "KEY_REFUSED": (receipt, [(LOG.signer.vkey[:-2] + "AA", 0, None)], leaf, INDEX, 24),
        "RECEIPT_REFUSED": ("c2sp.org/tlog-proof@v2" + receipt[22:], KEYS, leaf, INDEX, 24),
        "CHECKPOINT_REFUSED": (receipt.rstrip("\n"), KEYS, leaf, INDEX, 24),
    }
    found = checked(browser, [*cases.values(), (path_changed, KEYS, leaf, INDEX, 24)])
    assert [each["reason"] for each in found] == [*cases, "NOT_INCLUDED"]
    assert {each["state"] for each in found} == {"refused"}
    assert set(cases) <= REASONS


def test_what_is_signed_is_still_no_checkpoint(browser: Browser) -> None:
    """Heads of sources that are not whole, or not in order, each once; and more bytes than a note may have."""
    hash_text, leaf = base64(bytes(32)), LOG.leaves[INDEX]
    good = [f"source custody 1 24 {hash_text}", f"source identity 1 7 {hash_text}"]
    lines = {
        "": good,
        "of another length": [f"{good[0]}A"],
        "without a number": [f"source custody 01 24 {hash_text}"],
        "longer": [f"{good[0]} more"],
        "without a name": [f"source  1 24 {hash_text}"],
        "out of order": good[::-1],
        "twice": [good[0], good[0]],
        "too long": ["€" * 400_000],
    }
    head = LOG.receipt(INDEX).partition("\n\n")[0]
    root = base64(tree_hash(LOG.leaves))
    notes = [LOG.signer.note(LOG.signer.name, str(LOG.count), root, *each) for each in lines.values()]
    found = checked(browser, [(f"{head}\n\n{note}", KEYS, leaf, INDEX, 24) for note in notes])
    assert [each["reason"] for each in found] == ["", *["CHECKPOINT_REFUSED"] * (len(lines) - 1)]


def test_keys_that_have_to_have_signed(browser: Browser) -> None:
    """One that has ended signs no more, and one that was announced has to; each where its size is."""
    receipt, leaf, vkey = LOG.receipt(INDEX), LOG.leaves[INDEX], LOG.signer.vkey
    other = Signer(seed=b"\1" * 32).vkey
    cases = [
        (receipt, [(vkey, 0, 23), (other, 20, None)], leaf, INDEX, 24),
        (receipt, [(vkey, 0, 23)], leaf, INDEX, 24),
        (receipt, [(vkey, 0, 24), (other, 25, None)], leaf, INDEX, 24),
    ]
    assert [each["state"] for each in checked(browser, cases)] == ["refused", "refused", "proven"]


def test_nothing_altered_is_proven(browser: Browser) -> None:
    """One character of a receipt is another, is left out or is doubled; or a byte of the fact is another."""
    chance, receipt, leaf = random.Random(14), LOG.receipt(INDEX), LOG.leaves[INDEX]
    cases = []
    for _ in range(MUTATIONS):
        at = chance.randrange(len(receipt))
        put = chance.choice(["", receipt[at] * 2, *(each for each in "A1+/=\n —" if each != receipt[at])])
        cases.append((receipt[:at] + put + receipt[at + 1 :], KEYS, leaf, INDEX, 24))
    for at in range(len(leaf)):
        changed = leaf[:at] + bytes([leaf[at] ^ 1 << chance.randrange(8)]) + leaf[at + 1 :]
        cases.append((receipt, KEYS, changed, INDEX, 24))
    assert len(cases) > MUTATIONS
    for first in range(0, len(cases), AT_ONCE):
        found = checked(browser, cases[first : first + AT_ONCE])
        assert {each["state"] for each in found} == {"refused"}
        assert all(each["reason"] for each in found)


def test_a_browser_that_cannot_says_so(tmp_path: Path) -> None:
    """It neither proves nor refuses: without Ed25519, the browser's own or a file beside it, nothing is known."""
    with proving(tmp_path) as browser:
        browser.evaluate("void (crypto.subtle.verify = async () => { throw new Error() })")
        [found] = checked(browser, [(LOG.receipt(INDEX), KEYS, LOG.leaves[INDEX], INDEX, 24)])
    assert (found["state"], found["reason"], found["path"]) == ("unchecked", "", False)


def test_vendored_files_are_those_that_were_published() -> None:
    """As their list has them, whole and with their licence."""
    folder = PACKAGE / "vendored"
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    kept = {each.name: sha256(each.read_bytes()).hexdigest() for each in folder.iterdir() if each.name != "README.md"}
    assert kept == {name: digest for digest, name in listed}
    assert "LICENSE" in kept
