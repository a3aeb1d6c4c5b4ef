"""Memory for large results on a CPU."""

from __future__ import annotations

import math
import mmap
import sys
import threading

import torch

from graphcalc.backends.torch.devices import is_host

# Results from here on are allocated in huge pages: touching them first costs less.
_LARGE = 4 << 20
# What is held for the next result, at most.
_HELD = 256 << 20
_lock = threading.Lock()
_held: list[mmap.mmap] = []
# The references to memory that nobody uses: of the list, of a loop over it, and of the count.
_FREE = 3


def allocate(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Memory for a tensor, not set to anything.

    A large one on a CPU gets that of an earlier one of its size that nobody refers to any more:
    new memory has to be cleared by the system first, which takes as long as a simple formula.
    """
    size = math.prod(shape) * dtype.itemsize
    if not is_host(device) or size < _LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype, device=device)
    with _lock:
        memory = _take(size)
        if memory is None:
            return torch.empty(shape, dtype=dtype, device=device)
        return torch.frombuffer(memory, dtype=dtype).view(shape)


def _take(size: int) -> mmap.mmap | None:
    """Memory of a size; what is free and has another is given back to the system."""
    for memory in _held:
        if len(memory) == size and sys.getrefcount(memory) == _FREE:
            return memory
    _held[:] = [memory for memory in _held if sys.getrefcount(memory) > _FREE]
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except (OSError, ValueError, OverflowError):
        return None
    if size + sum(map(len, _held)) <= _HELD:
        _held.append(memory)
    return memory
