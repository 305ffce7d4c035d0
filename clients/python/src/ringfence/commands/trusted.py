"""What evidence is checked against: the log's public key and a policy of witnesses, as they are typed."""

from pathlib import Path
from typing import Annotated

import typer
from ringfence_verifier import KeySuccession, Policy, VerificationError, VerifierKey

from ringfence.remembered import Remembered

LOG_KEY = "RINGFENCE_LOG_KEY"
"""The variable that gives the log's public key to commands that ask the log, so that it is typed once."""
Key = Annotated[str, typer.Option("--key", help="The log's public key (C2SP vkey), or a file that holds it.")]
AskedKey = Annotated[
    str, typer.Option("--key", envvar=LOG_KEY, help="The log's public key (C2SP vkey), or a file that holds it.")
]
"""The same of a command that asks the log and has no key of a sandbox's."""
LogKey = Annotated[
    str, typer.Option("--key", envvar=LOG_KEY, help="The log's public key; the sandbox's where left out.")
]
Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys", exists=True, dir_okay=False, help="The keys that the log was followed to, as `verify log` keeps them."
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", exists=True, dir_okay=False, help="A witness policy (C2SP tlog-policy) to be met."),
]
REMEMBERED = "checkpoints"
"""The folder beside credentials for what was seen of the log."""


def key_of(text: str) -> str:
    """Gives the vkey that was typed, or that stands in the file that was named."""
    path = Path(text)
    return text_of(path).strip() if "+" not in text and path.is_file() else text


def keys_of(text: str, file: Path | None) -> str | KeySuccession:
    """Gives the vkey that was typed, or the keys that it was followed to, where a file has them.

    With the one alone nobody sees that it has ended. Raises VerificationError where it is none of those in the file.
    """
    vkey = key_of(text)
    if file is None:
        return vkey
    keys = KeySuccession.restored(text_of(file))
    if VerifierKey.parse(vkey).text() not in {each.vkey for each in keys.keys}:
        raise VerificationError(f"the key that is given is none of those in {file}")
    return keys


def policy_of(file: Path | None) -> Policy | None:
    """Reads a policy, if one was named; raises VerificationError, naming the file, where it is none."""
    return read_policy(file, file.read_bytes()) if file is not None else None


def read_policy(file: Path, content: bytes) -> Policy:
    """Reads what stands in a file as a policy; raises VerificationError, naming it, where it is none."""
    if not content:
        raise VerificationError(f"{file} is empty: it holds no policy")
    try:
        return Policy.parse(content)
    except VerificationError as error:
        raise VerificationError(f"{file}: {error}") from None


def demanded(file: Path | None, remembered: Remembered | None, vkey: str) -> Policy | None:
    """Gives the policy that was named, or else the one that was kept of the key's log; raises VerificationError."""
    given = policy_of(file)
    return given if remembered is None else remembered.demanded(VerifierKey.parse(vkey).name, given)


def text_of(file: Path) -> str:
    """Reads a text; raises VerificationError where it is none."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise VerificationError(f"{file} is not text") from None
