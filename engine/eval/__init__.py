"""Measurements: each suite prints a table and ends with one JSON line."""
