"""The functions of the language by name: rows of the op table, shape functions and composites."""

from __future__ import annotations

from collections.abc import Mapping

from graphcalc.diagnostics import Label, UnknownNameError, brief, did_you_mean
from graphcalc.ops.prelude import COMPOSITES, PRIVATE, Composite
from graphcalc.ops.spec import HasSignature, Op
from graphcalc.ops.table import FUNCTIONS


class FunctionTable:
    """What a function's name means, but for the functions that a program defines itself."""

    def __init__(self, shape_functions: Mapping[str, HasSignature]) -> None:
        self._shape_functions = shape_functions

    def find(self, name: str, module: str = "") -> Op | Composite | HasSignature | None:
        """Return the row, shape function or composite of a name, or None.

        `np.std` and `linalg.norm` differ from torch's `std` and `norm`: where there is a
        function `np_std`, it is what `np.std` means.
        """
        prefix = {"numpy": "np", "functional": "F"}.get(module, module)
        for full in (f"{prefix}_{name}", name) if prefix else (name,):
            found = self._shape_functions.get(full) or FUNCTIONS.get(full) or COMPOSITES.get(full)
            if found is not None:
                return found
        return None

    def with_more_arguments(self, op: Op) -> Composite | None:
        """Return the composite that a call of a row means where it has more than the row takes."""
        return COMPOSITES.get(f"call_{op.name}")

    def is_builtin(self, name: str) -> bool:
        """Whether a program can call a function of the language by this name."""
        return not name.startswith(PRIVATE) and self.find(name) is not None

    def names(self) -> set[str]:
        """Return every name by which a program can call a function of the language."""
        public = {n for n in COMPOSITES if not n.startswith(PRIVATE)}
        sized = {n for n in self._shape_functions if not n.startswith("_")}
        return {*FUNCTIONS, *sized, *public}


def unknown_function(name: str, known: set[str], label: tuple[Label, ...]) -> UnknownNameError:
    """Return the error for a call of a name that is no function, with the nearest `known` one."""
    from graphcalc.graph.slips import instead_of_call  # only where something is wrong

    return UnknownNameError(
        "unknown-function",
        f"unknown function `{brief(name)}`",
        label,
        help=instead_of_call(name, label[0]) or did_you_mean(name, known),
    )
