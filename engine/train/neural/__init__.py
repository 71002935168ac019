"""Everything that teaches the neural renderer; may import torch."""
