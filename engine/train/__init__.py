"""Scripts that make every trained or built file of the repository."""
