"""Memory for large results on a CPU."""

from __future__ import annotations

import math
import mmap
import weakref

import torch

from graphcalc.backends.process import PROCESS, HeldMemory
from graphcalc.backends.torch.devices import is_host

# Bytes from which results are allocated in huge pages, whose first use costs less.
_LARGE = 4 << 20
# Bytes that are held for later results, at most.
_HELD = 256 << 20


def allocate(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return a tensor with uninitialized memory.

    A large one on a CPU gets the memory of an earlier one of its size that nothing refers to any
    more: the system clears new memory first, which takes as long as a simple formula.
    """
    size = math.prod(shape) * dtype.itemsize
    if not is_host(device) or size < _LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype, device=device)
    with PROCESS.memory_lock:
        memory = _take(size, PROCESS.held_memory)
        if memory is None:
            return torch.empty(shape, dtype=dtype, device=device)
        view = memoryview(memory)
        if size + sum(len(held.memory) for held in PROCESS.held_memory) <= _HELD:
            PROCESS.held_memory.append(HeldMemory(memory, weakref.ref(view)))
        return torch.frombuffer(view, dtype=dtype).view(shape)


def _take(size: int, all_held: list[HeldMemory]) -> mmap.mmap | None:
    """Return free memory of exactly this size, held or new, or None where there is none.

    Free memory of other sizes goes back to the system.
    """
    free = [held for held in all_held if held.view() is None]
    all_held[:] = [held for held in all_held if held.view() is not None]
    fitting = [held for held in free if len(held.memory) == size]
    all_held.extend(fitting[1:])
    if fitting:
        return fitting[0].memory
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except (OSError, ValueError, OverflowError):
        return None
    return memory
