"""Alerts: troubles on a whole stack, each with the alert that it fires and the way by which its runbook ends it."""
