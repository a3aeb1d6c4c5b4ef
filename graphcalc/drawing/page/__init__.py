"""A page of HTML that steps through the forward and the backward pass of a run."""

from graphcalc.drawing.page.document import as_page
from graphcalc.drawing.page.views import View

__all__ = ["View", "as_page"]
