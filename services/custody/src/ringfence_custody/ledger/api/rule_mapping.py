"""Rules of a book between the protos and the domain."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_protos.custody.v1 import custody_pb2 as pb

from ringfence_custody.ledger.domain.purposes import AccountClass, RulePack
from ringfence_custody.ledger.domain.rule_packs import PurposeRule, document_of, rules_of

MAX_PURPOSES = 64
PAIRS = len(AccountClass) ** 2


def purpose_rules(messages: Sequence[pb.PurposeRule]) -> list[PurposeRule]:
    """Returns the rules asked for, one per purpose; raises InvalidArgument."""
    bounds.size("purposes", len(messages), minimum=1, maximum=MAX_PURPOSES)
    if len({message.code for message in messages}) < len(messages):
        raise InvalidArgument("purposes must differ in code", field="purposes")
    return [_purpose_rule(message) for message in messages]


def _purpose_rule(message: pb.PurposeRule) -> PurposeRule:
    bounds.size("pairs", len(message.pairs), minimum=1, maximum=PAIRS)
    bounds.number("maximum_minor", message.maximum_minor, minimum=0, maximum=MAX_AMOUNT_MINOR)
    return PurposeRule(
        message.code,
        frozenset((int(pair.debit_class), int(pair.credit_class)) for pair in message.pairs),
        message.mandate_required,
        message.maximum_minor or None,
    )


def rules(pack: RulePack) -> pb.Rules:
    """Returns rules in force."""
    document = document_of(pack)
    return pb.Rules(
        version=pack.version,
        purposes=map(_message, rules_of(pack)),
        document=document,
        sha256=sha256(document.encode()).digest(),
    )


def _message(rule: PurposeRule) -> pb.PurposeRule:
    pairs = [
        pb.ClassPair(
            debit_class=pb.AccountClass.ValueType(debit),
            credit_class=pb.AccountClass.ValueType(credit),
        )
        for debit, credit in sorted(rule.pairs)
    ]
    return pb.PurposeRule(
        code=rule.code, pairs=pairs, mandate_required=rule.mandate_required, maximum_minor=rule.maximum_minor or 0
    )
