"""Memory for large results on a CPU."""

from __future__ import annotations

import math
import mmap
import threading
import weakref
from typing import NamedTuple

import torch

from graphcalc.backends.torch.devices import is_host

# Results from here on are allocated in huge pages: touching them first costs less.
_LARGE = 4 << 20
# What is held for the next result, at most.
_HELD = 256 << 20
_lock = threading.Lock()


class _Held(NamedTuple):
    """Memory, and the view of it that a tensor has for as long as anything refers to that."""

    memory: mmap.mmap
    view: weakref.ref[memoryview]


_held: list[_Held] = []


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
        view = memoryview(memory)
        if size + sum(len(held.memory) for held in _held) <= _HELD:
            _held.append(_Held(memory, weakref.ref(view)))
        return torch.frombuffer(view, dtype=dtype).view(shape)


def _take(size: int) -> mmap.mmap | None:
    """Memory of a size, no longer held; what is free and has another size is given back."""
    free = [held for held in _held if held.view() is None]
    _held[:] = [held for held in _held if held.view() is not None]
    fitting = [held for held in free if len(held.memory) == size]
    _held.extend(fitting[1:])
    if fitting:
        return fitting[0].memory
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except (OSError, ValueError, OverflowError):
        return None
    return memory
