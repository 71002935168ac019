"""The editor's page: avatars made and changed in a browser, seen alive while they change."""
