"""Statistics of tensors, also of parts of them, and of their elements that are not finite."""

from __future__ import annotations

import math
from typing import Any

import torch

from graphcalc.backends.base import NonFinite, Summary
from graphcalc.backends.torch.devices import is_host
from graphcalc.ops.kernels.arrays import fsum

# Elements that are summed in their own dtype before float64 takes over.
BLOCK = 1024
# The dtypes that do so, and up to which magnitude the sums are far from overflowing.
_LARGEST_IN_BLOCKS = {torch.float32: 1e34, torch.float64: 1e290}
# Elements that are gone over at once, to be in the cache for what comes next.
_PART = 1 << 18


class Statistics:
    """The statistics of a tensor that comes in parts."""

    def __init__(self) -> None:
        self._low, self._high = math.inf, -math.inf
        # Of parts the sum, the mean and the number of their finite elements.
        self._parts: list[tuple[float, float, int]] = []
        # Of other parts, all finite, the sums of their blocks.
        self._blocks: list[torch.Tensor] = []
        self._block_count = 0
        self._nan = self._inf = 0
        # On other devices: statistics that have not been brought over.
        self._there: list[tuple[torch.Tensor, int]] = []

    def add(self, part: torch.Tensor) -> None:
        """Take in a part, of any shape; it is not kept."""
        if not is_host(part.device):
            self._there.append((summarize_on_device(part), part.numel()))
            return
        flat = part.reshape(-1)
        if flat.dtype not in _LARGEST_IN_BLOCKS:
            is_short = flat.dtype in (torch.float16, torch.bfloat16)
            flat = flat.to(torch.float32 if is_short else torch.float64)
        if not flat.numel():
            return
        low, high = (x.item() for x in torch.aminmax(flat))
        if low - low != 0 or high - high != 0:
            self._add_odd(flat)
            return
        self._low, self._high = min(self._low, low), max(self._high, high)
        # A block is summed in its own dtype, and must not overflow.
        if flat.numel() % BLOCK or max(-low, high) > _LARGEST_IN_BLOCKS[flat.dtype]:
            self._add_finite(flat)
        else:
            self._blocks.append(torch.sum(flat.view(-1, BLOCK), 1))
            self._block_count += flat.numel()

    def _add_odd(self, flat: torch.Tensor) -> None:
        """Take in a part that is not all finite."""
        self._take(summarize_on_device(flat).tolist(), flat.numel())

    def _take(self, found: list[float], size: int) -> None:
        """Take in what `summarize_on_device` gave of so many elements."""
        nan, inf, low, mean, high = found
        count = int(size - nan - inf)
        self._nan, self._inf = self._nan + int(nan), self._inf + int(inf)
        if count:
            self._low, self._high = min(self._low, low), max(self._high, high)
            self._parts.append((mean * count, mean, count))

    def _add_finite(self, flat: torch.Tensor) -> None:
        count = flat.numel()
        total = flat.sum(dtype=torch.float64).item()
        mean = total / count
        if mean - mean != 0:
            # Shares first: the sum may overflow where the mean does not.
            mean = (flat.to(torch.float64) / count).sum().item()
        self._parts.append((total, mean, count))

    def join(self, other: Statistics) -> None:
        """Take in all that another has seen."""
        self._low, self._high = min(self._low, other._low), max(self._high, other._high)
        self._parts += other._parts
        self._blocks += other._blocks
        self._block_count += other._block_count
        self._nan, self._inf = self._nan + other._nan, self._inf + other._inf
        self._there += other._there

    def summary(self) -> Summary:
        """The statistics of all parts."""
        self._bring_over()
        if self._blocks:
            # Correctly rounded: in which order threads came does not show.
            total = fsum(torch.cat(self._blocks).tolist())
            self._parts.append((total, total / self._block_count, self._block_count))
            self._blocks, self._block_count = [], 0
        count = sum(n for _, _, n in self._parts)
        if not count:
            return Summary(None, None, None, self._nan, self._inf)
        mean = fsum([total for total, _, _ in self._parts]) / count
        if mean - mean != 0:
            mean = fsum([mean * (n / count) for _, mean, n in self._parts])
        return Summary(self._low, mean, self._high, self._nan, self._inf)

    def _bring_over(self) -> None:
        if not self._there:
            return
        found = torch.stack([vector for vector, _ in self._there]).cpu().tolist()
        for vector, (_, size) in zip(found, self._there):
            self._take(vector, size)
        self._there.clear()


