"""Talking styles: the code, its file, the encoder that makes it and the bundled library."""
