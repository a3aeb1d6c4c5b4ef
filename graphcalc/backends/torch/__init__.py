"""The torch backend: the same graph on torch tensors, on any of torch's devices."""

import warnings

# torch is whole without NumPy; it would say so on standard error at some of its operations.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

from graphcalc.backends.torch.program import TorchProgram  # noqa: E402

__all__ = ["TorchProgram"]
