"""What runbooks say of followers is so in the code."""

from __future__ import annotations

from .following import followers_in_code, followers_named


def test_the_runbook_of_a_fork_names_every_follower() -> None:
    """Whoever follows a source is started again after its fork: a follower that is left out follows no more."""
    followers = followers_in_code()
    assert "payment-instruction" in followers["identity"]
    assert followers_named() == followers
