"""The four papers beside our decoder: causal forms, trained on the same tracks and budget."""
