"""What graphcalc makes of torch's samples: right, wrong or refused.

    python tests/torch_verdicts.py NAME …      every deviation of these functions, with the call
    python tests/torch_verdicts.py             the counts of all functions that graphcalc knows

`--all` shows more than the first of equal deviations, `--dtype float16` runs one dtype alone.
"""

import collections
import sys
import warnings
from typing import NamedTuple

import torch
from torch_samples import MOST_ELEMENTS, Call, Unwritable, calls, forms, mistakes, operations

import graphcalc as gc
from graphcalc.diagnostics import GraphcalcError

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
ON_TORCH_ALONE = (torch.float32, torch.float16, torch.bfloat16)
# Of each kind of sample, in the full run.
MOST_SAMPLES = 40
MOST_ON_PYTHON = 2_000
# The relative distance from torch, and that of a sum from the size of its largest terms.
NEAR = {
    torch.float64: 1e-10,
    torch.float32: 2e-5,
    torch.float16: 2.0**-10,
    torch.bfloat16: 2.0**-7,
}
WRONG = ("value", "gradient", "crash", "answered")


class Verdict(NamedTuple):
    """How one run of a call came out: its kind, the call, where, and the details."""

    kind: str
    call: Call
    backend: str = ""
    detail: str = ""


class Deviates(Exception):
    """A result that is not torch's."""


def verdicts(name, dtypes=DTYPES, most=MOST_SAMPLES):
    """Yield the verdicts on torch's samples for a name, and on the calls that it refuses."""
    for dtype in dtypes:
        for call in calls(name, dtype, most):
            yield from judge(call, with_gradient=dtype is torch.float64)
    for call in mistakes(name):
        yield judge_mistake(call)


def judge(call, with_gradient):
    """Yield the verdicts on a call, as a function and as a method, on each backend."""
    try:
        wanted, is_tuple = expected(call)
        programs = [Program(form, form.text(), wanted, is_tuple) for form in forms(call)]
    except Unwritable as reason:
        yield Verdict("skipped", call, "", str(reason))
        return
    slopes = programs[0].slopes() if with_gradient else None
    tensors = (*call.tensors(), *wanted)
    is_small = sum(x.numel() for x in tensors) <= MOST_ON_PYTHON
    on_python = is_small and not any(x.dtype in ON_TORCH_ALONE for x in tensors)
    backends = ("torch", "python") if on_python else ("torch",)
    for backend in backends:
        yield programs[0].verdict(backend, slopes)
    for method in programs[1:]:
        yield method.verdict(backends[-1], None)


def expected(call):
    """Return torch's results, which do not depend on chance; Unwritable where there are none."""
    try:
        wanted, is_tuple = call.wanted()
        again, _ = call.wanted()
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError) as error:
        raise Unwritable(f"torch refuses its own sample: {error}") from None
    wanted, again = (tuple(map(as_tensor, v)) for v in (wanted, again))
    if any(x.is_complex() for x in wanted):
        raise Unwritable("a complex result")
    if sum(x.numel() for x in (*wanted, *call.tensors())) > MOST_ELEMENTS:
        raise Unwritable("too many elements")
    if not all(torch.equal(x.isnan(), y.isnan()) for x, y in zip(wanted, again)) or not all(
        torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in zip(wanted, again)
    ):
        raise Unwritable("a random result")
    if any(not x.is_floating_point() and bool((abs(x.double()) >= 2.0**53).any()) for x in wanted):
        raise Unwritable("whole numbers beyond 2^53")
    return wanted, is_tuple


def as_tensor(value):
    """Return a result of torch as a dense tensor."""
    if not isinstance(value, torch.Tensor):
        if not isinstance(value, (bool, int, float, torch.Size)):
            raise Unwritable(f"a result of type {type(value).__name__}")
        return torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
    if value.layout != torch.strided:
        raise Unwritable("a sparse result")
    return value.detach()


