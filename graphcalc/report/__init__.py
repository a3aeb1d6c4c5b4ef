"""Printers: every one works from the trace, or from a diagnostic, alone."""
