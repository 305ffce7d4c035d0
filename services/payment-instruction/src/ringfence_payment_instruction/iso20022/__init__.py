"""ISO 20022: pain.001 in and pain.002 out for customers, pacs.008 out and pacs.002 / camt.054 in for the bank.

Every reader takes the bytes of one file and returns frozen values or raises `FileRefused`, nothing else; every writer
takes values and returns the bytes of one file that is valid by its XSD. None of them touches a file, clock or network.
"""
