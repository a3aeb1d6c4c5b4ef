"""What the pages for developers say of the package, held against it."""

import re
from pathlib import Path

import pytest

from graphcalc.report import machine, pages

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_room_is_described():
    """docs/architecture.md has every folder and every module at the top of the package."""
    rooms = {path.name for path in (ROOT / "graphcalc").iterdir() if not path.name.startswith("_")}
    expected = {name if name.endswith(".py") else f"{name}/" for name in rooms} - {"py.typed/"}
    assert expected - set(re.findall(r"`([\w./]+)`", ARCHITECTURE)) == set()


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_named_files_exist(document):
    """Every file that a page for developers names is there."""
    text = (ROOT / document).read_text(encoding="utf-8")
    rooms = "|".join(path.name for path in (ROOT / "graphcalc").iterdir() if path.is_dir())
    full = set(re.findall(r"`((?:graphcalc|grammars|tests|docs)/[\w./-]+)`", text))
    inside = {f"graphcalc/{name}" for name in re.findall(rf"`((?:{rooms})/[\w./-]*)`", text)}
    assert len(full | inside) > 10
    assert sorted(name for name in full | inside if not (ROOT / name).exists()) == []


def test_every_format_has_a_printer():
    """What `--format` takes is what something prints."""
    assert {*pages.FORMATS} == {"table", *pages.STEPS, *machine.PRINTERS}
