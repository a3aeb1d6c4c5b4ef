"""Rows of whole numbers: divisors, and numbers of choices."""

from __future__ import annotations

from graphcalc.ops.kernels import counting
from graphcalc.ops.shapes import arithmetic
from graphcalc.ops.spec import ZERO, Op

COUNTING = tuple(
    Op(
        name,
        signature,
        doc,
        arithmetic,
        getattr(counting, name),
        counting.by_element(getattr(counting, name)),
        examples=(example,),
        vjp=(ZERO,) * (signature.count(",") + 1),
        js=name.upper(),
        differs="of numbers that are not whole it is NaN.",
    )
    for name, signature, doc, example in (
        ("gcd", "x, y", "The greatest common divisor of whole numbers.", ("gcd(12, 18)", "6")),
        ("lcm", "x, y", "The least common multiple of whole numbers.", ("lcm(4, 6)", "12")),
        (
            "comb",
            "n, k",
            "In how many ways k of n things can be chosen: n!/(k!(n - k)!).",
            ("comb(5, 2)", "10"),
        ),
        (
            "perm",
            "n, k",
            "In how many ways k of n things can be put in order: n!/(n - k)!.",
            ("perm(5, 2)", "20"),
        ),
        ("factorial", "n", "The product of the whole numbers up to n.", ("factorial(5)", "120")),
    )
)
