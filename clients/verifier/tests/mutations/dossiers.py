"""Changes to a dossier that holds, each by its number, and the files that a refusal may name for it.

`python -m clients.verifier.tests.mutations.dossiers` (part of `make mutations`) makes 20,000 of them, and has the Go
team's packages judge the receipts of a dossier, as they are and changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ringfence_verifier.dossier import DossierRefused, verify_dossier
from ringfence_verifier.dossier.container import Entry, pack

from .. import dossiers as made
from ..refused import SIGNER
from . import pieces
from .cases import Case, judged

ROOT = Path(__file__).resolve().parents[4]
ANY = ("",)
"""No file in particular: the container as a whole."""


@dataclass(frozen=True)
class Changed:
    """A changed dossier: what was done to it, and which files a refusal may name."""

    done: str
    content: bytes
    entries: tuple[str, ...]


def changed(number: int) -> Changed:
    """Returns the change of a number, the same on every machine; the content always differs from the dossier's."""
    chance = Random(f"ringfence/dossier/{number}")
    while True:
        found = _CHANGES[number % len(_CHANGES)](chance, made.entries())
        if found.content != made.dossier():
            return found


def fault(case: Changed) -> str:
    """Says what is wrong with how a change is judged; nothing where it is refused, and the right file named."""
    try:
        verify_dossier(case.content, SIGNER.vkey)
    except DossierRefused as error:
        # Where the length of a name is another, it is named by so much of it, or by more.
        is_named = error.entry in case.entries or any(
            each and error.entry and (error.entry.startswith(each) or each.startswith(error.entry))
            for each in case.entries
        )
        return "" if is_named else f"{case.done}: {error.entry!r} named for {case.entries}: {error}"
    except Exception as error:
        return f"{case.done}: crashed by {error!r}"
    return f"{case.done}: accepted"


def _flipped(chance: Random, entries: list[Entry]) -> Changed:
    """A bit of one file, in its place in the container."""
    at = chance.randrange(len(entries))
    name, content = entries[at]
    start = made.dossier().index(content, _start(entries, at))
    offset = start + chance.randrange(len(content))
    whole = made.dossier()
    done = whole[:offset] + bytes([whole[offset] ^ 1 << chance.randrange(8)]) + whole[offset + 1 :]
    return Changed("a bit flipped", done, (name,))


def _written_anew(chance: Random, entries: list[Entry]) -> Changed:
    """One file with other content, in a container that is as it should be."""
    at = chance.randrange(len(entries))
    name, content = entries[at]
    return Changed(
        "a file changed", pack([*entries[:at], (name, pieces.raw(chance, content)), *entries[at + 1 :]]), (name,)
    )


def _left_out(chance: Random, entries: list[Entry]) -> Changed:
    at = chance.randrange(len(entries))
    return Changed("a file left out", pack(entries[:at] + entries[at + 1 :]), (entries[at][0],))


def _added(chance: Random, entries: list[Entry]) -> Changed:
    name = chance.choice(("answers/001-002", "receipts/000000000070", "log/keys/001", "notes.txt", "facts/raw.xlsx"))
    at = chance.randrange(len(entries) + 1)
    content = chance.choice((b"", chance.choice(entries)[1]))
    # A key receipt that is none is refused before the manifest can say that there is none.
    return Changed("a file added", pack([*entries[:at], (name, content), *entries[at:]]), (name,))


def _reordered(chance: Random, entries: list[Entry]) -> Changed:
    one, other = sorted(chance.sample(range(len(entries)), 2))
    moved = [*entries[:one], *entries[one + 1 : other + 1], entries[one], *entries[other + 1 :]]
    return Changed("files reordered", pack(moved), (moved[one][0],))


def _exchanged(chance: Random, entries: list[Entry]) -> Changed:
    one, other = chance.sample(range(len(entries)), 2)
    swapped = list(entries)
    swapped[one], swapped[other] = (entries[one][0], entries[other][1]), (entries[other][0], entries[one][1])
    return Changed("contents exchanged", pack(swapped), (entries[one][0], entries[other][0]))


