"""The composites: functions of the language that are written in it, in the files of `FILES`.

A file is text with one definition a line. The comment above a definition is its doc; lines
`>>> expression` and the line after each are examples, and a line `differs:` says where the
function is not torch's. A line `one kernel` says that torch computes the function at once: of
float16 and bfloat16 its inside is in float32, and the result is rounded; its gradient is then that
of torch's function. A line `gradient of torch` says the latter alone. A name that starts with `_`
is a helper of the others.
"""

from __future__ import annotations

import os
from typing import NamedTuple

_ONE_KERNEL = "one kernel"
_TORCH_GRADIENT = "gradient of torch"


class Composite(NamedTuple):
    """A definition of the prelude: its text, the comment above it, and the section it is in."""

    name: str
    text: str
    comment: tuple[str, ...]
    kind: str

    @property
    def signature(self) -> str:
        """The parameters with their defaults."""
        return self.text[len(self.name) + 1 : self.text.index(") = ")]

    @property
    def doc(self) -> str:
        """What the function is, in a sentence or two."""
        return " ".join(self._parts()[0])

    @property
    def differs(self) -> str:
        """Where the function is not torch's of that name."""
        return " ".join(self._parts()[1])

    @property
    def is_one_kernel(self) -> bool:
        """Whether torch computes it at once: in float32 for half precision, rounded at its end."""
        return _ONE_KERNEL in self.comment

    @property
    def has_torch_gradient(self) -> bool:
        """Whether of half precision its gradient is that of torch's function."""
        return self.is_one_kernel or _TORCH_GRADIENT in self.comment

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        """Expressions with their values."""
        lines = self.comment
        return tuple(
            (line[4:], lines[i + 1]) for i, line in enumerate(lines) if line.startswith(">>> ")
        )

    def _parts(self) -> tuple[list[str], list[str]]:
        doc: list[str] = []
        differs: list[str] = []
        into, is_value = doc, False
        for line in self.comment:
            if line in (_ONE_KERNEL, _TORCH_GRADIENT):
                continue
            if line.startswith("differs: "):
                into, line = differs, line[9:]
            if not (is_value or line.startswith(">>> ")):
                into.append(line)
            is_value = line.startswith(">>> ")
        return doc, differs


FILES = ("prelude.gc", "arrays.gc", "networks.gc", "losses.gc")


def read() -> str:
    """The text of the prelude: all its files, one after the other."""
    return "\n".join(map(_text, FILES))


def _text(name: str) -> str:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def scan(text: str) -> dict[str, Composite]:
    """The definitions of a prelude by name, without parsing them."""
    found: dict[str, Composite] = {}
    kind = ""
    comment: list[str] = []
    for line in text.split("\n"):
        if line[:3] == "## ":
            kind = line[3:]
        elif line[:1] == "#":
            comment.append(line[2:])
            continue
        elif line:
            name = line[: line.index("(")]
            found[name] = Composite(name, line, tuple(comment), kind)
        comment = []
    return found


COMPOSITES = scan(read())
# What the names begin with that a program does not call as they are: `np_std` is `np.std`.
_MODULES = ("np_", "math_", "linalg_", "F_", "torch_")
PRIVATE = ("_", *_MODULES, "autograd_", "call_")


def called(name: str) -> str:
    """How a composite is called: `np.std` for `np_std`, and `div` for `call_div`."""
    for prefix in _MODULES:
        if name.startswith(prefix):
            return f"{prefix[:-1]}.{name[len(prefix) :]}"
    return name.removeprefix("call_")
