"""An account's balance as the books of a closing have it, proven; and the proof as a file."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence_desk import money
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.balances import Balances, InBooks
from ringfence_console.figures import written_by
from ringfence_console.pages.about import id_in, platform_in
from ringfence_console.pages.books import instant
from ringfence_console.ports import View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import pages_of


@dataclass(frozen=True)
class Asked:
    """Which account, of which platform's books in which currency, as of when; as typed, and in UTC nanoseconds."""

    account_id: UUID
    platform_id: UUID
    ledger: int
    as_of: str
    as_of_ns: int

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Reads it; raises HTTPException where it cannot be read."""
        platform, as_of = platform_in(request), request.query_params.get("as_of", "").strip()
        try:
            ledger = int(request.query_params.get("ledger", ""))
            at_ns = instant(as_of)
        except (ValueError, OverflowError):
            raise HTTPException(400) from None
        if platform is None or not money.currency(ledger):
            raise HTTPException(400)
        return cls(id_in(request), platform, ledger, as_of, at_ns)


@dataclass(frozen=True)
class BalancePage:
    """The page over a port."""

    balances: Balances

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        of_one = "/account/{identifier}/books"
        return [Route(of_one, self.shown), Route(f"{of_one}/proof", self.proof)]

    def shown(self, request: Request) -> Response:
        """Shows it."""
        asked, language, pages = Asked.of(request), Preferences.of(request).language, pages_of(request)
        found = self._found(asked, "")
        names = pages.host.facts.names()
        return pages.page(
            request,
            "balance.html",
            asked=asked,
            called=names.account(asked.account_id, language, asked.platform_id),
            found=found,
            in_characters=written_by(asked.ledger, language),
            seal=found.seal,
        )

    def proof(self, request: Request) -> Response:
        """Sends the proof."""
        asked = Asked.of(request)
        headers = {"content-disposition": f'attachment; filename="account-{asked.account_id}.balance"'}
        return Response(self._found(asked, "proof").content, headers=headers, media_type="application/octet-stream")

    def _found(self, asked: Asked, form: str) -> InBooks:
        view = View("balance", str(asked.account_id), f"{asked.platform_id} {asked.ledger} {asked.as_of} {form}")
        return self.balances.in_books(asked.platform_id, asked.ledger, asked.account_id, asked.as_of_ns, view)
