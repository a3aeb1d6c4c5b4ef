"""Values of float16 and bfloat16 for comparisons with torch, and how far two tensors are apart."""

import math

import torch

HALVES = (torch.float16, torch.bfloat16)


def name_of(dtype):
    """Return a dtype's name as the options have it."""
    return str(dtype).removeprefix("torch.")


def sweep(dtype, seed=0, count=2000):
    """Return numbers of all magnitudes, subnormal ones too, with infinities and NaN."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(-(2**15), 2**15, (count // 2,), generator=generator)
    near = (torch.randn(count - count // 2, generator=generator) * 3).to(dtype)
    values = torch.cat([bits.to(torch.int16).view(dtype), near])
    info = torch.finfo(dtype)
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0]
    special += [info.max, -info.max, info.smallest_normal, info.smallest_normal / 2]
    values[: len(special)] = torch.tensor(special).to(dtype)
    return values[torch.randperm(count, generator=generator)]


def _order(values):
    """Return numbers as integers in their order: neighbours differ by 1, and -0 is 0."""
    bits = values.contiguous().view(torch.int16).to(torch.int32)
    return torch.where(bits < 0, -(bits & 0x7FFF), bits)


def ulps(found, wanted):
    """Return how many numbers of their dtype lie between two tensors; NaN where both have it."""
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    if not found.is_floating_point():
        return int((found != wanted).sum())
    assert torch.equal(found.isnan(), wanted.isnan()), "other elements are NaN"
    assert torch.equal(found.isinf(), wanted.isinf()), "other elements are infinite"
    apart = (_order(found) - _order(wanted)).abs()
    return int(torch.where(found.isnan(), 0, apart).max())


def ulps_of_largest(found, wanted):
    """Return the largest difference in units of the last place of the largest element."""
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert torch.equal(found.isfinite(), wanted.isfinite())
    is_finite = wanted.isfinite()
    apart = (found.double() - wanted.double()).abs()[is_finite].max()
    unit = wanted.double().abs()[is_finite].max() * torch.finfo(wanted.dtype).eps
    return float(apart / unit) if apart else 0.0
