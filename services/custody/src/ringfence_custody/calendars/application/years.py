"""Years of calendars, listed by two operators (ADR 34)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.calendars.noted import stream_of
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.business_days import CalendarListWrong, YearList
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.calendars.domain.events import CalendarYear
from ringfence_custody.calendars.domain.opening import require_past_kept
from ringfence_custody.calendars.domain.state import State, listed_in

LIST_YEAR = "custody.ListCalendarYear"


@dataclass(frozen=True, slots=True)
class Years:
    """Proposes lists, and puts them in force; tells which are."""

    writer: GroupWriter
    state: State
    proposals: Proposals

    async def propose(self, listed: YearList, document_sha256: bytes, caller: Caller) -> bytes:
        """Returns the proposal to put a list in force, empty where it is.

        Raises CalendarListWrong for another hash than the list's, CalendarDayOpen, and what proposals raise.
        """
        if listed.document_sha256() != document_sha256:
            raise CalendarListWrong(because="the hash is not that of this list's text")

        def decide(unit: Unit) -> bytes:
            if self._in_force(listed) == listed:
                return b""
            require_past_kept(self.state, listed)
            subject = _subject(listed)
            return self.proposals.propose(
                unit, LIST_YEAR, subject=subject, payload=plain.encode(_event(listed, b"", b"")), caller=caller
            )

        return await self.writer.commit(decide)

    async def known(self, calendar: str) -> tuple[list[YearList], int | None]:
        """Returns the lists of a calendar in order of their years, and its newest open day, as committed."""

        def look(unit: Unit) -> tuple[list[YearList], int | None]:
            lists = [each for (name, _), each in sorted(self.state.years.items()) if name == calendar]
            return lists, self.state.opened_day(calendar)

        return await self.writer.commit(look)

    def effect(self) -> Effect:
        """Returns what a confirmation brings about, to be registered once."""
        return Effect(name=LIST_YEAR, basis=self._basis, carry_out=self._list, describe=self._described)

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns the hash of the list in force: nothing but confirmed proposals changes it."""
        in_force = self._in_force(_proposed(proposal))
        return b"" if in_force is None else in_force.document_sha256()

    def _list(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        listed = _proposed(proposal)
        # Days have opened meanwhile.
        require_past_kept(self.state, listed)
        unit.record(stream_of(listed.calendar), _event(listed, proposal.proposer.principal, hand.principal))

    def _described(self, proposal: Proposal) -> str:
        """Returns the lines that would come and go where a list is in force, then the list's text and its hash."""
        listed = _proposed(proposal)
        before, text = self._in_force(listed), listed.document()
        heads: list[str] = []
        if before is not None:
            old, new = before.document().splitlines(), text.splitlines()
            heads = [f"new: {line}" for line in new if line not in old]
            heads += [f"gone: {line}" for line in old if line not in new]
        return "\n".join([*heads, f"{text}SHA-256 {listed.document_sha256().hex()}"])

    def _in_force(self, listed: YearList) -> YearList | None:
        return self.state.years.get((listed.calendar, listed.year))


def _subject(listed: YearList) -> bytes:
    return external_id("calendar year", b"", f"{listed.calendar} {listed.year}")


def _event(listed: YearList, proposer: bytes, confirmer: bytes) -> CalendarYear:
    closed, working = pack("i", listed.closed), pack("i", listed.working)
    return CalendarYear(listed.calendar, listed.year, closed, working, listed.document_sha256(), proposer, confirmer)


def _proposed(proposal: Proposal) -> YearList:
    return listed_in(plain.decode(memoryview(proposal.payload), CalendarYear))
