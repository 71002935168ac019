"""Signalling over HTTP and the page that people open."""
