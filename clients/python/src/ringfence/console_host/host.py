"""Puts together what the console shows to one person."""

from __future__ import annotations

from ringfence_console import Host
from ringfence_console.ports import Reader
from ringfence_verifier import Policy

from ringfence.client import Client
from ringfence.console_host.access import SdkAccess
from ringfence.console_host.balances import SdkBalances
from ringfence.console_host.books import SdkBooks
from ringfence.console_host.disclosing import SdkDisclosing
from ringfence.console_host.dossiers import SdkDossiers
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.finding import SdkFinding
from ringfence.console_host.history import History
from ringfence.console_host.parts import SdkParts
from ringfence.console_host.reports import SdkReports
from ringfence.console_host.work import SdkDays, SdkWork
from ringfence.remembered import Remembered

READS_LOG, DISCLOSES, DECIDES = "audit.read", "audit.disclose", "proposals.decide"
"""Scopes: whoever has none of these is shown nothing."""


def host_of(client: Client, vkey: str, remembered: Remembered, policy: Policy | None, documents: str = "") -> Host:
    """Makes the host of the person whose credentials a client has, with the pages of its role; raises RingfenceError.

    `documents` is where they are served, for links to runbooks.

    A role that neither reads the log nor decides anything has none.
    """
    role, scopes = client.role()
    is_deciding = DECIDES in scopes
    facts = LogFacts(History(client.audit, vkey, remembered, policy))
    is_reading = READS_LOG in scopes
    return Host(
        reader=Reader(client.credentials.principal_id, role.upper().replace("-", "_")),
        facts=facts,
        finding=SdkFinding(client.finding, facts) if is_reading else None,
        books=SdkBooks(client.books, facts) if is_reading else None,
        balances=SdkBalances(client.books, facts) if is_reading else None,
        reports=SdkReports(facts) if is_reading else None,
        access=SdkAccess(facts) if is_reading else None,
        disclosing=SdkDisclosing(client.finding, facts) if DISCLOSES in scopes else None,
        dossiers=SdkDossiers(client.dossiers, facts) if is_reading else None,
        reads_log=is_reading,
        documents=documents,
        work=SdkWork(client) if is_deciding else None,
        days=SdkDays(client) if is_deciding else None,
        parts=SdkParts(client) if is_deciding else None,
    )
