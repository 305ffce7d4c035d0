"""Stores filled with years of events while their service is down."""
