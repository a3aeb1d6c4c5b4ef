"""Kernels of the op table: what computes a row in Python, on torch and in polars."""
