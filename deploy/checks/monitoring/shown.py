"""Which drill shows an alert over real processes: the trouble fires it, and what its runbook says ends it."""

from __future__ import annotations

SHORT = "deploy/checks/test_alerts.py"
MONEY, PAYMENTS, LOG, PLATFORM = (f"tests/alerts/test_{name}.py" for name in ("money", "payments", "log", "platform"))

SHOWN = {
    "RingfenceBookAccountMissing": f"{SHORT}::test_a_book_without_a_bank_is_named",
    "RingfenceMetricsMissing": f"{SHORT}::test_a_service_that_is_gone_is_missed",
    "RingfenceNoLeader": f"{SHORT}::test_a_standby_that_cannot_lead_leaves_nobody",
    "RingfenceProcessesMissing": f"{SHORT}::test_a_standby_that_is_gone_is_missed",
    "RingfenceNoStandby": f"{SHORT}::test_a_standby_that_is_gone_is_missed",
    "RingfenceSuspenseLies": f"{MONEY}::test_money_for_nobody",
    "RingfencePaymentsHeld": f"{PAYMENTS}::test_a_held_payment",
    "RingfencePaymentsUnknown": f"{PAYMENTS}::test_a_bank_that_does_not_answer",
    "RingfenceOutboxOld": f"{PAYMENTS}::test_a_closed_way_to_the_bank_and_a_foreign_message",
    "RingfenceRailContradiction": f"{PAYMENTS}::test_a_closed_way_to_the_bank_and_a_foreign_message",
    "RingfenceScreeningListOld": f"{PAYMENTS}::test_a_list_that_ages",
    "RingfenceScreeningListStale": f"{PAYMENTS}::test_a_list_that_ages",
    "RingfenceStatementsLag": f"{PLATFORM}::test_statements_behind_a_lock",
    "RingfenceLeadershipChanges": f"{PLATFORM}::test_a_leader_that_changes_again_and_again",
    "RingfenceProcessRestarts": f"{PLATFORM}::test_a_process_that_starts_again_and_again",
    "RingfenceClockDiffers": f"{PLATFORM}::test_a_clock_that_is_behind",
    "RingfenceCheckpointOld": f"{LOG}::test_a_sealed_vault",
    "RingfenceFollowerLags": f"{LOG}::test_a_source_that_is_away",
}
"""Alerts by the test that has each fire and end."""

NOT_SHOWN = {
    "RingfenceTwoLeaders": "two processes cannot both hold the lease; the alert is there for when that is wrong",
    "RingfenceHistoryAhead": "the clocks of a service and of PostgreSQL would have to be wrong together",
    "RingfenceLedgerImbalance": "custody refuses what would not balance, and no input makes its memory wrong",
    "RingfenceResultUnknown": "needs a custody of a later release than payment-instruction, and there is none yet",
    "RingfenceEventUnreadable": "needs a source that writes bytes which do not fit their topic; each refuses to",
    "RingfencePeersDisagree": "needs releases that do not fit; v0.1.0 and this one do",
}
"""Alerts that no trouble can make fire on real processes, with the reason; promtool alone tries their rules."""

NOT_YET = {
    "RingfenceOperatorsEnd": "needs an installation whose operators' roles end in days; the bootstrap file gives 180",
    "RingfenceDepositsWait": "needs evidence that is taken in while custody or an account of the book is away",
    "RingfenceCallsFailFast": "fires beside others in several drills; none awaits it for itself",
    "RingfenceCallsFailSteadily": "fires beside others in several drills; none awaits it for itself",
    "RingfenceCallsSlowFast": "needs calls that wait for a peer or a disk for half a second, for a while",
    "RingfenceCallsSlowSteadily": "needs calls that wait for a peer or a disk for half a second, for a while",
    "RingfenceDefect": "needs a call that ends in INTERNAL, as with a table that is not there",
    "RingfenceLedgerContradiction": "needs a reservation that somebody else has released before the bank answers",
    "RingfenceFeedHalted": "needs a source that is restored to an earlier point, and the order of two persons",
    "RingfenceVaultTokenEnds": "needs an administrator of Vault who gives tokens of minutes",
    "RingfenceCertificateEnds": "needs an administrator of Vault who gives certificates of minutes",
    "RingfenceLogLinesLost": "needs a small disk for logs, as the drills of disks have it",
    "RingfenceThreadsWait": "needs hundreds of reads at once behind a lock in the database",
    "RingfenceOverloaded": "needs more transfers than custody takes, as the drill of overload sends them",
}
"""Alerts that a trouble could make fire, and no drill does yet."""
