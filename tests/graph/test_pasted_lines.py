"""Lines of public projects give what they give in torch and NumPy, on both backends.

`pasted_lines.txt` has one block a sample: where its lines are from, its inputs, the lines. Of
`x=r:2,3` the numbers are drawn, `p:` positive ones, `h:` below 0.55, `i9:` whole ones below 9,
`b:` truths, `f:` zeros and ones, `box:` corners of boxes; others are as they are written.
"""

import ast
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional

import graphcalc as gc

SAMPLES = Path(__file__).with_name("pasted_lines.txt")
MODULES = {"torch": torch, "F": torch.nn.functional, "nn": torch.nn, "np": np, "math": math}


class Sample(NamedTuple):
    """Lines with the specifications of their inputs."""

    name: str
    inputs: dict[str, str]
    code: str


def samples():
    """The samples of the file, with numbers in their names."""
    for number, block in enumerate(SAMPLES.read_text().split("\n=== ")):
        head, inputs, *code = block.removeprefix("=== ").strip().split("\n")
        specified = dict(part.split("=", 1) for part in inputs.removeprefix("---").split())
        yield Sample(f"{head.replace(' ', '-')}-{number}", specified, "\n".join(code))


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


def arrays(value):
    """The arrays of a value, those of a tuple one after the other."""
    if isinstance(value, (tuple, list)) and any(hasattr(v, "shape") for v in value):
        return [array for part in value for array in arrays(part)]
    return [np.asarray(getattr(value, "tolist", lambda: value)(), dtype=float)]


def names_of(code):
    """The names that the last line assigns."""
    (target,) = ast.parse(code).body[-1].targets
    return [part.id for part in getattr(target, "elts", [target])]


def expected(sample, inputs):
    """What Python makes of the lines with torch, and with NumPy where they are of NumPy."""
    is_numpy = sample.name.startswith("numpy")
    names = {n: v if is_numpy else as_tensor(v) for n, v in inputs.items()}
    exec(compile(sample.code, sample.name, "exec"), MODULES | names, names)
    return [array for name in names_of(sample.code) for array in arrays(names[name])]


def as_tensor(value):
    return torch.as_tensor(value) if isinstance(value, np.ndarray) else value


def is_in_python(code, inputs):
    """Whether every function of these lines has a kernel in Python."""
    return all(node.op.has_python for node in gc.check(code, inputs).program_graph)


@pytest.fixture(autouse=True)
def doubles():
    """Numbers are float64 in torch too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("sample", list(samples()), ids=lambda sample: sample.name)
def test_lines_give_what_they_give_in_python(sample):
    """Each name that the last line assigns has the same values, and the same shape."""
    generator = np.random.default_rng(7)
    inputs = {name: drawn(spec, generator) for name, spec in sample.inputs.items()}
    wanted, names = expected(sample, inputs), names_of(sample.code)
    for backend in ("python", "torch"):
        if backend == "python" and not is_in_python(sample.code, inputs):
            continue
        run = gc.run(sample.code, inputs=inputs, backend=backend, keep=names)
        found = [array for name in names for array in arrays(run[name])]
        assert [f.shape for f in found] == [w.shape for w in wanted]
        for f, w in zip(found, wanted):
            np.testing.assert_allclose(f, w, rtol=1e-9, atol=1e-12)
