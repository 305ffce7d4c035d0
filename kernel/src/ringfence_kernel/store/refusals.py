"""SQLSTATEs by which an append is refused; a class of its own (PostgreSQL, appendix A)."""

CURSOR_BEHIND = "RF001"
"""The tables that are written with the events lack earlier events."""
CLOCK_WRONG = "RF002"
"""The clock of the process and the database's differ."""
HISTORY_AHEAD = "RF003"
"""The events would be dated ahead of both clocks."""
