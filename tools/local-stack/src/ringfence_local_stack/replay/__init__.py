"""Replays the postings of a bank into a book and compares every balance with the bank's own."""
