"""A logged-in connection to Vault (or OpenBao): login, renewal, deadlines, recovery."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import hvac
import requests
from hvac import exceptions

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import Overloaded
from ringfence_kernel.vault.errors import VaultLoginRefused, VaultRefused, VaultUnavailable
from ringfence_kernel.vault.logins import AppRole, WorkloadIdentity, login_with

ResultT = TypeVar("ResultT")
Request = Callable[[hvac.Client], ResultT]

_LOG = logs.get(__name__)
_THREADS = 8
_MAXIMUM_WAITING = 256
_AWAY = (OSError, exceptions.VaultDown, exceptions.InternalServerError, exceptions.BadGateway)
_AWAY_TOO = (exceptions.RateLimitExceeded, exceptions.VaultNotInitialized, exceptions.UnexpectedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """Where Vault's servers are, and who this process is to them.

    A refusal that may pass ends a start only after `refused_seconds`.
    """

    addresses: tuple[str, ...]
    ca_file: Path | None
    identity: AppRole | WorkloadIdentity
    connect_seconds: float = 2.0
    timeout_seconds: float = 5.0
    retry_seconds: float = 1.0
    refused_seconds: float = 60.0


class VaultSession:
    """Runs hvac calls in a few threads, each within a deadline; keeps the token alive and logs in again when it can.

    Of several servers the one is asked that answered last; a request that it does not take is made to each of the
    others.
    """

    def __init__(self, options: VaultOptions) -> None:
        """Connects to nothing yet."""
        self._options = options
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="vault")
        self._waiting = 0
        self._login_lock = asyncio.Lock()
        self._login = login_with(options.identity)
        self._token, self._current = "", 0
        self._clients = self._new_clients("")
        self._renew_at = self._expires_at = 0.0

    @property
    def token_seconds(self) -> float:
        """How long the token is good for, unless it is renewed; below zero once it has expired."""
        return self._expires_at - time.monotonic()

    async def login(self) -> None:
        """Logs in; raises VaultUnavailable to be tried again, VaultLoginRefused when trying again is no use."""
        auth = await self._run(lambda client: self._login.log_in(functools.partial(self._new_client, client.url)))
        self._token = auth["client_token"]
        self._clients = self._new_clients(self._token)
        self._lives(auth["lease_duration"])

    async def call(self, request: Request[ResultT]) -> ResultT:
        """Runs one request; raises VaultUnavailable, VaultRefused or Overloaded.

        A token that Vault has forgotten is replaced by a new login, once.
        """
        token = self._token
        try:
            return await self._run(request)
        except exceptions.Forbidden as refusal:
            if await self._token_is_known():
                raise VaultRefused(str(refusal)) from None
        async with self._login_lock:
            if self._token == token:
                await self._log_in_again()
        try:
            return await self._run(request)
        except exceptions.Forbidden as refusal:
            raise VaultRefused(str(refusal)) from None

    async def is_well(self) -> bool:
        """Tells whether Vault answers and knows this process's token."""
        try:
            return await self._token_is_known()
        except VaultUnavailable:
            return False

    async def renew(self) -> None:
        """Keeps the token alive, for ever; logs in again when it was lost."""
        while True:
            await asyncio.sleep(max(self._options.retry_seconds, self._renew_at - time.monotonic()))
            try:
                answer = await self.call(lambda client: client.auth.token.renew_self())
            except (VaultUnavailable, VaultRefused, Overloaded) as error:
                _LOG.warning("vault_token_not_renewed", error=type(error).__name__)
                continue
            self._lives(answer["auth"]["lease_duration"])

    def close(self) -> None:
        """Ends the threads; what they still do is thrown away."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _lives(self, seconds: float) -> None:
        """Takes note of a lease: renewal starts at a third of it, so that two thirds bridge an outage."""
        now = time.monotonic()
        self._renew_at, self._expires_at = now + seconds / 3, now + seconds

    async def _log_in_again(self) -> None:
        try:
            await self.login()
        except VaultLoginRefused as refusal:
            _LOG.error("vault_login_refused", detail=str(refusal))
            raise VaultUnavailable from None

    async def _token_is_known(self) -> bool:
        try:
            await self._run(lambda client: client.auth.token.lookup_self())
        except exceptions.Forbidden:
            return False
        return True

    async def _run(self, request: Request[ResultT]) -> ResultT:
        if self._waiting >= _MAXIMUM_WAITING:
            raise Overloaded
        self._waiting += 1
        try:
            async with asyncio.timeout(2 * self._options.timeout_seconds):
                return await self._ask(request)
        except (TimeoutError, *_AWAY, *_AWAY_TOO) as error:
            raise VaultUnavailable from error
        except (exceptions.Forbidden, VaultLoginRefused):
            raise
        except exceptions.VaultError as error:
            raise VaultRefused(str(error)) from None
        finally:
            self._waiting -= 1

    async def _ask(self, request: Request[ResultT]) -> ResultT:
        """Asks the server that answered last, and each of the others while one after the other is away."""
        clients, first = self._clients, self._current
        for turn in range(len(clients)):
            at = (first + turn) % len(clients)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, request, clients[at])
            except _AWAY:
                # Others may have found out meanwhile, and moved on.
                if self._current == at:
                    self._current = (at + 1) % len(clients)
                if turn == len(clients) - 1:
                    raise
        raise AssertionError("there is an address")

    def _new_clients(self, token: str) -> list[hvac.Client]:
        return [self._new_client(address, token) for address in self._options.addresses]

    def _new_client(self, address: str, token: str) -> hvac.Client:
        http = requests.Session()
        http.trust_env = False  # neither proxies nor CA bundles of the environment
        http.verify = str(self._options.ca_file) if self._options.ca_file else True
        timeout = (self._options.connect_seconds, self._options.timeout_seconds)
        return hvac.Client(url=address, token=token, session=http, timeout=timeout, namespace="")
