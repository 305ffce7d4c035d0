"""What takes two people, and what is known of clients: lists, holds, owners, limits, fees, windows of migration."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from uuid import UUID

from ringfence.client import Client
from ringfence.flows import Fee, FeeAgreement, entry_id
from ringfence.identity import (
    BeneficialOwner,
    CertificatePin,
    KycDecision,
    KycStatus,
    NewParty,
    PartyKind,
    require_done,
)
from ringfence.ids import external_id
from ringfence.limits import CurrencyLimits
from ringfence.payments import InstructionStatus, ListFormat
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.sandbox.onboarding import agree, decide_kyc, verify_parties
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import messages

from tests.stores import payments, people

LIST = "kept"
COMPANY, DIRECTOR, LISTED = "Osprey Works BV", "Joan Rosewater", "Kim Listed"
SCREENED_SECONDS = 60.0
_HEADER = "name,kind,reference\n"


def standing(box: Sandbox, platform: UUID) -> None:
    """Owners of a company, a client held by order, and a role that ends later than it would have."""
    first, second = box.operators
    company = external_id("kept.party", platform, "company")
    row = NewParty(
        id=company, kind=PartyKind.COMPANY, name=COMPANY, identity_number="KEPT-company", country="NL", address="Breda"
    )
    client = box.client(people.PLATFORM)
    require_done(client.identity.register_parties([row]))
    director = BeneficialOwner(
        id=external_id("kept.owner", platform, "director"),
        name=DIRECTOR,
        identity_number="KEPT-director",
        country="NL",
        share=Fraction(2, 3),
        controls=True,
        date_of_birth="1970-02-01",
    )
    require_done(client.identity.record_owners({company: [director]}))
    verify_parties(first, platform, [company])
    require_done(first.identity.set_legal_hold(platform, [company], "ORDER-21/2026"))
    agree(second, first.identity.set_legal_hold(platform, [company], "ORDER-21/2026", held=False))
    until_ns = time.time_ns() + 90 * 86_400 * 10**9
    approver = box.client(people.APPROVER).credentials.principal_id
    agree(second, first.identity.renew_grants([approver], until_ns))
    held = box.client(people.APPROVER).credentials
    key = held.signing_key.public_key().public_bytes_raw()
    pin = CertificatePin(principal_id=approver, certificate_sha256=held.certificate_sha256, public_key=key)
    agree(second, first.identity.pin_certificates([pin]))


def proposals(box: Sandbox, platform: UUID) -> None:
    """Proposals that come to nothing, and the end of the window in which the importer posted."""
    first, second = box.operators
    closing = first.custody.close_migration(platform, platform, reason="all is brought over")
    require_done(second.proposals["custody"].refuse([closing], "not all is brought over"))
    closing = first.custody.close_migration(platform, platform, reason="all is brought over, too")
    require_done(first.proposals["custody"].withdraw([closing], "on Monday"))
    closing = first.custody.close_migration(platform, platform, reason="all is brought over by now")
    require_done(second.proposals["custody"].confirm([closing]))
    suspended = box.client(people.APPROVER).credentials.principal_id
    require_done(first.identity.suspend_principals([suspended], "lost her keys"))
    (lifting,) = first.identity.confirm_principals([suspended])
    assert lifting.proposal_id is not None
    require_done(second.proposals["identity"].refuse([lifting.proposal_id], "she has not found them"))


def lists(box: Sandbox, stage: Stage, other: Stage) -> None:
    """A list that grows, shrinks, is confirmed and retired; whom it names is stopped, and released by two people."""
    first, second = box.operators
    of_payments = second.proposals["payment-instruction"]
    listed = _listed_client(box, stage)
    nobody = [f"Nobody {number:02d} Whatsoever" for number in range(40)]
    first.payments.import_sanctions_list(LIST, ListFormat.CSV, _edition(nobody), time.time_ns())
    debtor = stage.platform.clients[2].iban
    held = payments.order(stage, "rescreened", payments.ABOVE_LIMIT_MINOR, payments.ABROAD, debtor=debtor)
    payments.await_status(stage, held, InstructionStatus.HELD)
    first.payments.import_sanctions_list(
        LIST, ListFormat.CSV, _edition([*nobody, payments.PAYEE, LISTED]), time.time_ns()
    )
    _until(lambda: _reason(stage, held) == "SANCTIONS_HIT")
    _until(lambda: stage.client.identity.parties([listed])[0].kyc_status is KycStatus.BLOCKED)
    release = first.payments.release_hits(stage.book_id, [held], "another shop of this name")
    require_done(of_payments.confirm([release], "seen"))
    _until(lambda: _reason(stage, held) != "SANCTIONS_HIT")
    stage.client.payments.cancel([held], "ordered by mistake")
    _suspense_released(box, other)
    _released(first, second, stage.book_id, listed)
    decide_kyc(first, stage.book_id, [listed], KycStatus.VERIFIED, "another person of this name")
    fewer = first.payments.import_sanctions_list(LIST, ListFormat.CSV, _edition(nobody[:20]), time.time_ns())
    assert fewer.proposal_id is not None
    retiring = first.payments.retire_sanctions_list(LIST, "nobody is on it")
    require_done(of_payments.refuse([retiring], "twenty are"))
    require_done(of_payments.confirm([fewer.proposal_id]))
    require_done(of_payments.confirm([first.payments.confirm_sanctions_list(LIST, "nothing new is published")]))
    require_done(of_payments.confirm([first.payments.retire_sanctions_list(LIST, "kept in another one")]))


def agreements(box: Sandbox, stage: Stage) -> None:
    """Limits of the platform's own, and a fee that a client has agreed to, is debited and ends."""
    first, second = box.operators
    less = CurrencyLimits(
        currency="EUR", payment_minor=900_000, debtor_day_minor=10**9, day_minor=10**10, approver_minor=10**9
    )
    for version, limits in ((1, less), (2, replace(less, payment_minor=1_000_000))):
        proposal = first.limits.set(stage.book_id, version, [limits])
        if proposal is not None:
            require_done(second.proposals["payment-instruction"].confirm([proposal]))
    client, today = stage.platform.clients[0], datetime.now(UTC).date()
    agreement = FeeAgreement(
        id=external_id("kept.agreement", stage.book_id, "monthly"),
        client_id=client.party(stage.book_id).id,
        kind="monthly",
        currency="EUR",
        maximum_minor=5_00,
        from_day=today - timedelta(days=1),
        until_day=today + timedelta(days=30),
        document_sha256=sha256(b"what the client has accepted").digest(),
    )
    stage.client.flows.agree_fee(agreement)
    fee = Fee(
        id=external_id("kept.fee", stage.book_id, "monthly"),
        agreement_id=agreement.id,
        end_to_end_id="KEPT-fee",
        debtor_iban=client.iban,
        fee_account_id=stage.account("fee"),
        amount_minor=5_00,
        currency="EUR",
    )
    (state,) = stage.client.flows.charge_fees(external_id("kept.submission", stage.book_id, "fee"), [fee])
    payments.await_status(stage, state.instruction_id, InstructionStatus.SETTLED)
    stage.client.flows.end_fee_agreement(agreement.id)


