"""The torch backend: the same graph on torch tensors, on any of torch's devices."""

from graphcalc.backends.torch.devices import find_device
from graphcalc.backends.torch.program import TorchProgram

__all__ = ["TorchProgram", "find_device"]
