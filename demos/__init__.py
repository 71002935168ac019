"""Short scripts that read like the README."""
