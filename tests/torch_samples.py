"""Torch's own samples of its functions (`op_db`), written as programs of the language.

`calls(name, dtype)` and `mistakes(name)` give them; tests/torch_verdicts.py runs them. What a
version of torch lacks is left out. A sample that cannot be written is an `Unwritable`.
"""

import contextlib
import functools
import itertools
import math
import operator
import warnings
from typing import Any, NamedTuple

import torch

from graphcalc.graph import shape_functions
from graphcalc.graph.functions import FunctionTable

FUNCTIONS = FunctionTable(lambda: shape_functions.FUNCTIONS)
MODULES = ("", "linalg", "nn.functional", "special")
PREFIXES = {"nn.functional": "F"}
OPERATORS = {
    "__getitem__": "{0}[{1}]",
    "__radd__": "{1} + {0}",
    "__rsub__": "{1} - {0}",
    "__rmul__": "{1} * {0}",
    "__rdiv__": "{1} / {0}",
    "__rmod__": "{1} % {0}",
    "__rpow__": "{1} ** {0}",
    "__rmatmul__": "{1} @ {0}",
    "__rand__": "{1} & {0}",
    "__ror__": "{1} | {0}",
    "__rxor__": "{1} ^ {0}",
}
# Samples whose first argument is another one than the function's.
REORDERED = {
    "where": (1, 0, 2),
    "polygamma": (1, 0),
    "special.polygamma": (1, 0),
    "nn.functional.embedding": (1, 0),
}
# Kinds of samples that are of another function: of a product, there.
OTHERS = frozenset({("linalg.pinv", "singular")})
# What draws numbers of its own.
RANDOM = frozenset("normal rand rand_like randint randn randn_like nn.functional.rrelu".split())
# The most elements of all inputs and results, for the time that a comparison takes.
MOST_ELEMENTS = 20_000


class Unwritable(Exception):
    """A sample that the language has no words for: complex numbers, layouts, `out=`."""


class Call(NamedTuple):
    """A call of a function of torch: what computes it there, and how it is written."""

    name: str
    function: Any
    positional: tuple[Any, ...]
    keywords: dict[str, Any]
    is_method: bool = False

    def wanted(self):
        """Return torch's result: a tuple of tensors, and whether torch gave one."""
        with _quiet_in_float64():
            found = self.function(*self.positional, **self.keywords)
        is_tuple = isinstance(found, (tuple, list)) and not isinstance(found, torch.Size)
        return (tuple(found) if is_tuple else (found,)), is_tuple

    def tensors(self):
        """Return every tensor among the arguments, in the order of their names x0, x1, …"""
        found = []
        pending = [*reversed([*self.positional, *self.keywords.values()])]
        while pending:
            value = pending.pop()
            if isinstance(value, torch.Tensor):
                found.append(value)
            elif isinstance(value, (tuple, list)):
                pending += reversed(value)
            elif isinstance(value, slice):
                pending += [value.step, value.stop, value.start]
        return found

    def text(self):
        """Return the call as text, with x0, x1, … for its tensors."""
        names = (f"x{i}" for i in itertools.count())
        texts = [written(value, names) for value in self.positional]
        if self.name in OPERATORS:
            is_items = self.name == "__getitem__" and isinstance(self.positional[1], (tuple, list))
            second = texts[1].strip("()").rstrip(",") if is_items else texts[1]
            if is_items and isinstance(self.positional[1], list):
                second = texts[1]
            second = f"({second})" if second.startswith("-") else second
            return OPERATORS[self.name].format(texts[0], second)
        texts += [f"{key}={written(value, names)}" for key, value in self.keywords.items()]
        module, _, last = self.name.rpartition(".")
        if self.is_method:
            return f"{texts[0]}.{last}({', '.join(texts[1:])})"
        prefix = PREFIXES.get(module, f"torch.{module}".rstrip("."))
        return f"{prefix}.{last}({', '.join(texts)})"

    def describe(self):
        """Return the call for a report, with the shapes and, of small ones, the numbers."""
        found = []
        for i, x in enumerate(self.tensors()):
            dtype = str(x.dtype).removeprefix("torch.")
            numbers = f" {x.detach().tolist()}" if x.numel() <= 6 else ""
            found.append(f"x{i}: {dtype}{list(x.shape)}{numbers}")
        return f"{self.text()}   {'; '.join(found)}"


