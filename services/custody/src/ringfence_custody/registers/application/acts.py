"""Acts of two people on the registers, and what a letter does to its mirror in the same commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import ID_BYTES, show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.ledger.application.recording import record
from ringfence_custody.ledger.application.state import State as Books
from ringfence_custody.ledger.domain.mirrors import decide_letter, mirror_of
from ringfence_custody.registers.domain import commands as c
from ringfence_custody.registers.domain.days import day_of
from ringfence_custody.registers.domain.deciding import Deciding, due, stream_of
from ringfence_custody.registers.domain.records import Letter, bank_id
from ringfence_custody.registers.domain.state import State

SAYS: dict[type[c.Command], tuple[str, str]] = {
    c.RegisterBank: ("custody.RegisterBank", "register the bank"),
    c.SendLetter: ("custody.SendLetter", "register that a letter was sent"),
    c.CountersignLetter: ("custody.CountersignLetter", "let money move over a mirror: the bank has countersigned"),
    c.ExemptMirror: ("custody.ExemptMirror", "let money move over a mirror without a letter"),
    c.ReviewLetter: ("custody.ReviewLetter", "register that a letter was reviewed, and stands"),
    c.EndLetter: ("custody.EndLetter", "end a letter, and stop a mirror that has no other"),
    c.Appoint: ("custody.Appoint", "appoint"),
    c.EndAppointment: ("custody.EndAppointment", "end an appointment"),
}
"""Commands, each with its effect, and how what it does is told."""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Acts:
    """Proposes, and carries out what a second person has confirmed."""

    writer: GroupWriter
    state: State
    books: Books
    proposals: Proposals

    def effects(self) -> list[Effect]:
        """Returns these acts, for the proposals to know."""
        return [self._effect(kind, name) for kind, (name, _) in SAYS.items()]

    def _effect(self, kind: type[c.Command], name: str) -> Effect:
        def command_of(proposal: Proposal) -> c.Command:
            return plain.decode(memoryview(proposal.payload), kind)

        return Effect(
            name=name,
            basis=lambda proposal: self._basis(command_of(proposal)),
            carry_out=lambda unit, proposal, hand: self._carry_out(unit, proposal, hand, command_of),
            describe=lambda proposal: self._describe(command_of(proposal)),
        )

    async def propose(self, command: c.Command, caller: Caller) -> bytes:
        """Returns what another operator has to confirm, empty where nothing would change; raises the refusal."""

        def decide(unit: Unit) -> bytes:
            if not Deciding(self.state, caller.subject, b"", day_of(unit.now_ns)).events(command):
                return b""
            subject, tenant = self._subject(command)
            return self.proposals.propose(
                unit,
                SAYS[type(command)][0],
                subject=subject,
                tenant=tenant,
                payload=plain.encode(command),
                caller=caller,
            )

        return await self.writer.commit(decide)

    async def due_today(self) -> int:
        """Records which reviews fall due by the UTC day."""
        today = await self.writer.commit(lambda unit: day_of(unit.now_ns))
        return await self.due(today)

    async def due(self, day: int) -> int:
        """Records which reviews fall due by a day, days since 1970-01-01, each once; returns how many."""

        return await self.writer.commit(lambda unit: self._due(unit, day))

    def on_day(self, unit: Unit, calendar: str, day: int) -> None:
        """Records which reviews fall due by a business day, in the commit that opens it."""
        self._due(unit, day)

    def _due(self, unit: Unit, day: int) -> int:
        events = due(self.state, day)
        for event in events:
            unit.record(stream_of(event), event)
        return len(events)

    def _carry_out(
        self, unit: Unit, proposal: Proposal, hand: Hand, command_of: Callable[[Proposal], c.Command]
    ) -> None:
        proposer = proposal.proposer.principal
        deciding = Deciding(self.state, proposer, hand.principal, day_of(unit.now_ns))
        command = command_of(proposal)
        for event in deciding.events(command):
            unit.record(stream_of(event), event)
        if isinstance(command, c.CountersignLetter | c.ExemptMirror | c.EndLetter):
            self._move_mirror(unit, self.state.letters[command.letter], proposer)

    def _move_mirror(self, unit: Unit, letter: Letter, by: bytes) -> None:
        """Has the ledger follow what stands for the letter's mirror now."""
        book = self.books.book(letter.tenant)
        mirror = mirror_of(book, letter.account)
        event = decide_letter(
            book,
            mirror,
            stands=self.state.in_force(letter.tenant, letter.account) is not None,
            decided_by=by,
            reason=f"letter {show(letter.id)}",
            now_ns=unit.now_ns,
        )
        record(unit, letter.tenant, book, event)

    def _subject(self, command: c.Command) -> tuple[bytes, bytes]:
        """Returns what a command is about, and whose it is: the mirror of a letter, a bank, an appointment."""
        match command:
            case c.RegisterBank():
                return bank_id(command.bic), b""
            case c.SendLetter() | c.ExemptMirror():
                return command.account, command.tenant
            case c.CountersignLetter() | c.ReviewLetter() | c.EndLetter():
                letter = self.state.letters[command.letter]
                return letter.account, letter.tenant
            case c.Appoint():
                return command.appointment, command.tenant
            case c.EndAppointment():
                return command.appointment, self.state.appointments[command.appointment].tenant

    def _basis(self, command: c.Command) -> bytes:
        """Returns how often what a command rests on was decided about: its mirror's state and letters, its bank."""
        subject, tenant = self._subject(command)
        keys = [subject, tenant + subject]
        if isinstance(command, c.SendLetter | c.ExemptMirror):
            keys.append(bank_id(command.bic))
        accounts = self.books.look(tenant).accounts
        counts = [self.state.changes.get(key, 0) for key in keys]
        return sha256(repr((counts, accounts.changes[accounts.index.get(subject, 0)])).encode()).digest()

    def _describe(self, command: c.Command) -> str:
        """Returns every field, and of a letter known already whose it is."""
        told = [f"{each.name} {_shown(each.name, getattr(command, each.name))}" for each in fields(command)]
        if isinstance(command, c.CountersignLetter | c.ReviewLetter | c.EndLetter):
            letter = self.state.letters[command.letter]
            bank = self.state.banks[letter.bank]
            told.append(f"of account {show(letter.account)} in book {show(letter.tenant)} at {bank.bic} {bank.name}")
        if isinstance(command, c.RegisterBank):
            told.append(f"as bank {show(bank_id(command.bic))}")
        if isinstance(command, c.EndAppointment):
            found = self.state.appointments[command.appointment]
            told.append(f"of {found.kind.value} {show(found.subject)} as {found.role}")
        return f"{SAYS[type(command)][1]}: {', '.join(told)}"


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return (show(value) if len(value) == ID_BYTES else value.hex()) or "none"
    if isinstance(value, Enum):
        return str(value.value)
    if name.endswith("_day"):
        return f"{value} ({EPOCH + timedelta(days=value)})" if value else "none"
    return repr(value) if isinstance(value, str) else str(value)
