"""The console's open work and business days, over the SDK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ringfence_console.ports import NotThere
from ringfence_console.work import Command, Day, Done, Item, Matter, Resource, Subject, Words

from ringfence.client import Client
from ringfence.console_host import sending
from ringfence.console_host.items import day_key, waiting
from ringfence.console_host.matters import opened
from ringfence.console_host.refusals import told_of_acts, told_to_pages
from ringfence.errors import RingfenceError
from ringfence.money import ledger_of
from ringfence.safeguarding import DayStatus, SafeguardingDay


@dataclass(frozen=True)
class SdkWork:
    """Open work of whoever the client calls as (`ringfence_console.work.Work`)."""

    client: Client

    def items(self) -> Sequence[Item]:
        """Gives what waits, the oldest first."""
        with told_to_pages():
            return sorted(waiting(self.client), key=lambda each: (each.since_ns, each.key))

    def matter(self, subject: Subject, key: str) -> Matter:
        """Opens an item."""
        with told_to_pages():
            return opened(self.client, subject, key)

    def command(self, matter: Matter, act: str, words: Words) -> Command:
        """Gives what would be sent."""
        return sending.command(matter, act, words)

    def send(self, command: Command) -> Done:
        """Sends it, and reads what became of it; what was done is done, whether or not it can be read."""
        with told_of_acts():
            done, about = sending.send(self.client, command)
        try:
            return replace(done, matter=opened(self.client, about.subject, about.key))
        except (NotThere, RingfenceError):
            return done


@dataclass(frozen=True)
class SdkDays:
    """Business days (`ringfence_console.work.Days`)."""

    client: Client

    def days(self) -> Sequence[Day]:
        """Gives those of the caller's platform, of a custodian's own people those of all, the newest first."""
        client = self.client
        with told_to_pages():
            own = client.credentials.tenant_id
            tenants = [own] if own else sorted({each.book_id for each in client.registers.mirrors()})
            found = [_day(each) for tenant in tenants for each in client.safeguarding.days(tenant)]
        return sorted(found, key=lambda each: (-each.day.toordinal(), each.key))


def _day(read: SafeguardingDay) -> Day:
    return Day(
        key=day_key(read),
        tenant_id=read.key.tenant_id,
        ledger=ledger_of(read.key.currency),
        pool=read.key.pool,
        day=read.key.day,
        status=read.status.name,
        version=read.version,
        requirement_minor=read.requirement_minor,
        resource_minor=read.resource_minor,
        difference_minor=read.internal_minor,
        overdue_minor=read.overdue_minor,
        banks_minor=read.external_minor,
        resource=Resource(read.funds_minor, read.unplaced_minor, read.assets_minor, read.insurance_minor)
        if read.status is not DayStatus.CUT
        else None,
        open=read.open,
        is_missed=read.is_missed,
    )
