"""Compares Vault with what it should hold, and makes it so, one object at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence_bootstrap.description import Description
from ringfence_bootstrap.errors import Unmendable
from ringfence_bootstrap.plan import Difference, converge, differing
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_bootstrap.vault.desired import AUTHORITIES, desired
from ringfence_bootstrap.vault.items import Item, Values
from ringfence_bootstrap.vault.logins import roles_path
from ringfence_bootstrap.vault.policies import OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference and the request that ends it; without a body the object is deleted."""

    difference: Difference
    path: str
    body: Values | None

    def make(self, vault: VaultApi) -> None:
        """Sends the request."""
        if self.body is None:
            vault.delete(self.path)
        else:
            vault.write(self.path, **self.body)


def changes(vault: VaultApi, described: Description) -> list[Change]:
    """Returns what differs, in the order in which it is to be changed; reads only.

    Raises Unmendable when something is there that differs in what can be chosen only when it is made.
    """
    items = list(desired(described))
    missing: set[str] = set()
    found: list[Change] = []
    for item in items:
        data = None if item.below in missing else vault.data(item.path)
        understood = None if data is None else item.understand(data)
        if understood is None:
            if item.below not in missing:
                _refuse_among_others(vault, item)
            missing.add(item.path)
            found.append(_making(item))
        elif differences := differing(understood, item.fields):
            found.append(_mending(item, differences))
    return [*found, *_removing(vault, described, {item.path for item in items}, missing)]


def apply(vault: VaultApi, described: Description) -> list[Difference]:
    """Makes everything so and returns what was changed; after a crash it is simply run again.

    Raises Unmendable before anything is changed, NotConverged when differences are left.
    """
    return converge(lambda: changes(vault, described), lambda change: change.make(vault))


def _refuse_among_others(vault: VaultApi, item: Item) -> None:
    if item.empty and (there := vault.names(item.empty)):
        raise Unmendable(
            f"{item.path} names none of {len(there)} at {item.empty} ({', '.join(there)}): see which is trusted, "
            "and make it the default by hand"
        )


def _making(item: Item) -> Change:
    path, body = item.to_make()
    shown = {name: (None, value) for name, value in {**item.fields, **item.making}.items() if value}
    return Change(difference=Difference(sign="+", path=item.path, fields=shown), path=path, body=body)


def _mending(item: Item, differences: dict[str, tuple[object, object]]) -> Change:
    if fixed := sorted(item.fixed & differences.keys()):
        is_, wanted = differences[fixed[0]]
        raise Unmendable(
            f"{item.path} has {fixed[0]} {is_!r}, not {wanted!r}, which cannot be changed; see what it is used for, "
            "and move or remove it by hand"
        )
    path, body = item.to_mend()
    return Change(difference=Difference(sign="~", path=item.path, fields=differences), path=path, body=body)


def _removing(vault: VaultApi, described: Description, wanted: set[str], missing: set[str]) -> Iterator[Change]:
    """Roles that nobody described: any of our issuers, and those of the auth method that give away our policies."""
    for mount in AUTHORITIES:
        if f"sys/mounts/{mount}" not in missing:
            yield from _strangers(vault, f"{mount}/roles", wanted)
    roles = roles_path(described)
    if f"sys/auth/{roles.removeprefix('auth/').removesuffix('/role')}" in missing:
        return
    for change in _strangers(vault, roles, wanted):
        given = vault.data(change.path) or {}
        if {*OURS} & {*(given.get("token_policies") or ()), *(given.get("policies") or ())}:
            yield change


def _strangers(vault: VaultApi, folder: str, wanted: set[str]) -> Iterator[Change]:
    for name in vault.names(folder):
        path = f"{folder}/{name}"
        if path not in wanted:
            yield Change(difference=Difference(sign="-", path=path, fields={}), path=path, body=None)
