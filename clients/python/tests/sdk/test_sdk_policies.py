"""A policy that was given, or else the one that was kept, is demanded of every checkpoint that is believed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from click.testing import Result
from ringfence.cli import app
from ringfence.commands import complete, finding, tracing
from ringfence.console_host.history import History
from ringfence.finding import Finder
from ringfence.remembered import Remembered
from ringfence_verifier import Policy, VerificationError, verify_checkpoint
from ringfence_verifier.cosignature import ED25519
from ringfence_verifier.witness.keys import CosigningKey
from typer.testing import CliRunner

from clients.verifier.tests.answers import IndexedLog

from .logged import SIGNER, LoggedService
from .test_sdk_balances import Closed
from .test_sdk_console_facts import CLIENT, FACTS, moved

WITNESSES = [CosigningKey.of(f"witness.example/{at}", ED25519, bytes([at + 1]) * 32) for at in range(2)]
MISSING = "lacks its quorum of witnesses"


def policy_by(at: int) -> bytes:
    """A policy that demands one of them."""
    return f"log {SIGNER.vkey}\nwitness w {WITNESSES[at].public.text()}\nquorum w\n".encode()


def cosigned(note: str) -> str:
    """A checkpoint that the first has seen."""
    text = note.partition("\n\n")[0] + "\n"
    return note + WITNESSES[0].line(text, verify_checkpoint(note, SIGNER.vkey), 1_800_000_000)


class CosignedLog(IndexedLog):
    """A log of which all checkpoints are cosigned."""

    @property
    def note(self) -> bytes:
        """With that line."""
        return cosigned(super().note.decode()).encode()


def keep(folder: Path, at: int) -> Remembered:
    """Keeps a policy, as `ringfence verify log --policy` does."""
    remembered = Remembered(folder / "checkpoints")
    remembered.keep_policy(SIGNER.name, policy_by(at))
    return remembered


@pytest.fixture
def service() -> LoggedService:
    """A log whose newest checkpoint is cosigned, and those that come with its answers are not."""
    made = LoggedService.of(*FACTS)
    made.published = cosigned
    return made


@pytest.fixture
def run(service: LoggedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `ringfence` as a regulator of that log."""
    audit = service.audit
    connection: Any = SimpleNamespace(call=service._call)
    found = Finder(grpc.insecure_channel("127.0.0.1:1"), connection, audit)
    client = SimpleNamespace(audit=audit, finding=found, credentials=SimpleNamespace(folder=tmp_path))
    for module in (complete, finding, tracing):
        monkeypatch.setattr(module, "client_as", lambda principal: nullcontext(client))
    return lambda *given: CliRunner().invoke(app, [*given, "--as", "regulator", "--key", SIGNER.vkey])


@pytest.mark.parametrize(
    "asked",
    [
        ("search", str(CLIENT)),
        ("search", "#1"),
        ("trace", str(CLIENT)),
        ("about", str(CLIENT)),
        ("answer", str(CLIENT)),
    ],
    ids=lambda asked: " ".join(asked)[:8],
)
def test_a_kept_policy_is_demanded_of_answers(
    run: Callable[..., Result], tmp_path: Path, asked: tuple[str, ...]
) -> None:
    """Not of the newest checkpoint alone: an answer that nobody has cosigned is not believed."""
    assert run(*asked).exit_code == 0
    keep(tmp_path, 0)
    assert MISSING in str(run(*asked).exception)


def test_a_given_policy_takes_the_place_of_the_kept_one(
    service: LoggedService, run: Callable[..., Result], tmp_path: Path
) -> None:
    """Whichever is the stricter."""
    given = tmp_path / "given"
    given.write_bytes(policy_by(0))
    keep(tmp_path, 1)
    service.log, service.published = CosignedLog(FACTS, len(FACTS), SIGNER), str
    assert MISSING in str(run("answer", str(CLIENT)).exception)
    assert run("answer", str(CLIENT), "--policy", str(given)).exit_code == 0


@pytest.mark.parametrize("way", ["follow", "stated", "accept"])
@pytest.mark.parametrize("is_given", [True, False])
def test_the_console_demands_it_of_each_checkpoint(
    service: LoggedService, tmp_path: Path, is_given: bool, way: str
) -> None:
    """However it comes: as the newest, with what the log knew, or with an answer."""
    remembered, note = Remembered(tmp_path / "checkpoints"), service.log.note.decode()
    if not is_given:
        keep(tmp_path, 0)
    history = History(service.audit, SIGNER.vkey, remembered, Policy.parse(policy_by(0)) if is_given else None)

    def taken(shown: str) -> int:
        service.published = lambda _: shown
        if way == "accept":
            return history.accept(shown).size
        return (history.follow() if way == "follow" else history.stated().checkpoint).size

    with pytest.raises(VerificationError, match=MISSING):
        taken(note)
    assert taken(cosigned(note)) == len(FACTS) + 1


def test_an_older_checkpoint_is_held_to_it_too(service: LoggedService, tmp_path: Path) -> None:
    """One that what is remembered extends."""
    older = service.log.note.decode()
    history = History(service.audit, SIGNER.vkey, Remembered(tmp_path), Policy.parse(policy_by(0)))
    service.grow(moved(9))
    history.follow()
    assert history.accept(cosigned(older)).size == len(FACTS) + 1
    with pytest.raises(VerificationError, match=MISSING):
        history.accept(older)


@pytest.mark.parametrize("is_given", [True, False])
def test_a_balance_is_held_to_it(tmp_path: Path, is_given: bool) -> None:
    """Its proof, the fact of its closing, and its account's."""
    log, file = Closed(tmp_path), tmp_path / "policy"
    assert log.command().balance
    log.service.published = cosigned
    file.write_bytes(policy_by(0))
    if not is_given:
        keep(tmp_path, 0)
    with pytest.raises(VerificationError, match=MISSING):
        log.command(policy=file if is_given else None)
