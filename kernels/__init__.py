"""Array operations of the rasterizer; no knowledge of faces or sessions."""
