"""The language: text to syntax trees, and back."""
