"""How the parts are, as far as somebody's own machine can see it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked, translations
from ringfence_console.pages.wording import CODES, called
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of
from ringfence_console.work import Health, Parts, Process, State

SECTION = Section("/health", marked("Health"))
LATE_SECONDS = 60.0
"""So long a process may not have heard a source to its end."""
CERTIFICATE_DAYS, FEED_DAYS = 7, 3
_DAY_SECONDS = 86_400
_DAY_NS = _DAY_SECONDS * 10**9
_EPOCH = date(1970, 1, 1)
_NEEDED = {"database": "STORES", "vault": "VAULT", "nats": "NATS"}
"""What processes say of each of these, by the name of the check."""
RUNBOOKS = {
    "NOBODY_LEADS": "standby",
    "SILENT": "processes-missing",
    "LAG": "follower-lags",
    "CERTIFICATE": "certificates",
    "OWN_CERTIFICATE": "credentials-end",
    "FEED": "evidence-unproven",
    "STORES": "store-unavailable",
    "VAULT": "vault-sealed",
    "NATS": "stream-copies",
    "certificate": "certificates",
    "checkpoints": "checkpoint-old",
    "books": "books-different",
    "clock": "clock",
    "witnesses": "checkpoint-unwitnessed",
    "ringfence.payments.held": "payments-held",
    "ringfence.payments.unknown": "payments-unknown",
    "ringfence.submissions.waiting": "overload",
    "ringfence.outbox.messages": "rail",
    "ringfence.deposits.waiting": "deposits-wait",
    "ringfence.bank.statements.excepted": "statement-excepted",
    "ringfence.bank.entries.held": "answer-excepted",
    "ringfence.breaks.late": "breaks-late",
    "ringfence.safeguarding.days.missed": "safeguarding-missed",
}
"""What to do about a finding, by its name: a document below docs/runbooks."""
_OF_FOLLOWERS = {"source-": "follower-lags", "follower-": "feed-fork"}
"""The same of checks that are named by a source behind this."""


@dataclass(frozen=True)
class Need:
    """Something that all processes need: whether each that was asked reaches it, and who does not, and why."""

    code: str
    asked: int
    without: Sequence[tuple[Process, str]]


@dataclass(frozen=True)
class HealthPages:
    """The page of a host that reaches the parts."""

    parts: Parts

    def routes(self) -> list[BaseRoute]:
        """Gives the route."""
        return [Route("/health", self.shown)]

    def shown(self, request: Request) -> Response:
        """Asks every part, and shows what it says; the oldest of banks' statements, and what ends soonest, first."""
        health = self.parts.health()
        words = translations(Preferences.of(request).language)
        untold = {each.service for each in health.processes if each.state is State.NOT_TOLD}
        leading = {each.service for each in health.processes if each.state is State.LEADS}
        lacking = {each.service for each in health.processes} - leading
        today = time.time_ns() // _DAY_NS
        feeds = [(each, _number(each.last_day), _age(each.last_day, today)) for each in health.feeds]
        return pages_of(request).page(
            request,
            "health.html",
            health=health,
            leaderless=sorted(lacking - untold),
            untold=sorted(lacking & untold),
            is_whole=all(each.figures for each in health.processes),
            needs=list(_needs(health)),
            wrong=lambda each: [
                (name, problem)
                for name, problem in (each.figures.checks.items() if each.figures else ())
                if problem and name not in _NEEDED
            ],
            certificates=sorted(_certificates(health), key=lambda each: each[1]),
            feeds=sorted(feeds, key=lambda each: (each[2] is not None, -(each[2] or 0))),
            own_days=(health.own_certificate_until_ns - time.time_ns()) // _DAY_NS,
            late=LATE_SECONDS,
            least_days=CERTIFICATE_DAYS,
            most_age=FEED_DAYS,
            runbook_of=runbook_of,
            word=lambda name: called(CODES, name, words),
            seal=None,
        )


def runbook_of(finding: str) -> str:
    """Gives the document below docs/runbooks about a finding; empty where only their list may help."""
    of_followers = (runbook for named, runbook in _OF_FOLLOWERS.items() if finding.startswith(named))
    return RUNBOOKS.get(finding) or next(of_followers, "")


def _needs(health: Health) -> Iterator[Need]:
    told = [(each, each.figures.checks) for each in health.processes if each.figures is not None]
    for name, code in _NEEDED.items():
        asked = [(each, checks[name]) for each, checks in told if name in checks]
        if asked:
            yield Need(code, len(asked), [(each, problem) for each, problem in asked if problem])


def _certificates(health: Health) -> Iterator[tuple[Process, float]]:
    """Yields processes and the days that their certificates are good for."""
    for each in health.processes:
        if each.figures is not None and each.figures.certificate_seconds is not None:
            yield each, each.figures.certificate_seconds / _DAY_SECONDS


def _number(day: date | None) -> int | None:
    return None if day is None else (day - _EPOCH).days


def _age(day: date | None, today: int) -> int | None:
    return None if day is None else max(today - (day - _EPOCH).days, 0)
