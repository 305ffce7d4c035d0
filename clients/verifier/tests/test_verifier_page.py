"""The page that verifies complete answers in a browser: it judges as the verifier does, and lets nothing in or out."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ringfence.ledger import Purpose
from ringfence.money import _EXPONENTS, _LEDGERS
from ringfence_verifier import PAGE, AnswerRefused, verify_answer

from .answers import IndexedLog
from .browser import Browser, judged, page
from .mutations.answers import answer as mutated
from .notes import leaf
from .refused import ALICE, CAROL, NOBODY, SIGNER, bad, good, log

CHANGED = 250
JUDGE = """(async () => {
  const judged = [];
  for (const [content, key] of %s) {
    try {
      const found = await verifyAnswer(Uint8Array.from(atob(content), (each) => each.charCodeAt(0)), key);
      judged.push("holds " + found.facts.map((fact) => String(fact.index)).join(" "));
    } catch (error) { judged.push(error.reason || "crashed: " + error); }
  }
  return judged;
})()"""


def ours(content: bytes, vkey: str) -> str:
    """What the verifier says of an answer."""
    try:
        return "holds " + " ".join(str(index) for index, _ in verify_answer(content, vkey).facts)
    except AnswerRefused as error:
        return error.reason


def test_page_and_verifier_judge_alike(browser: Browser) -> None:
    """Answers that hold, one for every reason to refuse, and changed ones by their numbers: by the same name."""
    given = [(parts.encoded(), SIGNER.vkey) for parts in good().values()]
    given += [(content, vkey) for _, content, vkey in bad().values()]
    for number in range(CHANGED):
        made: dict[str, Any] = mutated(Random(f"page/{number}"))[2]
        key = made["key"].decode("utf-8", "replace")
        given.append((made["answer"], key))
    expected = [ours(content, vkey) for content, vkey in given]
    assert judged(browser, JUDGE, given) == expected
    assert len(set(expected) - {each for each in expected if each.startswith("holds")}) >= 18


def shown(browser: Browser, folder: Path, content: bytes, vkey: str) -> str:
    """Chooses an answer and types a key as a person does; gives what the page then says."""
    file = folder / f"{sha256(content).hexdigest()[:8]}.answer"
    file.write_bytes(content)
    browser.evaluate("document.getElementById('verdict').dataset.state = 'waiting'")
    browser.type("#vkey", vkey)
    browser.choose("#file", file)
    browser.until("!['waiting', 'checking'].includes(document.getElementById('verdict').dataset.state)")
    text: str = browser.evaluate("document.querySelector('main').innerText")
    return text


def test_a_person_reads_what_is_proven(browser: Browser, tmp_path: Path) -> None:
    """Amounts in their currency, purposes by name, times in UTC; that these are all, and how far that goes."""
    text = shown(browser, tmp_path, good()["about one who is in a few"].encoded(), SIGNER.vkey)
    assert "These are all 30 facts about it, and there are no others" in text
    assert "33333333-3333-3333-3333-333333333333" in text
    # Fact 100: 100 times 1,001 yen, code 13, 1,000 s after the first.
    assert "2026-09-21 14:30:00 UTC" in text
    assert "100,100 JPY" in text
    assert "guarantee release" in text
    assert "Proven for all facts before 590 in log.example/ringfence" in text
    assert "its last 11 facts" in text
    browser.evaluate("document.querySelector('td button').click()")
    assert "11111111" not in text
    assert browser.evaluate("document.querySelector('tr.more:not([hidden])').innerText").count("22222222-2222") == 1


def test_a_person_reads_that_there_is_nothing(browser: Browser, tmp_path: Path) -> None:
    """An empty answer says so, and has no table."""
    text = shown(browser, tmp_path, log().parts(NOBODY).encoded(), SIGNER.vkey)
    assert "There is no fact about it" in text
    assert browser.evaluate("document.getElementById('facts').hidden")


def test_a_part_is_never_said_to_be_all(browser: Browser, tmp_path: Path) -> None:
    """A narrow answer that the log has signed: its headline is another, with facts in it or without."""
    for parts, here in (
        (log().parts(CAROL, 583, 590), "In this part there is no fact about it."),
        (log().parts(CAROL, 579, 590), "In this part there is one fact about it, and no other."),
        (log().parts(CAROL, 0, 300), "In this part there are 15 facts about it, and no other."),
    ):
        text = shown(browser, tmp_path, parts.encoded(), SIGNER.vkey)
        headline = browser.evaluate("document.querySelector('#verdict h2').innerText")
        assert headline == f"A PART only: facts {parts.from_leaf} to {parts.until_leaf - 1}"
        assert here in text
        assert "up to 589, this answer says nothing" in text
        assert browser.evaluate("document.getElementById('verdict').className") == "card verdict part"
        assert not any(words in text for words in ("These are all", "This is the one fact"))


def test_what_was_said_of_another_file_or_key_is_taken_away(browser: Browser, tmp_path: Path) -> None:
    """At once, when a key is changed or taken out, or another file chosen: while it is checked nothing is green."""
    shown(browser, tmp_path, good()["about one who is in a few"].encoded(), SIGNER.vkey)
    assert browser.evaluate("document.getElementById('verdict').className") == "card verdict holds"
    seen = "[...document.querySelectorAll('#verdict h2, table')].map((each) => each.innerText).join() + ' ' + " + (
        "document.getElementById('verdict').className + ' ' + document.getElementById('verdict').dataset.state"
    )
    for value, expected in ((SIGNER.vkey[:-3], "Checking card verdict checking"), ("", "Nothing to check yet card")):
        changed = f"(v => {{ v.value = {json.dumps(value)}; v.dispatchEvent(new Event('input')); return {seen}; }})"
        assert browser.evaluate(f"{changed}(document.getElementById('vkey'))").startswith(expected)
        assert browser.evaluate("document.getElementById('facts').hidden && document.getElementById('checked').hidden")


@pytest.mark.parametrize(
    "lacks",
    [
        "Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true })",
        "crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))",
        "crypto.subtle.verify = () => Promise.reject(new DOMException('no', 'NotSupportedError'))",
        "crypto.subtle.verify = () => Promise.resolve(false)",
    ],
)
def test_a_browser_that_cannot_check_says_so(tmp_path: Path, lacks: str) -> None:
    """It does not call an answer forged that it cannot check, nor a forged one anything else."""
    with page(PAGE, tmp_path / "browser") as browser:
        browser.evaluate(f"({lacks}, 0)")
        for content in (good()["about one who is in a few"].encoded(), bad()["a fact that was changed"][1]):
            text = shown(browser, tmp_path, content, SIGNER.vkey)
            assert "Not checked: this browser cannot" in text
            assert "Do not rely" not in text
            assert browser.evaluate("document.getElementById('verdict').className") == "card verdict unchecked"


def test_a_person_is_told_why_an_answer_does_not_hold(browser: Browser, tmp_path: Path) -> None:
    """In words and by name, and nothing of it is shown; every name has its words."""
    shown(browser, tmp_path, log().parts(CAROL).encoded(), SIGNER.vkey)
    for name in ("a fact that was changed", "pages from too late", "more than an answer may have"):
        reason, content, vkey = bad()[name]
        text = shown(browser, tmp_path, content, vkey)
        assert "Do not rely on this answer" in text
        assert reason in text
        assert "UTC" not in text
        assert browser.evaluate("document.getElementById('facts').hidden && document.getElementById('checked').hidden")
    reasons = {reason for reason, _, _ in bad().values()}
    assert set(browser.evaluate("Object.keys(IN_WORDS)")) == reasons | {"NOT_CHECKED"}


def test_what_a_fact_says_is_text(browser: Browser, tmp_path: Path) -> None:
    """Names and texts that look like markup are shown as they are."""
    hostile = leaf("x.<img src=q onerror=alert(1)>.v1", subject_id=ALICE, reason="<b>bold</b>", time_ns=-(2**63))
    text = shown(browser, tmp_path, IndexedLog((hostile,), 1, SIGNER).parts(ALICE).encoded(), SIGNER.vkey)
    assert "<b>bold</b>" in text
    assert browser.evaluate("document.querySelectorAll('img, b').length") == 0


def test_nothing_is_loaded_and_nothing_else_runs(browser: Browser) -> None:
    """The policy names the page's one style and script by their hashes; no request leaves, and none would."""
    html = PAGE.read_text(encoding="utf-8")
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in html
    assert "default-src 'none'; style-src 'sha256-" in html
    assert re.findall(r"(?:src|href)\s*=", html) == []
    assert browser.requested == [PAGE.as_uri()]
    for attempt in (
        "fetch('https://log.example/')",
        "new Promise((yes, no) => { const s = document.createElement('script'); s.src = 'data:,1'; s.onload = yes; "
        "s.onerror = () => no(new Error('refused')); document.head.append(s); })",
    ):
        assert browser.evaluate(f"{attempt}.then(() => 'done', () => 'refused')") == "refused"


def test_currencies_and_purposes_are_those_of_the_sdk(browser: Browser) -> None:
    """Every currency of ISO 4217 with its decimals, and every purpose of a transfer by its code."""
    known = browser.evaluate("[...CURRENCIES].map(([number, [code, places]]) => [Number(number), code, places])")
    assert sorted(map(tuple, known)) == sorted((_LEDGERS[code], code, _EXPONENTS[code]) for code in _LEDGERS)
    assert browser.evaluate("PURPOSES") == [each.name.lower().replace("_", " ") for each in Purpose]
