"""The fonts of pictures: parts of DejaVu Sans Mono, regular and bold, under their own licence."""

from __future__ import annotations

from pathlib import Path

FAMILY = "DejaVu Sans Mono"
REGULAR = Path(__file__).with_name("DejaVuSansMono.ttf")
BOLD = Path(__file__).with_name("DejaVuSansMono-Bold.ttf")
