"""torch's devices: finding one, and moving values there."""

from __future__ import annotations

import torch

from graphcalc.backends.base import Value
from graphcalc.diagnostics import DeviceError
from graphcalc.ops.kernels.arrays import NDArray

# Bytes from which a copy to a CUDA device is worth pinned memory.
_PINNED = 1 << 20


def find_device(name: str | None) -> torch.device:
    """Return the device of that name; raise DeviceError that says what torch sees instead."""
    kind, _, number = (name or "cpu").partition(":")
    sees = ""
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            sees = f"cuda:0 to cuda:{count - 1}" if count else "no CUDA device"
    elif kind == "mps" and not torch.backends.mps.is_available():
        sees = "none"
    if sees:
        build = "" if kind == "mps" or torch.version.cuda else " (a build without CUDA)"
        raise DeviceError(
            "device",
            f"there is no device {name}: torch {torch.__version__}{build} sees {sees}",
            help="use --device cpu",
        )
    return torch.device(name or "cpu")


def is_host(device: torch.device) -> bool:
    """Return whether values are in the memory of the process: reading one waits for nothing."""
    return device.type == "cpu"


def tensor_of(value: Value, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return a number, nested lists or an array as a tensor on a device; no copy if it fits."""
    if isinstance(value, NDArray):
        flat: torch.Tensor = torch.tensor(value.data, dtype=dtype, device=device)
        return flat.reshape(value.shape)
    if device.type == "cuda" and getattr(value, "nbytes", 0) >= _PINNED:
        value = torch.as_tensor(value, dtype=dtype)
        if is_host(value.device):
            # From pinned memory the copy runs while the host goes on.
            pinned: torch.Tensor = value.pin_memory()
            return pinned.to(device, non_blocking=True)
    return torch.as_tensor(value, dtype=dtype, device=device)


def wait_for(device: torch.device) -> None:
    """Wait until a device has computed everything it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