class Program:
    """A call as a program, beside torch's results."""

    def __init__(self, call, text, wanted, is_tuple):
        self.call, self.wanted = call, wanted
        self.inputs = {f"x{i}": x.detach() for i, x in enumerate(call.tensors())}
        if is_tuple:
            lines = [f"out{i} = ({text})[{i}]" for i in range(len(wanted))]
        else:
            lines = [f"out0 = {text}"]
        self.lines = lines

    def verdict(self, backend, slopes):
        """Return the verdict on the program on a backend, with its gradients where there are."""
        try:
            self.compare(backend)
            if slopes is not None:
                self.compare_gradients(backend, slopes)
        except Deviates as reason:
            return Verdict(reason.args[0], self.call, backend, reason.args[1])
        except GraphcalcError as error:
            return Verdict("refused", self.call, backend, error.diagnostic.message)
        except Exception as error:
            return Verdict("crash", self.call, backend, f"{type(error).__name__}: {error}")
        return Verdict("right", self.call, backend)

    def compare(self, backend):
        """Raise Deviates where a value is not torch's."""
        if not self.wanted:
            return
        result = run("\n".join(self.lines), self.inputs, backend)
        for i, wanted in enumerate(self.wanted):
            compare("value", f"out{i}", found_tensor(result[f"out{i}"]), wanted)

    def slopes(self):
        """Return torch's gradients by input, and the weights of the results; None without any."""
        leaves = [x for x in self.call.tensors() if x.is_floating_point()]
        states = [x.requires_grad for x in leaves]
        try:
            for x in leaves:
                x.requires_grad_(True)
            outs, _ = self.call.wanted()
            outs = [x if isinstance(x, torch.Tensor) else None for x in outs]
            used = [
                i
                for i, x in enumerate(outs)
                if x is not None and x.requires_grad and x.is_floating_point() and x.numel()
            ]
            if not used:
                return None
            weights = {i: weight(outs[i]) for i in used}
            total = sum((outs[i] * weights[i]).sum() for i in used)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = torch.autograd.grad(total, leaves, allow_unused=True)
            found = [g if g is None else g.to_dense() for g in found]
        except (RuntimeError, NotImplementedError, TypeError):
            return None
        finally:
            for x, state in zip(leaves, states):
                x.requires_grad_(state)
        names = [n for n, x in self.inputs.items() if x.is_floating_point()]
        return weights, {n: g for n, g in zip(names, found) if g is not None}

    def compare_gradients(self, backend, slopes):
        """Raise Deviates where a gradient is not torch's."""
        weights, wanted = slopes
        terms = [f"(out{i} * w{i}).sum()" for i in weights]
        lines = [*self.lines, f"loss = {' + '.join(terms)}"]
        inputs = {**self.inputs, **{f"w{i}": w for i, w in weights.items()}}
        result = run("\n".join(lines), inputs, backend, grad="loss", wrt=[*wanted])
        for name, gradient in wanted.items():
            compare("gradient", name, found_tensor(result.grad[name]), gradient)


def weight(x):
    """Return fixed weights of no pattern for the elements of a result."""
    return torch.linspace(0.5, 1.7, x.numel(), dtype=x.dtype).reshape(x.shape).cos()


