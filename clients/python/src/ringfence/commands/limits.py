"""`ringfence limits`: what a platform's people may move alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import proposed
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import Tenant, bound_minor
from ringfence.limits import ApproverLimit, CurrencyLimits, PlatformLimits
from ringfence.money import show as amount

limits = typer.Typer(help="What a platform's people may move alone.", no_args_is_help=True)

Changed = Callable[[PlatformLimits], PlatformLimits]
Code = Annotated[str, typer.Option("--currency", help="ISO 4217 code.")]
Version = Annotated[
    int | None, typer.Option(min=1, help="Version that they get, to repeat it safely; the next one where left out.")
]


@limits.command("show", cls=Tabled)
def show_limits(
    principal: As,
    platform: Annotated[UUID | None, typer.Option(help="Platform; the caller's own where left out.")] = None,
    currency: Annotated[list[str] | None, typer.Option(help="ISO 4217 code; may be repeated.")] = None,
) -> None:
    """Shows the limits in force, in named currencies or in those that the platform has limits of its own for."""
    with client_as(principal) as client:
        found = client.limits.get(platform, currency or ())
    rows = [
        ["everybody", each.currency, *(amount(minor, each.currency) for minor in _bounds(each))]
        for each in found.currencies
    ]
    rows += [
        [str(each.approver_id), each.currency, "", "", "", amount(each.maximum_minor, each.currency)]
        for each in found.approvers
    ]
    columns = ["for", "currency", "one payment", "a client's day", "the platform's day", "an approver"]
    where = f", days of {found.time_zone}" if found.time_zone else ""
    show(f"Limits, version {found.version}{where}", columns, rows, right=columns[2:])


@limits.command("set", cls=Tabled)
def set_limits(
    principal: As,
    tenant: Tenant,
    currency: Code,
    payment: Annotated[str, typer.Option(help="One payment at most, for instance 10000.00.")],
    debtor_day: Annotated[str, typer.Option(help="Payments from one account on a day (UTC).")],
    day: Annotated[str, typer.Option(help="All payments of the platform on a day (UTC).")],
    approver: Annotated[str, typer.Option(help="What one approver may approve alone.")],
    version: Version = None,
) -> None:
    """Sets the limits of one currency, as an operator; where more could move than before another one confirms."""
    bounds = CurrencyLimits(
        currency=currency,
        payment_minor=bound_minor(payment, currency),
        debtor_day_minor=bound_minor(debtor_day, currency),
        day_minor=bound_minor(day, currency),
        approver_minor=bound_minor(approver, currency),
    )

    def changed(found: PlatformLimits) -> PlatformLimits:
        others = [each for each in found.currencies if each.currency != currency]
        return replace(found, currencies=[*others, bounds])

    _set(principal, tenant, version, changed)


@limits.command("approver", cls=Tabled)
def set_approver(
    principal: As,
    tenant: Tenant,
    approver: Annotated[UUID, typer.Option(help="Principal.")],
    currency: Code,
    maximum: Annotated[str, typer.Option(help="What the approver may approve alone; 0.00 for nothing.")],
    version: Version = None,
) -> None:
    """Sets what one approver may approve alone, where that is less than what any may."""
    limit = ApproverLimit(approver_id=approver, currency=currency, maximum_minor=bound_minor(maximum, currency))

    def changed(found: PlatformLimits) -> PlatformLimits:
        others = [each for each in found.approvers if (each.approver_id, each.currency) != (approver, currency)]
        return replace(found, approvers=[*others, limit])

    _set(principal, tenant, version, changed)


@limits.command("zone", cls=Tabled)
def set_time_zone(
    principal: As,
    tenant: Tenant,
    time_zone: Annotated[str, typer.Argument(help="IANA time zone; '' for where each currency settles.")],
    version: Version = None,
) -> None:
    """Sets in which time zone the platform's payments have their days, as an operator; another one confirms."""
    _set(principal, tenant, version, lambda found: replace(found, time_zone=time_zone))


def _set(principal: str, tenant: UUID, version: int | None, changed: Changed) -> None:
    with client_as(principal) as client:
        found = client.limits.get(tenant)
        asked, wanted = version or found.version + 1, changed(found)
        proposal_id = client.limits.set(tenant, asked, wanted.currencies, wanted.approvers, wanted.time_zone)
    proposed(f"limits, version {asked}", proposal_id)


def _bounds(found: CurrencyLimits) -> tuple[int, ...]:
    return found.payment_minor, found.debtor_day_minor, found.day_minor, found.approver_minor
