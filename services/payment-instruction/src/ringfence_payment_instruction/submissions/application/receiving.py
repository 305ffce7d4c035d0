"""Submissions, from the caller's hands to the first word about each instruction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.submissions.application.personal import (
    Clear,
    PersonalData,
    clear_of,
    owners,
    readable,
)
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.sealing import Sealer
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.application.tenants import tenant_of
from ringfence_payment_instruction.submissions.application.views import StateView, first_states
from ringfence_payment_instruction.submissions.domain import events, reasons
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.hands import packed_hand
from ringfence_payment_instruction.submissions.domain.orders import (
    Alias,
    Order,
    digest,
    forbiddance,
    ibans_of,
    invalidity,
    is_uetr,
    sides,
)
from ringfence_payment_instruction.submissions.domain.past import Asked, submission_key
from ringfence_payment_instruction.submissions.domain.receiving import NewSubmission, receive, taken_in
from ringfence_payment_instruction.submissions.domain.state import keys_of
from ringfence_payment_instruction.submissions.domain.submission import Submission, stream_of
from ringfence_payment_instruction.submissions.domain.uetrs import uetr_key

Sides = tuple[Alias | None, Alias | None]
Objection = Callable[[Order, Sides, Mapping[str, Alias]], str]
"""An order, its debtor and creditor, and what IBANs stand for -> why it is not taken, empty where it is."""


def _no_objection(order: Order, sides: Sides, aliases: Mapping[str, Alias]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Content:
    """What is common to a batch and a file; `objection` tells why an order is not taken, empty where it is."""

    tenant: bytes
    submission_id: bytes
    kind: int
    digest: bytes
    orders: Sequence[Order]
    message_id: str = ""
    objection: Objection = _no_objection

    @property
    def stream(self) -> bytes:
        """Stream of the submission."""
        return stream_of(self.tenant, self.submission_id)

    def asked(self) -> Asked:
        """Returns what taking it in asks about: whether it, or one of its ids, came before."""
        keys = keys_of(self.tenant, [order.instruction_id for order in self.orders])
        keys += [uetr_key(self.tenant, UUID(order.uetr).bytes) for order in self.orders if is_uetr(order.uetr)]
        return Asked(keys, [submission_key(self.tenant, self.submission_id)], keys_only=True)


Report = Callable[[Sequence[str], Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class Receiving:
    """Takes in batches, and whatever else orders payments."""

    submissions: Submissions
    identity: Identity
    personal: PersonalData
    days: LocalDays

    async def submit_batch(self, caller: Caller, submission_id: bytes, orders: Sequence[Order]) -> list[StateView]:
        """Returns where each instruction stood once taken in; the same again for the same id and content.

        Raises SubmissionConflict, IdentityUnavailable, KeysUnavailable, AuthorisationRefused, TenantForbidden.
        """
        tenant = tenant_of(caller)
        content = Content(tenant, submission_id, events.KIND_BATCH, await computed(len(orders), digest, orders), orders)
        submission = await self.take_in(caller, content)
        return first_states(submission)

    async def take_in(self, caller: Caller, content: Content, report: Report | None = None) -> Submission:
        """Returns the submission, taken in now or before; `report` writes the answer that is kept with it.

        Raises as `submit_batch`.
        """
        state = self.submissions.state
        asked = await computed(len(content.orders), content.asked)
        past = await self.submissions.look_up(asked)
        earlier = taken_in(await self.submissions.earlier(content.stream, past), content.digest)
        if earlier is not None:
            return earlier
        new = await self._prepare(caller, content, report)
        clear = _readable(new, content.orders)

        def command(unit: Unit) -> Submission:
            found = receive(state, new, unit.now_ns, self.days)
            self.submissions.record(unit, new.stream, found)
            if found:
                # Only what is recorded may be remembered under its name: it is what the bank will be told.
                unit.journal.call(self.personal.forget, new.stream)
                self.personal.remember(new.stream, clear)
            return state.known(new.stream)

        return await self.submissions.knowing(asked, command, past=past, weight=len(content.orders))

    async def _prepare(self, caller: Caller, content: Content, report: Report | None) -> NewSubmission:
        """Checks, resolves, seals and authorises; changes nothing."""
        tenant, orders = content.tenant, content.orders
        # Long work on thousands of rows: the event loop must not stand still meanwhile.
        invalid = await computed(len(orders), lambda: tuple(map(invalidity, orders)))
        valid = [order for order, flaw in zip(orders, invalid, strict=True) if not flaw]
        aliases = await self.identity.resolve(ibans_of(valid))
        pairs = [sides(tenant, order, aliases) for order in orders]
        forbidden = tuple(
            "" if flaw else forbiddance(tenant, *pair, order.purpose) or content.objection(order, pair, aliases)
            for order, flaw, pair in zip(orders, invalid, pairs, strict=True)
        )
        subjects = {tenant}.union(*(owners(tenant, *pair) for pair in pairs))
        ring, authorisation = await asyncio.gather(
            self.identity.keys(subjects),
            self.identity.authorise(caller, tenant, content.submission_id, content.digest),
        )
        lasts = authorisation.expires_ns // DAY_NS
        forbidden = tuple(
            refusal or (reasons.EXECUTION_DATE_TOO_LATE if order.execution_day >= lasts else "")
            for order, refusal in zip(orders, forbidden, strict=True)
        )
        received = events.SubmissionReceived(
            tenant=tenant,
            submission_id=content.submission_id,
            kind=content.kind,
            instruction_count=len(orders),
            digest=content.digest,
            maker=caller.subject,
            maker_hand=packed_hand(caller.hand),
            authorisation=authorisation.token,
            authorisation_expires_ns=authorisation.expires_ns,
            message_id=content.message_id,
            status_report=await computed(len(orders), report, invalid, forbidden) if report else b"",
        )
        sealer = Sealer(tenant, content.submission_id, content.stream, ring)
        rows = await computed(len(orders), sealer.events, orders, aliases)
        return NewSubmission(content.stream, received, rows, invalid, forbidden)


def _readable(new: NewSubmission, orders: Sequence[Order]) -> list[Clear]:
    """Returns the rows as they can be read again: a party whose key was destroyed leaves nothing."""
    sealed = (pair for rows in new.rows for pair in zip(rows.debtor_sealed, rows.creditor_sealed, strict=True))
    return [readable(clear_of(order), *map(bool, pair)) for order, pair in zip(orders, sealed, strict=True)]