def run(text, inputs, backend, **options):
    """Run a program with everything as a result that it names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keep = [line.partition(" = ")[0] for line in text.split("\n")]
        return gc.run(text, inputs, backend=backend, trace="results", keep=keep, **options)


def found_tensor(value):
    """Return a value of either backend as a tensor."""
    if isinstance(value, torch.Tensor):
        return value
    nested = value.tolist() if hasattr(value, "tolist") else value
    data = torch.tensor(nested, dtype=None if not is_float(nested) else torch.float64)
    return data.reshape(getattr(value, "shape", ()))


def is_float(nested):
    """Whether nested lists hold floating point."""
    while isinstance(nested, list):
        if not nested:
            return True
        nested = nested[0]
    return isinstance(nested, float)


def family(dtype):
    """Return `bool`, `int` or `float`."""
    return "bool" if dtype is torch.bool else "float" if dtype.is_floating_point else "int"


def compare(kind, name, found, wanted):
    """Raise Deviates where shape, kind of dtype or numbers are not torch's.

    Whole numbers may be floating point, as they become it in arithmetic.
    """
    if tuple(found.shape) != tuple(wanted.shape):
        raise Deviates(kind, f"{name}: shape {[*found.shape]}, torch {[*wanted.shape]}")
    families = family(found.dtype), family(wanted.dtype)
    if wanted.numel() and families[0] != families[1] and families != ("float", "int"):
        raise Deviates(kind, f"{name}: {found.dtype}, torch {wanted.dtype}")
    if families == ("float", "float") and wanted.dtype is not torch.float64:
        is_same = found.dtype is wanted.dtype
        if kind == "value" and not is_same:
            raise Deviates(kind, f"{name}: {found.dtype}, torch {wanted.dtype}")
    near = NEAR.get(wanted.dtype, 1e-10)
    a, b = found.double(), wanted.double()
    if not torch.equal(a.isnan(), b.isnan()):
        raise Deviates(kind, f"{name}: NaN at other places: {brief(a)}, torch {brief(b)}")
    is_wide = wanted.dtype in (torch.float64, torch.float32)
    finite = b[b.isfinite()].abs()
    scale = float(finite.max()) if finite.numel() else 0.0
    # Gradients that cancel are 0 up to rounding; the weights of the results are about 1.
    scale = max(scale, 1.0) * 10 if kind == "gradient" else scale
    floor = (
        near * 0.01 * scale
        if is_wide
        else torch.finfo(wanted.dtype).smallest_normal * near
        if wanted.dtype.is_floating_point
        else 0.0
    )
    is_near = (a == b) | a.isnan() | ((a - b).abs() <= near * b.abs() + floor)
    if not bool(is_near.all()):
        raise Deviates(kind, f"{name}: {brief(a[~is_near])}, torch {brief(b[~is_near])}")


def brief(x):
    """Return the first numbers of a tensor as text."""
    numbers = x.flatten().tolist()
    return f"{numbers[:4]}{' …' if len(numbers) > 4 else ''}"


def judge_mistake(call):
    """Return the verdict on a call that torch refuses."""
    try:
        text = call.text()
    except Unwritable as reason:
        return Verdict("skipped", call, "", str(reason))
    try:
        call.wanted()
        return Verdict("skipped", call, "", "torch answers its own mistake")
    except Exception as error:
        message = str(error).split("\n")[0]
    inputs = {f"x{i}": x.detach() for i, x in enumerate(call.tensors())}
    try:
        result = run(f"out0 = {text}", inputs, "torch")
    except GraphcalcError:
        return Verdict("right", call)
    except Exception as error:
        return Verdict("crash", call, "torch", f"{type(error).__name__}: {error}")
    if is_answered_with_tensors(call, result):
        return Verdict("right", call)
    return Verdict("answered", call, "torch", f"torch says: {message}")


def is_answered_with_tensors(call, result):
    """Whether torch answers where tensors take the place of the numbers among the arguments."""
    numbers = [torch.tensor(v) if type(v) in (int, float, bool) else v for v in call.positional]
    try:
        wanted, _ = call._replace(positional=tuple(numbers)).wanted()
        compare("value", "out0", found_tensor(result["out0"]), wanted[0])
    except Exception:
        return False
    return True


def counted(found):
    """Return the numbers of verdicts by kind."""
    return collections.Counter(verdict.kind for verdict in found)


def show(verdict):
    """Return a verdict as lines of a report."""
    how = " ".join(filter(None, (verdict.kind, verdict.backend)))
    return f"  {how}: {verdict.detail[:300]}\n      {verdict.call.describe()[:400]}"


def report(names, dtypes, wants_all):
    """Print every deviation of these functions, the first of those that are alike."""
    total = collections.Counter()
    for name in names:
        found = [*verdicts(name, dtypes)]
        counts = counted(found)
        total += counts
        print(f"{name}: {', '.join(f'{n} {k}' for k, n in sorted(counts.items()))}", flush=True)
        seen = set()
        for verdict in found:
            key = (verdict.kind, verdict.detail.split(":")[0], verdict.call.is_method)
            if verdict.kind not in ("right", "skipped") and (wants_all or key not in seen):
                seen.add(key)
                print(show(verdict))
    print(f"all: {', '.join(f'{n} {k}' for k, n in sorted(total.items()))}")


def main(arguments):
    """Print a report; returns nothing."""
    wants_all = "--all" in arguments
    dtypes = DTYPES
    if "--dtype" in arguments:
        place = arguments.index("--dtype")
        dtypes = (getattr(torch, arguments[place + 1]),)
        del arguments[place : place + 2]
    names = [a for a in arguments if not a.startswith("--")] or [*operations()]
    report(names, dtypes, wants_all)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
