"""Which drill shows an alert over real processes: the trouble fires it, and what its runbook says ends it."""

from __future__ import annotations

SHORT = "deploy/checks/test_alerts.py"
MONEY, PAYMENTS, LOG, PLATFORM, CALLS, CREDENTIALS, DISKS, LEDGER, LISTS, OPERATORS, REGISTERS, DAYS, STATEMENTS = (
    f"tests/alerts/test_{name}.py"
    for name in (
        "money",
        "payments",
        "log",
        "platform",
        "calls",
        "credentials",
        "disks",
        "ledger",
        "lists",
        "operators",
        "registers",
        "days",
        "statements",
    )
)

SHOWN = {
    "RingfenceBookAccountMissing": f"{SHORT}::test_a_book_without_a_bank_is_named",
    "RingfenceMetricsMissing": f"{SHORT}::test_a_service_that_is_gone_is_missed",
    "RingfenceNoLeader": f"{SHORT}::test_a_standby_that_cannot_lead_leaves_nobody",
    "RingfenceProcessesMissing": f"{SHORT}::test_a_standby_that_is_gone_is_missed",
    "RingfenceNoStandby": f"{SHORT}::test_a_standby_that_is_gone_is_missed",
    "RingfenceShortfall": f"{MONEY}::test_a_deposit_that_the_bank_takes_back",
    "RingfenceSuspenseLies": f"{MONEY}::test_money_for_nobody",
    "RingfencePaymentsHeld": f"{PAYMENTS}::test_a_held_payment",
    "RingfencePaymentsUnknown": f"{PAYMENTS}::test_a_bank_that_does_not_answer",
    "RingfenceAnswerExcepted": f"{PAYMENTS}::test_an_answer_that_fits_no_payment",
    "RingfenceOutboxOld": f"{PAYMENTS}::test_a_closed_way_to_the_bank_and_a_foreign_message",
    "RingfenceRailContradiction": f"{PAYMENTS}::test_a_closed_way_to_the_bank_and_a_foreign_message",
    "RingfenceScreeningListOld": f"{PAYMENTS}::test_a_list_that_ages",
    "RingfenceScreeningListStale": f"{PAYMENTS}::test_a_list_that_ages",
    "RingfenceStatementsLag": f"{PLATFORM}::test_statements_behind_a_lock",
    "RingfenceLeadershipChanges": f"{PLATFORM}::test_a_leader_that_changes_again_and_again",
    "RingfenceProcessRestarts": f"{PLATFORM}::test_a_process_that_starts_again_and_again",
    "RingfenceClockDiffers": f"{PLATFORM}::test_a_clock_that_is_behind",
    "RingfenceCheckpointOld": f"{LOG}::test_a_sealed_vault",
    "RingfenceLogRolledBack": f"{LOG}::test_a_log_that_was_restored",
    "RingfenceCheckpointUnwitnessed": f"{LOG}::test_a_log_whose_witness_is_away",
    "RingfenceEvidenceUnproven": f"{LOG}::test_what_no_bank_has_said",
    "RingfenceEvidenceWaits": f"{LOG}::test_what_no_bank_has_said",
    "RingfenceFollowerLags": f"{LOG}::test_a_source_that_is_away",
    "RingfenceStandingStale": f"{LOG}::test_a_source_that_is_away",
    "RingfenceDepositsWait": f"{MONEY}::test_money_without_a_place",
    "RingfenceCallsFailFast": f"{CALLS}::test_calls_that_fail",
    "RingfenceCallsFailSteadily": f"{CALLS}::test_calls_that_fail",
    "RingfenceCallsSlowFast": f"{CALLS}::test_reads_behind_a_lock",
    "RingfenceCallsSlowSteadily": f"{CALLS}::test_reads_behind_a_lock",
    "RingfenceThreadsWait": f"{CALLS}::test_reads_behind_a_lock",
    "RingfenceOverloaded": f"{CALLS}::test_statements_that_cannot_follow",
    "RingfenceDefect": f"{CALLS}::test_a_table_that_is_not_there",
    "RingfenceVaultTokenEnds": f"{CREDENTIALS}::test_a_policy_that_was_narrowed",
    "RingfenceCertificateEnds": f"{CREDENTIALS}::test_a_policy_that_was_narrowed",
    "RingfenceLogLinesLost": f"{DISKS}::test_a_full_disk_for_logs",
    "RingfenceBooksDifferent": f"{LEDGER}::test_a_cent_that_is_on_another_account",
    "RingfenceLedgerImbalance": f"{LEDGER}::test_a_memory_that_is_wrong",
    "RingfenceFeedHalted": f"{LEDGER}::test_a_source_that_went_back",
    "RingfenceClientListed": f"{LISTS}::test_a_list_that_names_a_payee",
    "RingfenceClientNotBlocked": f"{LISTS}::test_a_list_that_names_a_client_while_identity_is_away",
    "RingfenceOperatorsEnd": f"{OPERATORS}::test_operators_whose_time_ends",
    "RingfenceBreaksLate": f"{DAYS}::test_days_that_no_bank_states",
    "RingfenceSafeguardingMissed": f"{DAYS}::test_days_that_no_bank_states",
    "RingfenceStatementExcepted": f"{STATEMENTS}::test_a_statement_that_does_not_add_up",
    "RingfenceMirrorUnlettered": f"{REGISTERS}::test_a_letter_that_has_ended",
    "RingfenceConcentrationBreached": f"{REGISTERS}::test_too_much_at_one_bank",
}
"""Alerts by the test that has each fire and end."""

NOT_SHOWN = {
    "RingfenceOperatorsTooFew": "nothing ends it on a stack: one operator alone lets nobody in again",
    "RingfenceOperatorsCertificatesEnd": "a pinned certificate counts for thirty days, and no clock can be moved",
    "RingfenceCalendarEnds": "a stack is born with two years' lists, and a list that is in force cannot be taken back",
    "RingfenceCalendarYearMissing": "the same; test_payment_days has a payment wait for its calendar, and go on",
    "RingfenceTwoLeaders": "two processes cannot both hold the lease; the alert is there for when that is wrong",
    "RingfenceHistoryAhead": "the clocks of a service and of PostgreSQL would have to be wrong together",
    "RingfenceResultUnknown": "needs a custody of a later release than payment-instruction, and there is none yet",
    "RingfenceLedgerContradiction": "reservations have owners; an id that somebody took, what is left, has no end",
    "RingfenceEventUnreadable": "needs a source that writes bytes which do not fit their topic; each refuses to",
    "RingfenceReviewsDue": "what is registered today is reviewed tomorrow at the earliest",
    "RingfencePeersDisagree": "needs releases that do not fit; v0.1.0 and this one do",
}
"""Alerts that no trouble can make fire on real processes, with the reason; promtool alone tries their rules."""
