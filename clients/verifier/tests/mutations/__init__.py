"""Valid evidence changed piece by piece, judged by the verifier and by others' code.

A case is made from its number alone. What the verifier accepts an oracle has to accept as the same thing; whatever it
refuses it has to refuse by VerificationError.
"""
