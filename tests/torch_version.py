"""The torch that the tests run on, and the gradients at kinks that torch has since 2.14."""

import functools
import math
import re


@functools.cache
def torch_version():
    """Return torch's version as numbers: (2, 14, 1)."""
    import torch

    return tuple(map(int, re.match(r"(\d+)\.(\d+)\.(\d+)", torch.__version__).groups()))


def has_shared_ties():
    """Whether torch's gradients of clamp, fmin and fmax at bounds and ties are those of 2.14."""
    return torch_version() >= (2, 14)


def clamp(x, low, high):
    """Call torch's clamp with the gradients of torch 2.14, on any torch.

    A bound is a tensor, or a number that may be infinite, for none. Numbers beside a tensor are
    tensors as well, since torch takes no mixture.
    """
    import torch

    numbers = [b for b in (low, high) if isinstance(b, float)]
    if len(numbers) == 2:
        low, high = (None if math.isinf(b) else b for b in numbers)
    elif numbers and math.isinf(numbers[0]):
        low, high = (None if isinstance(b, float) else b for b in (low, high))
    elif numbers:
        low, high = (x.new_tensor(b) if isinstance(b, float) else b for b in (low, high))
    if low is None and high is None:
        return x.clone()
    return torch.clamp(x, low, high) if has_shared_ties() else _clamp(x, low, high)


def twins():
    """Return by name what stands for torch's functions where torch is older than 2.14."""
    if has_shared_ties():
        return {}
    return {
        "clamp": _clamp,
        "fmin": lambda x, y: _joint("fmin", x, y, x > y, x < y),
        "fmax": lambda x, y: _joint("fmax", x, y, x < y, x > y),
    }


def _clamp(x, low, high):
    """Compute clamp with the gradients that torch 2.14 has, of tensors or of numbers or None."""
    import torch

    value = torch.clamp(*(v.detach() if isinstance(v, torch.Tensor) else v for v in (x, low, high)))
    if not isinstance(low, torch.Tensor) and not isinstance(high, torch.Tensor):
        is_inside = torch.ones_like(x, dtype=torch.bool)
        is_inside &= True if low is None else x > low
        is_inside &= True if high is None else x < high
        return _with_slopes(value, [x], [is_inside * 1.0])
    if high is None:
        return _with_slopes(value, [x, low], _shares(x == low, x < low, x > low))
    if low is None:
        return _with_slopes(value, [x, high], _shares(x == high, x > high, x < high))
    is_tie = (low < high) & ((x == low) | (x == high))
    of_x = torch.where((x < low) | (x > high) | (low > high), 0.0, torch.where(is_tie, 0.5, 1.0))
    of_low = torch.where(is_tie & (x == low), 0.5, ((x < low) & (low <= high)) * 1.0)
    is_above = (low > high) | ((x > high) & (low <= high))
    of_high = torch.where(is_tie & (x == high), 0.5, is_above * 1.0)
    return _with_slopes(value, [x, low, high], [of_x, of_low, of_high])


def _joint(name, x, y, is_y, is_x):
    import torch

    value = getattr(torch, name)(x.detach(), y.detach())
    return _with_slopes(value, [x, y], _shares(x == y, is_y, is_x))


def _shares(is_tie, not_first, not_second):
    """Return the slopes of the first and the second: half at ties, 1 for both of NaN."""
    import torch

    return [torch.where(is_tie, 0.5, torch.where(n, 0.0, 1.0)) for n in (not_first, not_second)]


def _with_slopes(value, operands, slopes):
    """Return a value whose gradients are these slopes times its own, 0 where a slope is 0."""
    import torch

    class Sloped(torch.autograd.Function):
        @staticmethod
        def forward(_, *operands):
            return value.expand_as(operands[0]).clone()

        @staticmethod
        def backward(_, g):
            return tuple(torch.where(s == 0, torch.zeros_like(g), g * s) for s in slopes)

    slopes = [s.to(value.dtype).expand(value.shape) for s in slopes]
    return Sloped.apply(*(x.expand(value.shape) for x in operands))
