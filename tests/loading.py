"""Values in files, as a program would read them."""

import numpy as np
import torch

from graphcalc.data.loading import Loader
from graphcalc.data.references import parse_reference
from graphcalc.diagnostics import Label
from graphcalc.source import Source, Span

HERE = Label(Source("x"), Span(0, 1))


def load(reference, **options):
    """The value that `@reference` stands for, as numpy or torch have it."""
    value = Loader(**options).load(parse_reference(str(reference), HERE)).value
    value = value.read() if hasattr(value, "read") else value
    return value if isinstance(value, torch.Tensor) else np.asarray(value)
