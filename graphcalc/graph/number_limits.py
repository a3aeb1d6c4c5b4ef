"""Limits of dtypes: the parts of `torch.finfo(dtype)` and `torch.iinfo(dtype)` are numbers."""

from __future__ import annotations

from graphcalc.graph import dtypes
from graphcalc.graph.call_site import CallSite, ShapeFunction
from graphcalc.graph.lowered import Lowered, StaticNumber, TextValue, TupleValue

_PARTS = ("min", "max", "eps", "tiny", "smallest_normal")
# Bits of the fraction of a dtype, and its largest and smallest exponents.
_FLOATS = {
    "float16": (10, 15, -14),
    "bfloat16": (7, 127, -126),
    "float32": (23, 127, -126),
    "float64": (52, 1023, -1022),
}
_INTEGERS = {
    "uint8": (0, 2**8 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "short": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int": (-(2**31), 2**31 - 1),
}


def _floats(site: CallSite) -> Lowered:
    found = site.item("dtype")
    name = site.scope.builder.dtype
    if found is not None:
        argument = site.matched["dtype"][1]
        name = dtypes.dtype_of(site.scope, found, argument, site.frame.source)
    if name not in _FLOATS:
        raise site.fail("dtype", "a floating point dtype")
    bits, largest, smallest = _FLOATS[name]
    most = (2.0 - 2.0**-bits) * 2.0**largest
    tiny = 2.0**smallest
    return _limits(site, _PARTS, (-most, most, 2.0**-bits, tiny, tiny))


def _integers(site: CallSite) -> Lowered:
    found = site.item("dtype")
    name = found.text if isinstance(found, TextValue) else ""
    if name not in _INTEGERS:
        raise site.fail("dtype", "a dtype of whole numbers of up to 32 bits,")
    return _limits(site, _PARTS[:2], _INTEGERS[name])


def _limits(site: CallSite, names: tuple[str, ...], values: tuple[float, ...]) -> TupleValue:
    return TupleValue(tuple(map(StaticNumber, values)), site.node, names)


NUMBER_LIMITS = (
    ShapeFunction(
        "finfo",
        "dtype: text = None",
        "The limits of a floating point dtype: `.min`, `.max`, `.eps`, `.tiny`.",
        _floats,
        (("torch.finfo(torch.float16).max", "65504"),),
    ),
    ShapeFunction(
        "iinfo",
        "dtype: text",
        "The limits of a dtype of whole numbers of up to 32 bits: `.min` and `.max`.",
        _integers,
        (("torch.iinfo(torch.int8).min", "-128"),),
    ),
)
