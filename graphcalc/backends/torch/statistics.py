"""Statistics of tensors, whole or tile by tile, and counts of NaN and infinity."""

from __future__ import annotations

import math

import torch

from graphcalc.backends.base import NonFinite, Summary
from graphcalc.backends.torch.devices import is_host
from graphcalc.ops.kernels.arrays import fsum

# Elements that are summed in their own dtype; the sums of these blocks are added in float64.
BLOCK = 1024
# The dtypes that are summed in blocks, up to magnitudes whose sums are far from overflowing.
_LARGEST_IN_BLOCKS = {torch.float32: 1e34, torch.float64: 1e290}
# Elements that are read at once, to be in the cache for the second pass.
_PART = 1 << 18


class Statistics:
    """The statistics of a tensor that arrives in parts."""

    def __init__(self) -> None:
        self._low, self._high = math.inf, -math.inf
        # Sum, mean and number of the finite elements of parts.
        self._parts: list[tuple[float, float, int]] = []
        # Sums of the blocks of other parts, all of whose elements are finite.
        self._blocks: list[torch.Tensor] = []
        self._block_count = 0
        self._nan = self._inf = 0
        # Statistics that are still on another device, with their numbers of elements.
        self._on_device: list[tuple[torch.Tensor, int]] = []

    def add(self, part: torch.Tensor) -> None:
        """Add a part, of any shape; it is not kept."""
        if not is_host(part.device):
            self._on_device.append((summarize_on_device(part), part.numel()))
            return
        flat = part.reshape(-1)
        if flat.dtype not in _LARGEST_IN_BLOCKS:
            is_short = flat.dtype in (torch.float16, torch.bfloat16)
            flat = flat.to(torch.float32 if is_short else torch.float64)
        if not flat.numel():
            return
        low, high = (x.item() for x in torch.aminmax(flat))
        if not (math.isfinite(low) and math.isfinite(high)):
            self._add_non_finite(flat)
            return
        self._low, self._high = min(self._low, low), max(self._high, high)
        # A block is summed in its own dtype, and must not overflow.
        if flat.numel() % BLOCK or max(-low, high) > _LARGEST_IN_BLOCKS[flat.dtype]:
            self._add_finite(flat)
        else:
            self._blocks.append(torch.sum(flat.view(-1, BLOCK), 1))
            self._block_count += flat.numel()

    def _add_non_finite(self, flat: torch.Tensor) -> None:
        """Add a part with elements that are not finite."""
        self._add_vector(summarize_on_device(flat).tolist(), flat.numel())

    def _add_vector(self, found: list[float], size: int) -> None:
        """Add what `summarize_on_device` returned for `size` elements."""
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
        if not math.isfinite(mean):
            # Divide first: the sum may overflow where the mean does not.
            mean = (flat.to(torch.float64) / count).sum().item()
        self._parts.append((total, mean, count))

    def join(self, other: Statistics) -> None:
        """Add everything that another has counted."""
        self._low, self._high = min(self._low, other._low), max(self._high, other._high)
        self._parts += other._parts
        self._blocks += other._blocks
        self._block_count += other._block_count
        self._nan, self._inf = self._nan + other._nan, self._inf + other._inf
        self._on_device += other._on_device

    def summary(self) -> Summary:
        """Return the statistics of all parts."""
        self._copy_over()
        if self._blocks:
            # Rounded once, so that the order in which threads finished does not show.
            total = fsum(torch.cat(self._blocks).tolist())
            self._parts.append((total, total / self._block_count, self._block_count))
            self._blocks, self._block_count = [], 0
        count = sum(n for _, _, n in self._parts)
        if not count:
            return Summary(None, None, None, self._nan, self._inf)
        mean = fsum([total for total, _, _ in self._parts]) / count
        if not math.isfinite(mean):
            mean = fsum([mean * (n / count) for _, mean, n in self._parts])
        return Summary(self._low, mean, self._high, self._nan, self._inf)

    def _copy_over(self) -> None:
        if not self._on_device:
            return
        found = torch.stack([vector for vector, _ in self._on_device]).cpu().tolist()
        for vector, (_, size) in zip(found, self._on_device):
            self._add_vector(vector, size)
        self._on_device.clear()


class Fold:
    """A reduction of all elements of a tensor that arrives in parts.

    Sums are computed in float64 within a part and rounded once over the parts: only the last
    digits of a float64 depend on the size of the parts.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._totals: list[float] = []
        self._count = 0
        self._extreme: torch.Tensor | None = None

    def add(self, part: torch.Tensor) -> None:
        """Add a part."""
        if self._kind in ("sum", "mean"):
            self._totals.append(part.sum(dtype=torch.float64).item())
            self._count += part.numel()
            return
        self._pick(torch.amin(part) if self._kind == "min" else torch.amax(part))

    def _pick(self, found: torch.Tensor) -> None:
        pick = torch.minimum if self._kind == "min" else torch.maximum
        self._extreme = found if self._extreme is None else pick(self._extreme, found)

    def join(self, other: Fold) -> None:
        """Add everything that another has counted."""
        self._totals += other._totals
        self._count += other._count
        if other._extreme is not None:
            self._pick(other._extreme)

    def value(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return the reduction of all parts."""
        if self._extreme is not None:
            return self._extreme.to(dtype).reshape(shape)
        total = fsum(self._totals)
        if self._kind == "mean":
            total = total / self._count
        return torch.tensor(total, dtype=torch.float64).to(dtype).reshape(shape)


def summarize(value: torch.Tensor) -> Summary:
    """Return the statistics of a tensor on the host."""
    statistics = Statistics()
    flat = value.reshape(-1) if value.is_contiguous() else value.contiguous().view(-1)
    for start in range(0, flat.numel(), _PART):
        statistics.add(flat[start : start + _PART])
    return statistics.summary()


def summarize_on_device(value: torch.Tensor) -> torch.Tensor:
    """Return the statistics of a tensor as a vector on its device: nan, inf, low, mean, high.

    Nothing waits for the device. The dtype is float64 where the device has it.
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
    """Return the vector of `summarize_on_device` as a summary."""
    nan, inf, low, mean, high = found
    if low == math.inf:
        return Summary(None, None, None, int(nan), int(inf))
    return Summary(low, mean, high, int(nan), int(inf))


def non_finite(
    value: torch.Tensor, operands: list[torch.Tensor], is_elementwise: bool
) -> NonFinite | None:
    """Count the elements that are not finite, given what they were computed from; or None."""
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
    new_nan, new_inf = is_nan & ~had_nan, is_inf & ~(had_nan | had_inf)
    new = (new_nan | new_inf).reshape(-1)
    first = int(new.to(torch.uint8).argmax()) if bool(new.any()) else 0
    return NonFinite(nan, inf, int(new_nan.sum()), int(new_inf.sum()), first)
