"""Logs, spans and metrics of one process."""
