"""What the administrator's token of a bootstrap must be allowed: derived from what the bootstrap asks of Vault."""

from __future__ import annotations

from collections import defaultdict

from ringfence_bootstrap.description import Description
from ringfence_bootstrap.vault.desired import AUTHORITIES, desired
from ringfence_bootstrap.vault.logins import roles_path
from ringfence_bootstrap.vault.policies import Rules


def administrator_rules(described: Description) -> Rules:
    """Returns capabilities by path that a plan and its application need, and the end of one's own token."""
    needed: dict[str, set[str]] = defaultdict(set)
    for item in desired(described):
        needed[item.path] |= {"read"}
        for path, _ in (item.to_make(), item.to_mend()):
            needed[path] |= {"create", "update"}
        if item.empty:
            needed[item.empty] |= {"list"}
    for folder in (*(f"{mount}/roles" for mount in AUTHORITIES), roles_path(described)):
        needed[folder] |= {"list"}
        needed[f"{folder}/+"] |= {"read", "delete"}
        # The most exact rule for a path is the only one that counts.
        for path in [path for path in needed if path.startswith(f"{folder}/") and not path.endswith("+")]:
            needed[path] |= {"read", "delete"}
    for path in [path for path in needed if path.startswith("sys/auth/")]:
        needed[path] |= {"sudo"}
    needed["auth/token/lookup-self"] |= {"read"}
    needed["auth/token/revoke-self"] |= {"update"}
    return {path: tuple(sorted(capabilities)) for path, capabilities in needed.items()}