@contextlib.contextmanager
def _quiet_in_float64():
    """Warnings are ignored, and torch's default dtype is that of a run."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(default)


def written(value, names):
    """Return an argument as text of the language; the next of `names` for a tensor."""
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.is_complex() or value.device.type != "cpu":
            raise Unwritable("a layout, device or dtype that the language lacks")
        return next(names)
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if value is Ellipsis:
        return "..."
    if isinstance(value, slice):
        return _slice_text(value, names)
    if isinstance(value, (list, tuple)):
        texts = [written(item, names) for item in value]
        if isinstance(value, list):
            return f"[{', '.join(texts)}]"
        return f"({', '.join(texts)}{',' * (len(texts) == 1)})"
    if isinstance(value, torch.dtype):
        return str(value)
    if isinstance(value, torch.device) and value.type == "cpu":
        return '"cpu"'
    raise Unwritable(f"an argument of type {type(value).__name__}")


def _slice_text(value, names):
    start, stop, step = (
        "" if v is None else written(v, names) for v in (value.start, value.stop, value.step)
    )
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


@functools.cache
def entries_of_torch():
    """Return the entries of torch's table by every name, aliases too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    # The import forbids others to set such flags; it is only here for the samples.
    torch.backends.__allow_nonbracketed_mutation_flag = True
    found = {}
    for entry in op_db:
        for name in (entry.name, *(alias.name for alias in entry.aliases)):
            found.setdefault(name, []).append(entry)
    return found


def operations():
    """Return the entries of torch's table by every name that graphcalc has a row for."""
    return {name: e for name, e in sorted(entries_of_torch().items()) if is_known(name)}


def is_known(name):
    """Whether the language has a function or an operator of that name of torch."""
    module, _, last = name.rpartition(".")
    prefix = module.rpartition(".")[2]
    is_function = (
        module in MODULES and name not in RANDOM and FUNCTIONS.find(last, prefix) is not None
    )
    return is_function or name in OPERATORS


def calls(name, dtype, most=math.inf):
    """Yield the calls of torch's samples for a name in a dtype, of each kind at most so many."""
    for entry in entries_of_torch()[name]:
        if (entry.name, entry.variant_test_name) in OTHERS:
            continue
        if dtype in entry.dtypes and dtype in entry.supported_dtypes("cpu"):
            for source in ("sample_inputs", "reference_inputs"):
                torch.manual_seed(0)
                for sample in _drawn(entry, source, dtype, most):
                    yield _call(name, entry, sample)


def _drawn(entry, source, dtype, most):
    """Return at most so many samples, evenly; if two or fewer the first, to save time."""
    if source == "reference_inputs" and (entry.reference_inputs_func is None or most <= 2):
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = getattr(entry, source)("cpu", dtype, requires_grad=False)
        found = [*(itertools.islice(samples, most) if most <= 2 else samples)]
    return found[:: max(1, math.ceil(len(found) / most))]


def _call(name, entry, sample):
    if name == "einsum":
        return Call(name, torch.einsum, (*sample.args, *sample.input), sample.kwargs)
    positional = (sample.input, *sample.args)
    if name not in REORDERED:
        return Call(name, entry.op, positional, sample.kwargs)
    function = operator.attrgetter(name)(torch)
    if any(i >= len(positional) for i in REORDERED[name]):
        return Call(name, function, positional, sample.kwargs)
    return Call(name, function, tuple(positional[i] for i in REORDERED[name]), sample.kwargs)


def mistakes(name):
    """Yield the calls that torch refuses."""
    for entry in entries_of_torch()[name]:
        if entry.error_inputs_func is not None:
            torch.manual_seed(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for mistake in entry.error_inputs("cpu"):
                    yield _call(name, entry, mistake.sample_input)


def forms(call):
    """Return the call as torch has it: as a function, as a method, or both."""
    module, _, last = call.name.rpartition(".")
    namespace = functools.reduce(getattr, filter(None, module.split(".")), torch)
    found = [call] if call.name in OPERATORS or callable(getattr(namespace, last, None)) else []
    takes_self = isinstance(call.positional[0], torch.Tensor) and not module
    takes_self = takes_self and call.name not in (*OPERATORS, *REORDERED)
    if takes_self and hasattr(torch.Tensor, last):
        found.append(call._replace(is_method=True))
    return found
