"""The certificate of this process, and how it changes while all goes on.

`renewal` obtains and renews it; `bundle` is what everybody else sees of it; `serving` and `connecting` show each new
one to whoever connects, and to whom we connect. Vault's PKI engine signs it (`vault/pki`).
"""
