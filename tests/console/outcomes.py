"""Pages that no link leads to: what forms give, what acts become, and what is told instead of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from playwright.sync_api import Page, Response
from ringfence_console import ports

from clients.console.tests.desks import KEY, Payment
from clients.console.tests.example import account
from clients.console.tests.test_console_pages import ACCOUNT
from tests.console.example import Served

PLATFORM = UUID(bytes=account(60))
REPORT = f"/reports?about=1&platform={PLATFORM}"
GIVEN = (
    *(f"{REPORT}&day=2026-01-31", f"{REPORT}&day=1970-01-01", "/find?q=12.34+EUR", "/find?q=Kestrel"),
    *("/find?q=Kestrel&reason=case+7", "/find?q=2026-01-31", "/books?as_of=2026-03-31&than=2026-02-28T12:00:00"),
    *(f"/account/{ACCOUNT}?from=2026-01-01&to=2026-12-31",),
    f"/account/{ACCOUNT}/books?of={PLATFORM}&ledger=978&at=2026-03-31",
)
"""What forms give that only ask."""
REVIEW = f"/matters/approval/{KEY}/approve?note=%3Cb%3E%E2%80%AE"
SIGN = "form.act button"
"""What sends a form that acts."""


@dataclass(frozen=True)
class Outcome:
    """What becomes of an act: `before` is done with its form drawn, `status` is answered when it is sent `times`."""

    status: int
    before: Callable[[Served, Page], None]
    times: int = 1

    def comes(self, console: Served, page: Page) -> Response | None:
        """Signs; gives the last answer."""
        self.before(console, page)
        answer: Response | None = None
        for _ in range(self.times):
            with page.expect_navigation(wait_until="load") as navigation:
                page.click(SIGN)
            answer = navigation.value
        return answer


def _nothing(console: Served, page: Page) -> None:
    """Leaves all as it is."""


def _poorer(console: Served, page: Page) -> None:
    console.work.payment.payer_minor = 0


def _forgotten(console: Served, page: Page) -> None:
    page.eval_on_selector("input[name=form]", "e => e.value = '00000000-0000-4000-8000-000000000000'")


def _refusing(console: Served, page: Page) -> None:
    console.work.refuses = "LIMIT_EXCEEDED"


def _losing(console: Served, page: Page) -> None:
    console.work.loses = 1


def _forgetful(console: Served, page: Page) -> None:
    console.work.loses, console.work.is_idempotent = 1, False


OUTCOMES = {
    "done": Outcome(200, _nothing),
    "changed": Outcome(409, _poorer),
    "unknown": Outcome(409, _forgotten),
    "refused": Outcome(403, _refusing),
    "unanswered": Outcome(503, _losing),
    "unsure": Outcome(409, _forgetful, times=2),
}
TROUBLES: dict[str, tuple[int, Exception | None]] = {
    "/fact/x": (404, None),
    "/books?as_of=2025-01-31": (404, None),
    "/acts/unknown": (404, None),
    f"{REPORT}&day=20260131": (400, None),
    "/fact/1": (404, ports.NotThere("there is no such fact")),
    "/fact/2": (403, ports.Refused("GRANT_NOT_IN_FORCE", "it has ended")),
    "/fact/3": (422, ports.NotGiven("TOO_MANY", "too many facts")),
    "/fact/4": (503, ports.Unavailable("nobody answers")),
    "/fact/5": (502, ports.NotProven("the root is another \u202e one")),
    "/disclosed?fact=0&reason=case": (403, None),
    "/matters/exception/1/void": (400, None),
}
"""What is told instead of a page: what is answered, and what a port raises for it."""


@contextmanager
def prepared(console: Served, failing: Exception | None = None) -> Iterator[None]:
    """While it lasts a payment waits, and a port fails as is asked for; afterwards all is as it was."""
    work = console.work
    work.payment, work.decided, work.refuses, work.loses, work.is_idempotent = Payment(), "", "", 0, True
    console.facts.failing = failing
    try:
        yield
    finally:
        work.payment, work.decided, work.refuses, work.loses, work.is_idempotent = Payment(), "", "", 0, True
        console.facts.failing = None
