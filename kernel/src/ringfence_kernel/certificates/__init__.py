"""The certificate of this process: how it is obtained and renewed, and how servers and clients follow each renewal."""
