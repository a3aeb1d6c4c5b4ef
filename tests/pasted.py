"""Programs as they are pasted, run by CPython with torch and by graphcalc, and compared.

A file of them has one block a program: `=== what it shows`, `---` and its inputs, where graphcalc
refuses it `!!! code`, and the lines. Of `x=r:2,3` the numbers are drawn, `p:` positive ones, `h:`
below 0.55, `i9:` whole ones below 9, `b:` truths, `f:` zeros and ones, `box:` corners of boxes;
others are as they are written.
"""

import ast
import math
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional

import graphcalc as gc
from graphcalc.diagnostics import GraphcalcError

MODULES = {"torch": torch, "F": torch.nn.functional, "nn": torch.nn, "np": np, "math": math}


class Program(NamedTuple):
    """Lines with the specifications of their inputs, and the code of their refusal."""

    name: str
    inputs: dict[str, str]
    code: str
    refused: str


class Probe(NamedTuple):
    """One number or tensor among the values of a program, as an expression, and its value."""

    text: str
    value: torch.Tensor
    is_tensor: bool


def programs(path: Path):
    """The programs of a file."""
    for block in path.read_text().removeprefix("=== ").split("\n=== "):
        head, inputs, code = block.split("\n", 2)
        refused = ""
        if code.startswith("!!! "):
            refused, code = code.removeprefix("!!! ").split("\n", 1)
        specified = dict(part.split("=", 1) for part in inputs.removeprefix("---").split())
        yield Program(head.replace(" ", "-"), specified, code.strip("\n") + "\n", refused)


def drawn(spec, generator):
    """The input that a specification says."""
    kind, is_drawn, sizes = spec.partition(":")
    if not is_drawn:
        written = ast.literal_eval(spec)
        return np.array(written) if isinstance(written, list) else written
    shape = tuple(int(n) for n in sizes.split(",") if n)
    if kind == "box":
        corners = generator.random((*shape, 2))
        return np.concatenate([corners, corners + 1 + generator.random((*shape, 2))], axis=1)
    if kind[0] == "i":
        return generator.integers(0, int(kind[1:]), shape)
    truths = generator.random(shape) > 0.5
    return {
        "r": generator.standard_normal(shape).round(3),
        "p": generator.random(shape).round(3) + 0.1,
        "h": (generator.random(shape).round(3) + 0.1) / 2,
        "b": truths,
        "f": truths.astype(float),
    }[kind]


def as_tensor(value):
    """Return an array as torch's, with gradients if it is of floats; other values as they are."""
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    tensor = torch.as_tensor(value)
    return tensor.requires_grad_(tensor.is_floating_point())


def by_python(program, inputs):
    """The names that a program gives values in CPython, inputs aside if nothing changes them."""
    given = {name: as_tensor(value) for name, value in inputs.items()}
    names = MODULES | given
    exec(compile(program.code, program.name, "exec"), names)
    before = {**MODULES, **given, "__builtins__": None}
    found = {n: v for n, v in names.items() if n not in before or v is not before.get(n)}
    return given, {n: v for n, v in found.items() if not n.startswith("__")}


def probes(names):
    """A probe for each number, tensor and text of values, and for the length of each list."""
    pending = list(names.items())[::-1]
    while pending:
        text, value = pending.pop()
        match value:
            case torch.Tensor():
                yield Probe(text, value, True)
            case np.ndarray() | np.generic():
                yield Probe(text, torch.as_tensor(value), True)
            case bool() | int() | float():
                yield Probe(f"torch.tensor({text})", torch.tensor(value), False)
            case str() | None | torch.dtype():
                is_it = f"1.0 if {text} {'is' if value is None else '=='} {value!r} else 0.0"
                yield Probe(f"torch.tensor({is_it})", torch.tensor(1.0), False)
            case tuple() | list():
                yield Probe(f"torch.tensor(len({text}))", torch.tensor(len(value)), False)
                pending += [(f"{text}[{i}]", part) for i, part in enumerate(value)][::-1]
            case FunctionType() | ModuleType() | type() | range() | slice() | torch.device():
                pass
            case _ if callable(value) or hasattr(value, "__next__"):
                pass
            case _:
                raise AssertionError(f"{text} is {value!r}, which no probe is for")


def total_of(found):
    """A scalar that depends on all tensors of floats, in Python's text."""
    parts = [p.text for p in found if p.is_tensor and p.value.is_floating_point()]
    return " + ".join(f"torch.sin({text}).sum()" for text in parts) or "torch.tensor(0.0)"


def gradients_of(text, given, names):
    """What torch has as gradients of a scalar by the inputs that take them."""
    total = eval(text, MODULES | given | names)
    wanted = {
        name: value
        for name, value in given.items()
        if isinstance(value, torch.Tensor) and value.requires_grad and name not in names
    }
    if not wanted or not total.requires_grad:
        return {}
    found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    zeros = (torch.zeros_like(v) if g is None else g for g, v in zip(found, wanted.values()))
    return dict(zip(wanted, zeros))


def assert_alike(found, wanted, what):
    """Hold a value of graphcalc against torch's, shape and numbers."""
    array = np.asarray(getattr(found, "tolist", lambda: found)(), dtype=float)
    expected = np.asarray(wanted.detach().tolist(), dtype=float)
    assert array.shape == expected.shape, what
    np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-11, err_msg=what)


def is_in_python(code, inputs):
    """Whether every function of these lines has a kernel in Python."""
    return all(node.op.has_python for node in gc.check(code, inputs).program_graph)


def compare(program):
    """Hold each value of a program, and the gradients by its inputs, against CPython's."""
    generator = np.random.default_rng(7)
    inputs = {name: drawn(spec, generator) for name, spec in program.inputs.items()}
    if program.refused:
        with pytest.raises(GraphcalcError) as caught:
            gc.run(program.code, inputs=inputs)
        assert caught.value.diagnostic.code == program.refused, str(caught.value)
        return
    given, names = by_python(program, inputs)
    found = list(probes(names))
    total = total_of(found)
    gradients = gradients_of(total, given, names)
    lines = [f"probe_{i} = {probe.text}" for i, probe in enumerate(found)]
    code = "\n".join([program.code, *lines, f"probe_total = {total}"])
    kept = [f"probe_{i}" for i in range(len(found))]
    for backend in ("python", "torch"):
        if backend == "python" and not is_in_python(code, inputs):
            continue
        wanted = {"grad": "probe_total", "wrt": list(gradients)} if gradients else {}
        run = gc.run(code, inputs=inputs, backend=backend, keep=kept, **wanted)
        for name, probe in zip(kept, found):
            assert_alike(run[name], probe.value, f"{probe.text} on {backend}")
        for name, gradient in gradients.items():
            assert_alike(run.grad[name], gradient, f"gradient by {name} on {backend}")
