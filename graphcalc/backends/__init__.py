"""Evaluators of a graph."""
