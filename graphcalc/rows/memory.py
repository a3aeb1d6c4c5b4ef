"""The memory that parts of rows come and go in."""

from __future__ import annotations

import contextlib

# Of glibc's malloc.h.
_M_TRIM, _M_MMAP, _M_ARENA_MAX = -1, -3, -8


def keep_memory() -> None:
    """Let memory that is free again stay with the process.

    A part and what is made of it come and go some megabytes at a time, which glibc would get from
    the system each time anew.
    """
    import ctypes

    with contextlib.suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        # One heap for all threads, or each would keep as much.
        for parameter, value in ((_M_ARENA_MAX, 1), (_M_TRIM, 1 << 30), (_M_MMAP, 1 << 30)):
            libc.mallopt(parameter, value)
