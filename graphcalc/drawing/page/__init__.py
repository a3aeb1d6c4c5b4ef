"""A page of HTML that steps through the forward and the backward pass of a run."""

from graphcalc.drawing.page.document import as_page

__all__ = ["as_page"]
