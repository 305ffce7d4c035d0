"""A checkpoint is published once enough witnesses have cosigned it (C2SP tlog-witness); till then an older stands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

from ringfence_audit.log.domain.checkpoint import Checkpoint, base64_text
from ringfence_audit.log.domain.errors import LogDamaged, LogRolledBack
from ringfence_audit.log.domain.witnesses import NO_WITNESSES, Policy, Witness

ANSWER_SECONDS = 2.0
GREEDY_SECONDS = 0.2
"""For so long others are waited for once there is a quorum; who comes later is heard all the same."""
ATTEMPTS = 3
OK, CONFLICT, NOT_CONSISTENT = 200, 409, 422
_LOG = logs.get(__name__)


class WitnessAway(Exception):
    """A witness cannot be asked now."""


class Refusal(Exception):
    """A witness has seen what this log does not go on from."""


class Witnesses(Protocol):
    """Asks witnesses."""

    async def add_checkpoint(self, witness: Witness, body: bytes) -> tuple[int, str]:
        """Returns status and text of the answer; raises WitnessAway."""

    def cosignature(self, witness: Witness, answer: str, checkpoint: Checkpoint) -> str:
        """Returns the line of an answer that is the witness's newest valid cosignature of a checkpoint, if any."""


async def _never(checkpoint: Checkpoint) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A note with the cosignatures that came in time; where they are no quorum, who is missing."""

    note: str
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Publishing:
    """Gathers cosignatures.

    `is_open` says that a checkpoint may be published without a quorum, once the log owns up to it in a leaf.

    `proof` gives the consistency proof from a size of the log to a larger one with its root; it blocks, and raises
    LogDamaged where there is none. `is_overtaken` tells whether another
    process has signed more than a checkpoint has: then a witness that has seen more is no sign of another history.
    """

    policy: Policy = NO_WITNESSES
    witnesses: Witnesses | None = None
    proof: Callable[[int, int, bytes], Sequence[bytes]] = lambda old, new, root: ()
    is_overtaken: Callable[[Checkpoint], Awaitable[bool]] = _never
    is_open: bool = False
    _sizes: dict[str, int] = field(default_factory=dict)
    _under_way: dict[str, asyncio.Task[str]] = field(default_factory=dict)
    _disputing: set[str] = field(default_factory=set)
    _has_asked: bool = False
    _damaged: LogDamaged | None = None

    @property
    def disputed(self) -> bool:
        """Whether a witness has seen another history of this log, and has not cosigned this one since."""
        return bool(self._disputing)

    @property
    def disputed_by(self) -> frozenset[str]:
        """Key names of those who dispute the log: a name that a policy gives may be another's in the next one."""
        return frozenset(each.key_name for each in self.policy.witnesses if each.name in self._disputing)

    def remember(self, disputed_by: Collection[str]) -> None:
        """Takes up who disputed the log when another process was at it; whom the policy names no more is forgotten."""
        self._disputing |= {each.name for each in self.policy.witnesses if each.key_name in disputed_by}

    async def cosigned(self, checkpoint: Checkpoint, note: str) -> Cosigned:
        """Gives the note with the cosignatures that came in time.

        Raises LogRolledBack where a witness has seen a larger log, or one of which this is no extension, and has not
        cosigned since: whoever is named in the policy is believed. Raises LogDamaged where there is no proof for one.
        """
        free = [each for each in self.policy.witnesses if each.name not in self._under_way]
        try:
            lines = await self._gathered([self._begun(each, checkpoint, note) for each in free])
        except asyncio.CancelledError:
            for task in self._under_way.values():
                task.cancel()
            raise
        self._has_asked = True
        if self._disputing:
            raise LogRolledBack(witness=", ".join(sorted(self._disputing)))
        damaged, self._damaged = self._damaged, None
        if damaged is not None:
            raise damaged
        missing = sorted({each.name for each in self.policy.witnesses} - lines.keys())
        text = note + "".join(lines[name] for name in sorted(lines))
        return Cosigned(text, () if self.policy.is_met(lines) else tuple(missing))

    def _begun(self, witness: Witness, checkpoint: Checkpoint, note: str) -> asyncio.Task[str]:
        """Asks beside all others; what comes of it is taken in whether or not anybody waits for it still."""
        task = asyncio.create_task(self._heard(witness, checkpoint, note), name=witness.name)
        self._under_way[witness.name] = task
        task.add_done_callback(lambda _: self._under_way.pop(witness.name, None))
        return task

    async def _gathered(self, asked: Sequence[asyncio.Task[str]]) -> dict[str, str]:
        """Returns lines by name, from those who answer in time.

        The first time everybody is waited for: who disputes is not known before.
        """
        waiting, lines = set(asked), dict[str, str]()
        loop = asyncio.get_running_loop()
        until = loop.time() + 2 * ANSWER_SECONDS  # each ends by itself before
        while waiting and (left := until - loop.time()) > 0:
            done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            lines |= {task.get_name(): task.result() for task in done if task.result()}
            if self._has_asked and self.policy.is_met(lines):
                until = min(until, loop.time() + GREEDY_SECONDS)
        return lines

    async def _heard(self, witness: Witness, checkpoint: Checkpoint, note: str) -> str:
        """Returns a witness's cosignature line, empty where there is none, and remembers whether it disputes."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self._ask(witness, checkpoint, note)
        except Refusal as refusal:
            await self._dispute(witness.name, checkpoint, str(refusal))
            return ""
        except (WitnessAway, TimeoutError) as away:
            _LOG.warning("witness_away", witness=witness.name, detail=str(away) or "no answer in time")
            return ""
        except LogDamaged as damaged:
            # It is here that something is wrong, and nothing is shown of it.
            self._damaged = damaged
            return ""
        except Exception:
            # What one witness answers is no reason to have no checkpoint by the others.
            _LOG.exception("witness_failed", witness=witness.name)
            return ""
        self._disputing.discard(witness.name)
        return line

    async def _dispute(self, witness: str, checkpoint: Checkpoint, detail: str) -> None:
        try:
            if await self.is_overtaken(checkpoint):
                return
        except DomainError as error:
            _LOG.warning("witness_away", witness=witness, detail=f"{detail}; {error.reason}")
            return
        if witness not in self._disputing:
            _LOG.critical("log_disputed", witness=witness, detail=detail)
        self._disputing.add(witness)

    async def _ask(self, witness: Witness, checkpoint: Checkpoint, note: str) -> str:
        """Returns a witness's cosignature line; raises WitnessAway and Refusal."""
        assert self.witnesses is not None
        for _ in range(ATTEMPTS):
            old = self._sizes.get(witness.name, 0)
            proof = await asyncio.to_thread(self.proof, old, checkpoint.size, checkpoint.root) if old else ()
            status, answer = await self.witnesses.add_checkpoint(witness, _request(old, proof, note))
            if status == OK:
                if line := self.witnesses.cosignature(witness, answer, checkpoint):
                    self._sizes[witness.name] = checkpoint.size
                    return line
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
