"""Torch definitions of everything that is trained; never imported by the live line."""
