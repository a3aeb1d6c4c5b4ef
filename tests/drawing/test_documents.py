"""The pictures of the documents are those that the commands beside them make."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from running import LESSON, graphcalc

ROOT = Path(__file__).resolve().parents[2]
BLOCK = ("--check", "-f", "examples/layers.gc", "-f", "examples/transformer.gc")
COMMANDS = {
    "lesson": (*LESSON, "--grad", "g"),
    "transformer": (*BLOCK, "--depth", "0"),
    "transformer-unfolded": (*BLOCK, "--depth", "all"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_documents_show_what_the_commands_draw(name, tmp_path):
    """The same bytes, from another folder and another process."""
    path = tmp_path / f"{name}.svg"
    done = graphcalc(*COMMANDS[name], "--graph", str(path), cwd=ROOT)
    assert done.status == 0, done.complaint
    kept = ROOT / "docs" / "pictures" / f"{name}.svg"
    assert path.read_bytes() == kept.read_bytes()
    ET.fromstring(path.read_text(encoding="utf-8"))
