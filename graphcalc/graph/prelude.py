"""Definitions of the prelude, parsed when they are first called."""

from __future__ import annotations

from functools import cache

from graphcalc.ops.prelude import Composite
from graphcalc.source import RULES, Source
from graphcalc.syntax.parser import parse_program
from graphcalc.syntax.program import Definition


@cache
def definition(composite: Composite) -> Definition:
    """The syntax of a composite."""
    (found,) = parse_program(Source(composite.text, RULES)).statements
    assert isinstance(found, Definition)
    return found
