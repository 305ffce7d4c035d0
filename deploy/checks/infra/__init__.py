"""Terraform and the Tiltfile, read without and with their programs."""
