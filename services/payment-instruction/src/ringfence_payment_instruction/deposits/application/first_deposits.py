"""How the first deposit finds its client: the bank's own message confirms the IBAN that it names with its holder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ringfence_kernel.access.caller import Caller

from ringfence_payment_instruction.deposits.application.ports import Voucher
from ringfence_payment_instruction.deposits.domain.evidence import BOOKED, BankEntry, is_incoming
from ringfence_payment_instruction.submissions.application.ports import HolderNamed, Identity
from ringfence_payment_instruction.submissions.domain.orders import Alias


async def confirmed(
    identity: Identity,
    source: Caller | Voucher,
    entries: Iterable[BankEntry],
    digest: bytes,
    aliases: Mapping[str, Alias],
) -> dict[str, Alias]:
    """Returns what IBANs stand for that nobody had confirmed before this file; raises IdentityUnavailable.

    Only the bank that keeps the account speaks for it, and only where it names the holder: whether that is who claims
    the IBAN, identity compares. A file that is refused afterwards has confirmed nothing wrong: the bank said it.
    """
    named = {
        entry.creditor_iban: HolderNamed(
            mirror.tenant, mirror.bank_feed, entry.creditor_iban, entry.creditor_name, digest
        )
        for entry in entries
        if (mirror := aliases.get(entry.account_iban)) is not None and _names_a_stranger(entry, mirror, aliases)
    }
    if not named:
        return {}
    caller = source if isinstance(source, Caller) else await source.caller()
    spoken = [each for each in named.values() if each.bank_feed == caller.subject]
    return await identity.confirm(spoken) if spoken else {}


def _names_a_stranger(entry: BankEntry, mirror: Alias, aliases: Mapping[str, Alias]) -> bool:
    """Tells whether money came in for a holder whose IBAN stands for nothing yet."""
    return (
        mirror.bank_mirror
        and entry.status == BOOKED
        and is_incoming(entry)
        and bool(entry.creditor_iban and entry.creditor_name.strip())
        and entry.creditor_iban not in aliases
    )
