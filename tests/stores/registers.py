"""What is registered about the sandbox's bank: a letter reviewed, an exemption that ends, and who acts for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from ringfence.identity import require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence.registers import AppointmentKind, NewAppointment
from ringfence_local_stack.sandbox.letters import BIC, TEXT_SHA256
from ringfence_local_stack.sandbox.onboarding import open_accounts
from ringfence_local_stack.sandbox.sandbox import Sandbox

from tests.stores.people import PLATFORM

YEAR = timedelta(days=365)


def registers(box: Sandbox, platform: UUID) -> None:
    """Takes every step that two operators can take on one day, beside the letters that mirrors got at birth."""
    (first, second), today = box.operators, datetime.now(UTC).date()

    def agree(proposal: UUID | None) -> None:
        assert proposal is not None
        require_done(second.proposals["custody"].confirm([proposal]))

    letter = next(iter(first.registers.letters(platform)))
    agree(
        first.registers.review_letter(letter.id, reviewed=today, document_sha256=TEXT_SHA256, review=today + 2 * YEAR)
    )
    mirror, exemption, appointment = (external_id("kept.register", platform, name) for name in ("mirror", "x", "agent"))
    new = NewAccount(id=mirror, account_class=AccountClass.BANK_MIRROR, currency="EUR")
    open_accounts(box.client(PLATFORM), platform, [new])
    exempted = first.registers.exempt_mirror(
        exemption,
        platform,
        mirror,
        bic=BIC,
        reason="account at a central bank",
        document_sha256=TEXT_SHA256,
        review=today + YEAR,
    )
    agree(exempted)
    agree(first.registers.end_letter(exemption, ended=today, reason="account closed"))
    agent = NewAppointment(
        id=appointment,
        kind=AppointmentKind.AGENT,
        subject_id=external_id("kept.agent", platform, "agent"),
        role="AGENT",
        document_sha256=TEXT_SHA256,
        from_=today,
        book_id=platform,
    )
    agree(first.registers.appoint(agent))
    agree(first.registers.end_appointment(appointment, until=today + YEAR, reason="left"))
