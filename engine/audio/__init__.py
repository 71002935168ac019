"""From packets of any sound to causal log-mel rows and voice activity."""
