"""A mirror of a log (C2SP tlog-mirror): it holds every entry, reads all of them, and cosigns that it did."""
