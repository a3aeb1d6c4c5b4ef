"""What runs in processes of its own, so that its memory can be told. Imports nothing heavy."""
