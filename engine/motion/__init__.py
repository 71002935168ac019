"""Phones to faces: channels, lip opening, prosody, the sampled noise and the decoder."""
