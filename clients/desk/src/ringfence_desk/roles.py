"""What ids and words in facts are of."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a part of a sentence is; those of an id can be looked up by it."""

    TEXT = "text"
    QUOTE = "quote"
    PARTY = "party"
    ACCOUNT = "account"
    PRINCIPAL = "principal"
    PLATFORM = "platform"
    PAYMENT = "payment"
    ID = "id"
    MONEY = "money"
    TIME = "time"
