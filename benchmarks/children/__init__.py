"""Modules that run in processes of their own, to measure memory. Imports nothing heavy."""
