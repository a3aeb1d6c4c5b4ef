"""The functions of the language by name: rows of the op table, shape functions and composites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from graphcalc.diagnostics import Label, UnknownNameError, brief, did_you_mean
from graphcalc.ops.spec import HasSignature, Op
from graphcalc.ops.table import FUNCTIONS

if TYPE_CHECKING:
    from graphcalc.ops.prelude import Composite


class FunctionTable:
    """What a function's name means, but for the functions that a program defines itself.

    The prelude and the shape functions are read when a name is first looked up.
    """

    def __init__(self, shape_functions: Callable[[], Mapping[str, HasSignature]]) -> None:
        self._load = shape_functions

    @cached_property
    def _shape_functions(self) -> Mapping[str, HasSignature]:
        return self._load()

    @cached_property
    def _composites(self) -> Mapping[str, Composite]:
        from graphcalc.ops.prelude import COMPOSITES

        return COMPOSITES

    def find(self, name: str, module: str = "") -> Op | Composite | HasSignature | None:
        """Return the row, shape function or composite of a name, or None.

        `np.std` and `linalg.norm` differ from torch's `std` and `norm`: where there is a
        function `np_std`, it is what `np.std` means.
        """
        prefix = {"numpy": "np", "functional": "F"}.get(module, module)
        sized, composites = self._shape_functions, self._composites
        for full in (f"{prefix}_{name}", name) if prefix else (name,):
            found = sized.get(full) or FUNCTIONS.get(full) or composites.get(full)
            if found is not None:
                return found
        return None

    def with_more_arguments(self, op: Op) -> Composite | None:
        """Return the composite that a call of a row means where it has more than the row takes."""
        return self._composites.get(f"call_{op.name}")

    def is_builtin(self, name: str) -> bool:
        """Whether a program can call a function of the language by this name."""
        from graphcalc.ops.prelude import PRIVATE

        return not name.startswith(PRIVATE) and self.find(name) is not None

    def names(self) -> set[str]:
        """Return every name by which a program can call a function of the language."""
        from graphcalc.ops.prelude import PRIVATE

        public = {n for n in self._composites if not n.startswith(PRIVATE)}
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
