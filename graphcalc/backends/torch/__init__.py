"""The torch backend: the same graph on torch tensors, on any of torch's devices."""

import warnings

# torch works without NumPy, but warns of it at some operations.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

from graphcalc.backends.torch.program import TorchProgram  # noqa: E402

__all__ = ["TorchProgram"]
