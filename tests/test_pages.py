"""What pages for developers say of the package: its rooms, its files and its formats."""

import re
from pathlib import Path

import pytest

from graphcalc.report import machine, pages

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    path.name if path.suffix else f"{path.name}/"
    for path in (ROOT / "graphcalc").iterdir()
    if not path.name.startswith("_") and path.name != "py.typed"
}


def named_files(text):
    """The paths in a page's backquotes, those inside the package with its name in front."""
    rooms = "|".join(room for room in ROOMS if room.endswith("/"))
    full = re.findall(r"`((?:graphcalc|grammars|tests|docs)/[\w./-]+)`", text)
    return {*full, *(f"graphcalc/{name}" for name in re.findall(rf"`((?:{rooms})[\w./-]*)`", text))}


def missing(text):
    """The paths that a page names and the repository lacks."""
    return sorted(name for name in named_files(text) if not (ROOT / name).exists())


def test_every_room_is_described():
    """docs/architecture.md has every folder and every module at the top of the package."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert ROOMS - set(re.findall(r"`([\w./]+)`", text)) == set()


@pytest.mark.parametrize(
    "document",
    ["CONTRIBUTING.md", "docs/architecture.md", "docs/operations.md", "docs/performance.md"],
)
def test_named_files_exist(document):
    """Every file that a page for developers names is there."""
    text = (ROOT / document).read_text(encoding="utf-8")
    assert len(named_files(text)) > 2
    assert missing(text) == []


def test_missing_files_are_noticed():
    """Paths from the root and inside of the package are looked up, and wrong ones found."""
    text = "`graphcalc/api.py`, `graph/walk.py`, `graph/gone.py`, `tests/gone/`, `/`, `a/b`"
    assert missing(text) == ["graphcalc/graph/gone.py", "tests/gone/"]


def test_every_format_has_a_printer():
    """What `--format` takes is what something prints."""
    assert {*pages.FORMATS} == {"table", *pages.STEPS, *machine.PRINTERS}