def unfinished(box: Sandbox, platform: UUID) -> None:
    """Leaves a proposal waiting in each service."""
    first, _ = box.operators
    first.custody.open_migration(
        platform, external_id("kept.window", platform, "second"), seconds=60, reason="the rest"
    )
    suspended = box.client(people.APPROVER).credentials.principal_id
    require_done(first.identity.confirm_principals([suspended]), frozenset({"APPROVAL_PENDING"}))
    first.payments.confirm_sanctions_list("demo", "nothing new is published")


def _listed_client(box: Sandbox, stage: Stage) -> UUID:
    """A verified client of the platform who will stand on the list."""
    row = NewParty(
        id=external_id("kept.party", stage.book_id, LISTED),
        kind=PartyKind.PERSON,
        name=LISTED,
        identity_number="KEPT-listed",
        country="DE",
        date_of_birth="1980-01-01",
    )
    require_done(stage.client.identity.register_parties([row]))
    verify_parties(box.operators[0], stage.book_id, [row.id])
    return row.id


def _released(first: Client, second: Client, tenant_id: UUID, party_id: UUID) -> None:
    decision = KycDecision(party_id=party_id, to=KycStatus.REVIEW, note="another person of this name")
    (proposed,) = first.identity.decide_kyc(tenant_id, [decision])
    assert proposed.proposal_id is not None
    require_done(second.proposals["identity"].confirm([proposed.proposal_id]))


def _suspense_released(box: Sandbox, stage: Stage) -> None:
    """Money of a payer whom the list names is released from blocked suspense."""
    first, second = box.operators
    bank, reference = stage.platform.safeguarding_iban, "KEPT-listed-payer"
    told = messages.entry(12_34, stage.platform.clients[1].iban, reference=reference, payer=LISTED)
    answer = box.bank_feed.payments.submit_evidence(messages.notification(bank, [told]))
    assert answer.suspended == 1
    entry = entry_id(stage.book_id, bank, reference)
    document = sha256(b"another date of birth").digest()
    proposal = first.flows.release_suspended(stage.book_id, entry, document, "another person of this name")
    require_done(second.proposals["payment-instruction"].confirm([proposal]))


def _edition(names: Sequence[str]) -> bytes:
    rows = "".join(f"{name},person,KEPT-{sha256(name.encode()).hexdigest()[:8]}\n" for name in names)
    return (_HEADER + rows).encode()


def _reason(stage: Stage, instruction: UUID) -> str:
    (found,) = stage.client.payments.instructions([instruction])
    return found.state.reason


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SCREENED_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it does not come to it"
        time.sleep(0.1)