def _container(chance: Random, entries: list[Entry]) -> Changed:
    """A bit of what stands before a file: it is named, or the one before it, or its new name."""
    at = chance.randrange(len(entries))
    start = _start(entries, at)
    offset = start + chance.randrange(30 + len(entries[at][0]))
    whole = made.dossier()
    done = whole[:offset] + bytes([whole[offset] ^ 1 << chance.randrange(8)]) + whole[offset + 1 :]
    before = [entries[at - 1][0]] if at else ANY
    return Changed("a header changed", done, (entries[at][0], *before))


def _directory(chance: Random, entries: list[Entry]) -> Changed:
    whole, start = made.dossier(), _start(entries, len(entries))
    # Without its first bytes a directory is none: the file before it is what can be named.
    done = whole[:start] + pieces.raw(chance, whole[start:])
    return Changed("the directory changed", done, (*ANY, entries[-1][0]))


def _cut(chance: Random, entries: list[Entry]) -> Changed:
    """Cut off somewhere: what is no longer whole is named, or the manifest, which stands behind the other files."""
    end = chance.randrange(len(made.dossier()))
    at = max(each for each in range(len(entries)) if _start(entries, each) <= end)
    before = [entries[at - 1][0]] if at else []
    return Changed("cut off", made.dossier()[:end], (entries[at][0], *before, *ANY))


_CHANGES: Sequence[Callable[[Random, list[Entry]], Changed]] = (
    _flipped, _flipped, _written_anew, _written_anew, _left_out, _added, _reordered, _exchanged, _container,
    _directory, _cut,
)  # fmt: skip


def _start(entries: Sequence[Entry], at: int) -> int:
    """Where the header of a file stands."""
    return sum(30 + len(name) + len(content) for name, content in entries[:at])


def receipts(number: int) -> Case:
    """A receipt of the dossier, as it is or changed, for the oracle of the Go team's packages."""
    chance = Random(f"ringfence/dossier/receipt/{number}")
    names = [(name, content) for name, content in made.entries() if name.startswith("receipts/") or "binding/r" in name]
    _, content = chance.choice(names)
    is_changed = number % 2 == 1
    note = pieces.raw(chance, content) if is_changed else content
    done = "raw" if is_changed else "none"
    return Case(number, "receipt", done, {"note": note, "key": SIGNER.vkey.encode(), "leaf": None})


def main(arguments: Sequence[str]) -> int:
    """Judges, prints, and returns the exit code: 1 where something was accepted, crashed or named wrongly."""
    from .oracles import Go

    parser = argparse.ArgumentParser(prog="make mutations", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    count = parser.parse_args(arguments).cases
    began, faults, done = time.monotonic(), list[str](), Counter[str]()
    for number in range(count):
        case = changed(number)
        done[case.done] += 1
        faults += [f"change {number}, {found}"] if (found := fault(case)) else []
    asked = [receipts(number) for number in range(count // 10)]
    accepted = Counter[str]()
    for case, theirs in zip(asked, Go(ROOT / ".mutations" / "oracle")(asked), strict=True):
        ours = judged(case)
        accepted[case.mutation] += ours.accepted
        if ours.accepted and (theirs is None or not theirs.accepted or theirs.said not in (None, ours.said)):
            faults.append(f"{case}: accepted as {ours.said}, not by Go")
        if case.mutation == "none" and not ours.accepted:
            faults.append(f"{case}: refused unchanged, {ours.said}")
    print("\n".join(f"dossier      {name:24}{number:10,}  refused" for name, number in sorted(done.items())))
    print(
        f"receipts of it: {len(asked):,}, judged by Go too; accepted unchanged {accepted['none']:,}, "
        f"changed {accepted['raw']:,}"
    )
    print(f"{count:,} changed dossiers in {time.monotonic() - began:.0f} s, {len(faults)} faults")
    print("\n".join(faults[:20]), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
