"""A checkpoint is published once enough witnesses have cosigned it (C2SP tlog-witness); till then an older stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_kernel.telemetry import logs

from ringfence_audit.log.domain.checkpoint import Checkpoint, base64_text
from ringfence_audit.log.domain.errors import LogRolledBack, WitnessesMissing
from ringfence_audit.log.domain.witnesses import NO_WITNESSES, Policy, Witness

ANSWER_SECONDS = 2.0
GREEDY_SECONDS = 0.2
"""For so long others are waited for once there is a quorum."""
ATTEMPTS = 3
OK, CONFLICT, NOT_CONSISTENT = 200, 409, 422
_LOG = logs.get(__name__)


class WitnessAway(Exception):
    """A witness cannot be asked now."""


class Witnesses(Protocol):
    """Asks witnesses."""

    async def add_checkpoint(self, witness: Witness, body: bytes) -> tuple[int, str]:
        """Returns status and text of the answer; raises WitnessAway."""

    def cosignatures(self, witness: Witness, answer: str, checkpoint: Checkpoint) -> str:
        """Returns the lines of an answer that are the witness's valid cosignatures of a checkpoint, no others."""


class Refusal(Exception):
    """A witness has seen what this log does not go on from."""


@dataclass(slots=True)
class Publishing:
    """Gathers cosignatures. `proof` gives the consistency proof between two sizes of the log; it blocks."""

    policy: Policy = NO_WITNESSES
    witnesses: Witnesses | None = None
    proof: Callable[[int, int], Sequence[bytes]] = lambda old, new: ()
    disputed: bool = False
    """Whether a witness has seen another history of this log."""
    _sizes: dict[str, int] = field(default_factory=dict)

    async def cosigned(self, checkpoint: Checkpoint, note: str) -> str:
        """Gives the note with the cosignatures that came in time.

        Raises WitnessesMissing where they are no quorum, and LogRolledBack where a witness has seen a larger log, or
        one of which this is no extension: whoever is named in the policy is believed.
        """
        asked = {each.name: asyncio.create_task(self._ask(each, checkpoint, note)) for each in self.policy.witnesses}
        try:
            lines = await self._gathered(asked)
        finally:
            for task in asked.values():
                task.cancel()
        self.disputed = False
        if not self.policy.is_met(lines):
            missing = ", ".join(sorted(asked.keys() - lines.keys()))
            raise WitnessesMissing(f"without {missing} there is no quorum", size=str(checkpoint.size))
        return note + "".join(lines[name] for name in sorted(lines))

    async def _gathered(self, asked: dict[str, asyncio.Task[str]]) -> dict[str, str]:
        """Waits for everybody, though not for long once there is a quorum; returns lines by name."""
        lines: dict[str, str] = {}
        waiting = set(asked.values())
        names = {task: name for name, task in asked.items()}
        while waiting:
            patience = GREEDY_SECONDS if self.policy.is_met(lines) else None
            done, waiting = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            for task in done:
                try:
                    lines[names[task]] = task.result()
                except WitnessAway as away:
                    _LOG.warning("witness_away", witness=names[task], detail=str(away))
                except Refusal as refusal:
                    self._dispute(names[task], str(refusal))
        return lines

    def _dispute(self, witness: str, detail: str) -> None:
        if not self.disputed:
            _LOG.critical("log_disputed", witness=witness, detail=detail)
        self.disputed = True
        raise LogRolledBack(witness=witness)

    async def _ask(self, witness: Witness, checkpoint: Checkpoint, note: str) -> str:
        """Returns a witness's cosignature lines; raises WitnessAway and Refusal."""
        assert self.witnesses is not None
        for _ in range(ATTEMPTS):
            old = self._sizes.get(witness.name, 0)
            proof = await asyncio.to_thread(self.proof, old, checkpoint.size) if old else ()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    status, answer = await self.witnesses.add_checkpoint(witness, _request(old, proof, note))
            except TimeoutError:
                raise WitnessAway("no answer in time") from None
            if status == OK:
                if lines := self.witnesses.cosignatures(witness, answer, checkpoint):
                    self._sizes[witness.name] = checkpoint.size
                    return lines
                raise WitnessAway("its answer has no cosignature by its key")
            if status == NOT_CONSISTENT:
                raise Refusal(f"size {checkpoint.size} does not extend what it saw at {old}")
            if status != CONFLICT:
                raise WitnessAway(f"it answers {status}")
            self._sizes[witness.name] = self._newer(_size(answer), old, checkpoint)
        raise WitnessAway("its size changes as it is asked")

    @staticmethod
    def _newer(size: int, old: int, checkpoint: Checkpoint) -> int:
        if size > checkpoint.size:
            raise Refusal(f"it has seen {size} leaves, and here are {checkpoint.size}")
        if size == old == checkpoint.size:
            raise Refusal(f"it has seen another root at size {size}")
        return size


def _request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    return "".join(f"{line}\n" for line in (f"old {old}", *map(base64_text, proof), "")).encode() + note.encode()


def _size(answer: str) -> int:
    text = answer.removesuffix("\n")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise WitnessAway("it names no size")
    return int(text)