class Fold:
    """A reduction of all elements of a tensor that comes in parts.

    Sums are of float64 within a part and correctly rounded over the parts: only the last digits
    of a float64 depend on the size of the parts.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._totals: list[float] = []
        self._count = 0
        self._extreme: torch.Tensor | None = None

    def add(self, part: torch.Tensor) -> None:
        """Take in a part."""
        if self._kind in ("sum", "mean"):
            self._totals.append(part.sum(dtype=torch.float64).item())
            self._count += part.numel()
            return
        self._pick(torch.amin(part) if self._kind == "min" else torch.amax(part))

    def _pick(self, found: torch.Tensor) -> None:
        pick = torch.minimum if self._kind == "min" else torch.maximum
        self._extreme = found if self._extreme is None else pick(self._extreme, found)

    def join(self, other: Fold) -> None:
        """Take in all that another has seen."""
        self._totals += other._totals
        self._count += other._count
        if other._extreme is not None:
            self._pick(other._extreme)

    def value(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """What the reduction of all parts comes to."""
        if self._extreme is not None:
            return self._extreme.to(dtype).reshape(shape)
        total = fsum(self._totals)
        if self._kind == "mean":
            total = total / self._count
        return torch.tensor(total, dtype=torch.float64).to(dtype).reshape(shape)


def summarize(value: torch.Tensor) -> Summary:
    """The statistics of a tensor on the host."""
    tally = Statistics()
    flat = value.reshape(-1) if value.is_contiguous() else value.contiguous().view(-1)
    for place in range(0, flat.numel(), _PART):
        tally.add(flat[place : place + _PART])
    return tally.summary()


def summarize_on_device(value: torch.Tensor) -> torch.Tensor:
    """The statistics of a tensor as one on its device: nan, inf, low, mean, high.

    Nothing waits for the device. They are float64 where it has that.
    """
    wide = torch.float32 if value.device.type == "mps" else torch.float64
    if not value.is_floating_point():
        value = value.to(wide)
    is_finite = torch.isfinite(value)
    count = is_finite.sum()
    nan = torch.isnan(value).sum()
    low = torch.where(is_finite, value, math.inf).amin()
    high = torch.where(is_finite, value, -math.inf).amax()
    scaled = torch.where(is_finite, value, 0).to(wide) / count
    found = (nan, value.numel() - count - nan, low, scaled.sum(), high)
    return torch.stack([x.to(wide) for x in found])


def as_summary(found: list[float]) -> Summary:
    """A summary of what `summarize_on_device` gave."""
    nan, inf, low, mean, high = found
    if low == math.inf:
        return Summary(None, None, None, int(nan), int(inf))
    return Summary(low, mean, high, int(nan), int(inf))


def faults(value: torch.Tensor, operands: list[Any], is_elementwise: bool) -> NonFinite | None:
    """What of a value is not finite, given what it was computed from; or None."""
    is_nan, is_inf = torch.isnan(value), torch.isinf(value)
    nan, inf = int(is_nan.sum()), int(is_inf.sum())
    if not nan and not inf:
        return None
    floating = [x for x in operands if x.is_floating_point()]
    had_nan = torch.zeros((), dtype=torch.bool, device=value.device)
    had_inf = had_nan
    for operand in floating:
        nans, infs = torch.isnan(operand), torch.isinf(operand)
        had_nan = had_nan | (nans if is_elementwise else nans.any())
        had_inf = had_inf | (infs if is_elementwise else infs.any())
    born_nan, born_inf = is_nan & ~had_nan, is_inf & ~(had_nan | had_inf)
    born = (born_nan | born_inf).reshape(-1)
    first = int(born.to(torch.uint8).argmax()) if bool(born.any()) else 0
    return NonFinite(nan, inf, int(born_nan.sum()), int(born_inf.sum()), first)
