"""Somebody outside the sandbox, and the operators who let them in: they type what their own documents say, in order.

Nobody here knows of a stack on this machine. What one hands to the other is what the documents say is sent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.programs import find_bao
from ringfence_local_stack.sandbox.birth import OPERATORS, principals_folder
from ringfence_local_stack.servers.certificates import TRUST_DOMAIN
from ringfence_local_stack.stack.running import RunningStack

from . import walking

INVITATION, PROOF = walking.GUIDE / "invitation.md", walking.GUIDE / "first-proof.md"
LETTING_IN = walking.ROOT / "docs" / "operator" / "let-a-supervisor-in.md"
_SANDBOX_ONLY = re.compile(r"^```sh\nexport RINGFENCE_AS=\$\(.*?^```\n", re.DOTALL | re.MULTILINE)
"""The step of the first proof in whose place the invitation is."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


OFFLINE = [
    line
    for block in walking.blocks(PROOF.read_text(encoding="utf-8"))
    for line in block
    if line.startswith("ringfence verify ") and " --as " not in line
]
"""What the first proof has typed on a machine that is connected to nothing."""


@contextmanager
def nowhere() -> Iterator[None]:
    """While the block lasts this process has an environment that knows of no stack, no principal and no key."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("RINGFENCE_", "KEY"))}
    with patch.dict(os.environ, {**left, "RINGFENCE_STACK": "/nowhere"}, clear=True):
        yield


class Person(walking.Supervisor):
    """Types a document's blocks in a folder of their own; a line that is no command of ours is a shell's."""

    def __init__(self, document: Path, folder: Path, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.folder = private_folder(folder)
        text = document.read_text(encoding="utf-8")
        self.left = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    def goes_on(self) -> list[str]:
        """Types the next block; gives what each line prints. The last id that a line prints is the `PROPOSAL`.

        A list of all that waits names others too.
        """
        with chdir(self.folder):
            printed = []
            for line in self.left.pop(0).splitlines():
                printed.append(self.types(line, notes=False))
                if (found := _ID.findall(printed[-1])) and not line.startswith("ringfence proposals"):
                    self.values["PROPOSAL"] = found[-1]
            return printed

    def proposed(self, listed: str) -> str:
        """Gives what the `PROPOSAL` would do, out of the table of all that waits; without spaces, as it is folded."""
        lines = listed.splitlines()
        (head,) = (line for line in lines if "proposed by" in line)
        rows = [number for number, line in enumerate(lines) if _ID.match(line.strip())] + [len(lines)]
        (row,) = (number for number in rows[:-1] if lines[number].strip().startswith(self.values["PROPOSAL"]))
        within = slice(head.index("what"), head.index("proposed by"))
        return "".join("".join(line[within].split()) for line in lines[row : rows[rows.index(row) + 1]])

    def types(self, line: str, *, notes: bool = True) -> str:
        """Types a line; what it exports holds for those after it."""
        if line.startswith("ringfence "):
            return super().types(line, notes=notes)
        script = f"{self.filled(line)}\nenv -0 > .environment"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False, timeout=180
        )
        assert done.returncode == 0, done.stderr
        if line.startswith("export "):
            left = Path(".environment").read_text(encoding="utf-8").rstrip("\0").split("\0")
            os.environ.update(dict(each.split("=", 1) for each in left))
        return done.stdout

    def sends(self, file: str, to: Person) -> None:
        """Gives somebody a copy of a file."""
        shutil.copy(self.folder / file, to.folder)


def let_in(stack: RunningStack, folder: Path, known: Mapping[str, str]) -> Person:
    """Has a reader and two operators type their documents to the end; gives the reader, who is in.

    `known` has the PLATFORM, and the log's KEY as it stands on paper. Changes the environment of this process.
    """
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    told = {"PLATFORM": known["PLATFORM"], "LOGKEY": known["KEY"], "UNTIL": until}
    bao, (first, second) = stack.openbao, (str(principals_folder(stack.directory) / each) for each in OPERATORS)
    os.environ.update(VAULT_ADDR=bao.address, VAULT_CACERT=str(bao.ca_file))
    os.environ["PATH"] = f"{find_bao().parent}:{os.environ['PATH']}"
    operators = Person(LETTING_IN, folder / "operators", {**told, "OPERATOR": first, "SECOND": second})
    write_private(operators.folder / "operator.token", bao.admin_token)
    reader = Person(INVITATION, folder / "reader", {**told, "DOMAIN": TRUST_DOMAIN, **_addresses(stack)})

    operators.goes_on()
    (own_key,) = reader.goes_on()
    for file in ("client.csr", "principal.json"):
        reader.sends(f"invitation/{file}", operators)
    operators.goes_on()
    operators.goes_on()
    for file in ("client.pem", "workload-ca.pem"):
        operators.sends(file, reader)
    (completed,) = reader.goes_on()
    (listed,) = operators.goes_on()
    key, certificate = ("".join(each.split()) for each in completed.splitlines())
    assert key == "".join(own_key.split())
    assert [each for each in (key, certificate) if each not in operators.proposed(listed)] == []
    operators.goes_on()
    reader.goes_on()
    assert (operators.left, reader.left) == ([], [])
    return reader


def unproven(reader: Person) -> Iterator[str]:
    """Types the guide to the first proof, from its third step on; yields each line that it shows and nothing prints."""
    text, sandbox = _SANDBOX_ONLY.subn("", PROOF.read_text(encoding="utf-8"))
    assert sandbox == 1
    with chdir(reader.folder):
        yield from reader.about("60.25 EUR").walks(text)


def _addresses(stack: RunningStack) -> dict[str, str]:
    words = {"IDENTITY": "identity", "CUSTODY": "custody", "PAYMENTS": "payment-instruction", "AUDIT": "audit"}
    return {word: stack.addresses[service] for word, service in words.items()}
