"""What the operations are."""
