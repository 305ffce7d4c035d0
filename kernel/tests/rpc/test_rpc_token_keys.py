"""Public keys of tokens: fetched when needed, at a bounded rate, trusted for a bounded time."""

from __future__ import annotations

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from ringfence_kernel.access.refusals import TokenKeysUnavailable
from ringfence_kernel.access.token_keys import RemoteKeys, parse_key_set
from ringfence_kernel.values.clock import NANOSECONDS, ManualClock


class Issuer:
    """Publishes keys, or is away."""

    def __init__(self, *key_ids: str) -> None:
        """Publishes a fresh key per id."""
        self.keys = {key_id: Ed25519PrivateKey.generate().public_key() for key_id in key_ids}
        self.fetches = 0
        self.is_away = False

    async def fetch(self) -> str:
        """Returns the key set."""
        self.fetches += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise ConnectionError
        published = [OKPAlgorithm.to_jwk(key, as_dict=True) | {"kid": key_id} for key_id, key in self.keys.items()]
        return json.dumps({"keys": published})


def seconds(count: float) -> int:
    """Returns nanoseconds."""
    return int(count * NANOSECONDS)


async def test_concurrent_calls_fetch_once() -> None:
    """A hundred callers at once cost one fetch, and find the same key."""
    issuer = Issuer("v1")
    keys = RemoteKeys(issuer.fetch, ManualClock())
    found = await asyncio.gather(*(keys.key("v1") for _ in range(100)))
    assert issuer.fetches == 1
    assert found == [issuer.keys["v1"]] * 100


async def test_unknown_ids_cannot_force_fetches() -> None:
    """A flood of made-up ids costs one fetch per bounded time, and each is simply unknown."""
    issuer, clock = Issuer("v1"), ManualClock()
    keys = RemoteKeys(issuer.fetch, clock, unknown_seconds=2)
    assert [await keys.key(f"made-up-{number}") for number in range(50)] == [None] * 50
    assert issuer.fetches == 1
    clock.advance(seconds(2))
    await keys.key("made-up")
    assert issuer.fetches == 2


async def test_a_rotated_key_is_found_and_a_withdrawn_one_forgotten() -> None:
    """A new id is fetched for; an unchanged key keeps its object; a withdrawn key is gone after the next fetch."""
    issuer, clock = Issuer("v1"), ManualClock()
    keys = RemoteKeys(issuer.fetch, clock)
    first = await keys.key("v1")
    issuer.keys |= Issuer("v2").keys
    clock.advance(seconds(5))
    assert await keys.key("v2") == issuer.keys["v2"]
    assert await keys.key("v1") is first
    del issuer.keys["v1"]
    clock.advance(seconds(301))
    assert await keys.key("v1") is first
    while issuer.fetches < 3:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert await keys.key("v1") is None


async def test_known_keys_outlast_the_issuers_absence_for_a_bounded_time() -> None:
    """While the issuer is away its last keys are believed, then nothing is; when it is back, all goes on."""
    issuer, clock = Issuer("v1"), ManualClock()
    keys = RemoteKeys(issuer.fetch, clock, trusted_seconds=3600)
    await keys.key("v1")
    issuer.is_away = True
    clock.advance(seconds(3600))
    assert await keys.key("v1") is not None
    with pytest.raises(TokenKeysUnavailable):
        await keys.key("v2")
    clock.advance(seconds(10))
    with pytest.raises(TokenKeysUnavailable):
        await keys.key("v1")
    issuer.is_away = False
    clock.advance(seconds(10))
    assert await keys.key("v1") is not None


async def test_before_the_first_fetch_nothing_is_known() -> None:
    """An issuer that is away from the start makes tokens unverifiable, not invalid."""
    issuer = Issuer("v1")
    issuer.is_away = True
    with pytest.raises(TokenKeysUnavailable):
        await RemoteKeys(issuer.fetch, ManualClock()).key("v1")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": [1]}', '{"keys": [{"kid": "v1", "kty": "OKP"}]}'])
def test_what_is_no_key_set_is_refused(text: str) -> None:
    """A broken answer of the issuer is a ValueError, never half a key set."""
    with pytest.raises(ValueError, match=r".*"):
        parse_key_set(text)
