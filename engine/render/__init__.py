"""Motion -> picture: G-buffer and the toon look."""
