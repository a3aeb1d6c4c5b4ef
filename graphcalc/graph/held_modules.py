"""The modules that a Sequential, a ModuleList or a ModuleDict holds."""

from __future__ import annotations

from graphcalc.graph.lowered import Lowered, TextValue
from graphcalc.graph.objects import ObjectValue
from graphcalc.graph.parameter_names import HOLDERS


def held(item: ObjectValue) -> tuple[Lowered, ...] | None:
    """Return what a loop over a module goes over; None for one that holds no others."""
    base = item.kind.own_base
    if not base.is_layer or base.name not in HOLDERS:
        return None
    if base.name in ("ModuleDict", "ParameterDict"):
        return tuple(TextValue(key) for key in item.members)
    return tuple(item.members.values())
