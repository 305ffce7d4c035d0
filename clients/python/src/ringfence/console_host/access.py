"""The register of reads for the console."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_console import ports
from ringfence_desk.roles import Role

from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages
from ringfence.proven import Nameable
from ringfence.reads import Read

_MOST_ASKED = 8
"""Pages of the service may be short: so many make one here at most."""


@dataclass(frozen=True)
class SdkAccess:
    """Reads as one reader may know of them."""

    facts: LogFacts

    def reads(self, asked: ports.Register, most: int, view: ports.View) -> ports.ReadPage:
        """Gives a page."""
        found, token, look = list[ports.Read](), asked.page, self.facts.history.looking(view)
        with told_to_pages():
            for _ in range(_MOST_ASKED):
                page, token = look.read_page(asked.platform_id, asked.reader_id, most - len(found), token)
                found += map(_read, page)
                if not token or len(found) >= most:
                    break
            self.facts.history.follow()
            self.facts.learned.name([Nameable(each.reader_id, Role.PRINCIPAL) for each in found], look)
        return ports.ReadPage(found, token)


def _read(read: Read) -> ports.Read:
    return ports.Read(
        index=read.leaf_index,
        time_ns=read.time_ns,
        reader_id=read.reader_id,
        what=read.page or read.method,
        asked=read.query,
        case=read.case_reference,
        reason=read.reason,
        is_own=read.is_own,
    )
