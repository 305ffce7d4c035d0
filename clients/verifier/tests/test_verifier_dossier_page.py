"""The page judges dossiers as the verifier does, by the same reasons, and names the same files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from ringfence_verifier import VerificationError
from ringfence_verifier.dossier import DossierRefused, verify_dossier

from . import dossiers as made
from .browser import Browser, judged
from .dossier_lies import lies
from .mutations.dossiers import changed
from .notes import Signer
from .refused import SIGNER
from .test_verifier_dossier_keys import SECOND, forked, rotation
from .test_verifier_dossier_keys import made as rotated

CHANGES = 22
JUDGE = """(async () => {
  const judged = [];
  for (const [content, key] of %s) {
    try {
      const found = await verifyDossier(Uint8Array.from(atob(content), (each) => each.charCodeAt(0)), key);
      judged.push("holds " + found.facts.length);
    } catch (error) { judged.push(error.reason ? `${error.reason} ${error.entry || ""}` : "crashed: " + error.stack); }
  }
  return judged;
})()"""


def ours(content: bytes, vkey: str) -> str:
    """What the verifier says of a dossier."""
    try:
        return f"holds {len(verify_dossier(content, vkey).facts)}"
    except DossierRefused as error:
        return f"{error.reason} {error.entry}"
    except VerificationError:
        return "KEY_REFUSED "


def test_page_and_verifier_judge_dossiers_alike(browser: Browser) -> None:
    """One that holds, what its maker may try, and changed ones by their numbers: the same reason and file."""
    other = Signer(SIGNER.name, b"\x05" * 32)
    given = [(made.dossier(), key) for key in (SIGNER.vkey, other.vkey, "none")]
    given += [(made.bound(made.part()), SIGNER.vkey)]
    given += [(content, SIGNER.vkey) for _, _, content in lies().values()]
    given += [(changed(number).content, SIGNER.vkey) for number in range(CHANGES)]
    expected = [ours(content, vkey) for content, vkey in given]
    assert judged(browser, JUDGE, given) == expected
    assert len({each.partition(" ")[0] for each in expected}) >= 18


def test_keys_are_followed_alike(browser: Browser) -> None:
    """Across a change of the log's key, with receipts that hold, are of another history, or are not there."""
    given = [rotated(rotation()), rotated([]), rotated(rotation()[:1]), rotated(rotation()[::-1]), rotated(forked())]
    asked = [(content, key) for content in given for key in (SIGNER.vkey, SECOND.vkey)]
    expected = [ours(content, vkey) for content, vkey in asked]
    assert judged(browser, JUDGE, asked) == expected
    assert expected[0].startswith("holds")
    assert len(set(expected)) >= 3


def shown(browser: Browser, folder: Path, content: bytes, vkey: str = SIGNER.vkey) -> str:
    """Chooses a dossier and types a key as a person does; gives what the page then says."""
    file = folder / f"{sha256(content).hexdigest()[:8]}.dossier"
    file.write_bytes(content)
    browser.evaluate("document.getElementById('verdict').dataset.state = 'waiting'")
    browser.type("#vkey", vkey)
    browser.choose("#file", file)
    browser.until("!['waiting', 'checking'].includes(document.getElementById('verdict').dataset.state)")
    text: str = browser.evaluate("document.querySelector('main').innerText")
    return text


def test_a_person_reads_what_a_dossier_proves(browser: Browser, tmp_path: Path) -> None:
    """Who has made it, about whom, in both languages; texts are opened, and stay texts."""
    text = shown(browser, tmp_path, made.dossier())
    assert "This dossier holds" in text
    assert "本卷宗验证通过" in text
    assert "77777777-7777-7777-7777-777777777777" in text
    assert "44444444-4444-4444-4444-444444444444" in text
    browser.evaluate("document.querySelectorAll('td button').forEach((each) => each.click())")
    assert made.NOTE.splitlines()[0] in browser.evaluate("document.querySelector('main').innerText")
    assert browser.evaluate("document.getElementById('verdict').className") == "card verdict holds"


def test_a_person_is_told_what_is_not_complete(browser: Browser, tmp_path: Path) -> None:
    """That the maker was shown a part, in both languages; it is marked as a part is."""
    text = shown(browser, tmp_path, made.bound(made.part()))
    assert "NOT COMPLETE: its maker may read some platforms only" in text
    assert "是否另有其他事实，未经证明" in text
    assert "no others about what was asked" not in text
    verdict = browser.evaluate("JSON.stringify([verdict.className, verdict.dataset.state])")
    assert verdict == '["card verdict part","part"]'


def test_a_person_is_told_which_file_was_changed(browser: Browser, tmp_path: Path) -> None:
    """In words, by name, and nothing of it is shown; every reason has its words."""
    text = shown(browser, tmp_path, made.with_files({"facts/raw.csv": b"other"}))
    assert "Do not rely on this dossier" in text
    assert "FILE_CHANGED" in text
    assert "facts/raw.csv" in text
    assert "请勿依赖本卷宗" in text
    assert browser.evaluate("document.getElementById('facts').hidden && document.getElementById('checked').hidden")
    reasons = {reason for reason, _, _ in lies().values()}
    assert reasons <= set(browser.evaluate("Object.keys(IN_DOSSIERS)"))
