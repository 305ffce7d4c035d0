"""A bank in a spool folder: answers payments and reports deposits, by simple rules (see README.md)."""
