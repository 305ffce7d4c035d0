"""One telling that was handed in, and whose account it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringfence_kernel.access.caller import Caller

from ringfence_payment_instruction.deposits.application.ports import Voucher
from ringfence_payment_instruction.statements.domain.statement import Statement, StatementFile
from ringfence_payment_instruction.submissions.domain.orders import Alias


@dataclass(frozen=True, slots=True)
class Handed:
    """A whole telling.

    `source` is who brings it: one that was kept has been vouched for. `digest` is what it is known by, of its own even
    where a file tells of several accounts; `content` are the bytes of its file, none where it was put together of
    `pages`, the id of their set.
    """

    source: Caller | Voucher | None
    file: StatementFile
    statement: Statement
    digest: bytes
    mirror: Alias
    aliases: Mapping[str, Alias]
    content: bytes = field(default=b"", repr=False)
    pages: bytes = b""
