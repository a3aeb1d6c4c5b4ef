"""Print the oldest version that pyproject.toml admits of every package that the tests need."""

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11
    from pip._vendor import tomli as tomllib

OWN = re.compile(r"graphcalc\[([\w,-]+)\]")


def pins(project, extra):
    """Yield the requirements of an extra, and of those it names, at their lower bounds."""
    for requirement in project["optional-dependencies"][extra]:
        own = OWN.fullmatch(requirement)
        if own:
            for name in own[1].split(","):
                yield from pins(project, name)
        else:
            yield pin(requirement)


def pin(requirement):
    """Return `name==1.2; marker` of `name>=1.2,<2; marker`."""
    found = re.fullmatch(r"([\w-]+)>=([\w.]+)(?:,[^;]*)?(;.*)?", requirement)
    if not found:
        sys.exit(f"{requirement}: no lower bound")
    name, version, marker = found.groups()
    return f"{name}=={version}{marker or ''}"


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    for line in [*map(pin, project["dependencies"]), *pins(project, "test")]:
        print(line)
