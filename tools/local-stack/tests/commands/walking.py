"""A supervisor who has only the documents: types what stands there, opens pages, and reads what stands there."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from string import Template

from lxml import html
from ringfence import new_id
from ringfence.cli import app

ROOT = Path(__file__).parents[4]
README, GUIDE = ROOT / "README.md", ROOT / "docs" / "supervisor"
Page = Callable[[str], str]
"""Gives what a page of the console sends, by its path."""

_QUESTIONS = re.compile(r"^\| question \| command \| page \| you read \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
_CAPITALS = re.compile(r"^\| capitals below .*\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:sh|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_VARIES = re.compile(r"[0-9a-f]{4}…[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}-…|[0-9][0-9.:-]*")
_SET = re.compile(r"export (\w+)=\$\((.*?)\)")
_UNUSED = "UNUSED"
ORDERED = "payment-instruction.instruction.v1"
"""The fact that a payment was ordered; in the log's order it may come after that of its reservation."""


@dataclass(frozen=True)
class Question:
    """A question of the guide: what is typed, which page is opened, and what is read in the answer of each."""

    asked: str
    command: str
    page: str
    read: str
    read_on_page: str


def questions(text: str) -> list[Question]:
    """Gives the questions of a document in their order."""
    found = []
    for row in _rows(_QUESTIONS, text):
        asked, *cells, reads = row
        command, page = ((_codes(each) or [""])[0] for each in cells)
        read = _codes(reads)
        found.append(Question(asked, command, page, read[0], read[-1]))
    return found


def blocks(text: str) -> list[list[str]]:
    """Gives the lines of each block of a document, of what is typed and of what is shown."""
    return [block.splitlines() for block in _BLOCK.findall(text)]


def is_typed(line: str) -> bool:
    """Tells whether a line is typed, and not shown."""
    return line.startswith(("ringfence ", "export "))


def shape(line: str) -> str:
    """Gives a line that is shown without what another stack has otherwise: ids, numbers, times, widths of columns."""
    return " ".join(_VARIES.sub("#", line).split())


class Supervisor:
    """Types commands in this process; `values` is what stands for each word in capitals."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def learn(self, text: str) -> None:
        """Learns ids as a document says: from which list, and by what they are called there."""
        for capitals, command, called in _rows(_CAPITALS, text):
            meaning, _, name = called.partition(", ")
            listed = json.loads(self.types(f"{_codes(command)[0]} --json", notes=False))
            if meaning in listed[0]:
                found = [each[meaning] for each in listed]
            else:
                found = [each["id"] for each in listed if each["meaning"] == meaning and name in ("", each["called"])]
            assert found, f"{command} has no {called}"
            self.values[_codes(capitals)[0]] = found[0]

    def about(self, sought: str) -> Supervisor:
        """Gives one who looks at another payment; `NUMBER` is of the fact by which it was ordered."""
        search = f"ringfence search {shlex.quote(sought)} --json"
        facts, ids = (json.loads(self.types(f"{search}{each}", notes=False)) for each in ("", " --ids"))
        (payment,) = (each["id"] for each in ids if each["meaning"] == "payment")
        (ordered,) = (each["index"] for each in facts if each["kind"] == ORDERED)
        return Supervisor({**self.values, "ID": payment, "PAYMENT": payment, "NUMBER": ordered})

    def filled(self, text: str) -> str:
        """Puts values in the place of capitals; an id that was never used is another one each time."""
        for name, value in {**self.values, _UNUSED: str(new_id())}.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return text

    def reads(self, question: Question) -> str:
        """Types a question's command; gives what is printed, and what is in the tables that it writes."""
        printed = self.types(question.command)
        files = (Path(each) for each in shlex.split(question.command) if each.endswith(".csv"))
        return plain(" ".join([printed, *(file.read_text(encoding="utf-8") for file in files)]))

    def walks(self, text: str) -> Iterator[str]:
        """Types all that a document has typed; yields each line that it shows and that the last command has not."""
        printed = set[str]()
        for block in blocks(text):
            if is_typed(block[0]):
                printed = {shape(line) for each in block for line in self.types(each).splitlines()}
                continue
            for line in filter(str.strip, block):
                said = shape(line)
                if not (any(each.startswith(said[:-1]) for each in printed) if said.endswith("…") else said in printed):
                    yield line

    def types(self, line: str, *, notes: bool = True) -> str:
        """Types a line as a shell takes it; gives what is printed. Whatever ends a command with an error is raised."""
        if setting := _SET.match(line):
            name, command = setting.groups()
            os.environ[name] = self.types(command, notes=False).strip()
            return os.environ[name]
        words = shlex.split(self.filled(Template(line.partition("  #")[0]).substitute(os.environ)))
        assert words[0] == "ringfence", line
        said, noted = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(noted):
            app(words[1:], standalone_mode=False)
        return said.getvalue() + (noted.getvalue() if notes else "")


def typed_away(lines: list[str]) -> str:
    """Types lines in a shell of their own, as root without a network, and without a stack; gives what is printed."""
    away = ["unshare", "--net"] if os.geteuid() == 0 else []
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [*away, "bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        env={**os.environ, "PATH": path, "RINGFENCE_STACK": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def text_of(page: str) -> str:
    """Gives what a page shows, with one space between words."""
    (main,) = html.fromstring(page).xpath("//main")
    return " ".join(main.text_content().split())


def plain(printed: str) -> str:
    """Gives what a command prints, with one space between words."""
    return " ".join(printed.split())


def _rows(tables: re.Pattern[str], text: str) -> Iterator[list[str]]:
    for table in tables.findall(text):
        yield from (re.split(r"\s*\|\s*", row.strip("| ")) for row in table.splitlines())


def _codes(cell: str) -> list[str]:
    found: list[str] = re.findall("`([^`]+)`", cell)
    return found


ONLINE, OFFLINE = blocks(README.read_text(encoding="utf-8").partition("## Prove it")[2])[:2]
QUESTIONS = questions((GUIDE / "questions.md").read_text(encoding="utf-8"))
WALKED = ("first-proof", "find", "trace", "books", "access", "dossier")
"""Guides whose commands need no more than the demo's facts."""
