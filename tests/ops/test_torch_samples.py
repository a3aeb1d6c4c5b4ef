"""Torch's own samples of every function that graphcalc knows, as torch computes them.

`python tests/torch_verdicts.py NAME` prints what deviates.
"""

import pytest
import torch
from torch_deviations import OPEN, Deviation, idle, unexcused
from torch_samples import operations
from torch_verdicts import Program, counted, show, verdicts
from torch_version import torch_version

NAMES = [*operations()]
HELD = [name for name in NAMES if name not in OPEN]


def check(name, found):
    """Assert that all verdicts are right or excused, and that some are right."""
    wrong = unexcused(name, found)
    assert not wrong, f"{len(wrong)} of {len(found)}:\n" + "\n".join(map(show, wrong[:10]))


def test_some_samples_of_all_functions():
    """The first sample of each function, and what each must refuse, agree with torch."""
    count = 0
    for name in HELD:
        found = [*verdicts(name, (torch.float64,), most=1)]
        check(name, found)
        count += counted(found)["right"]
    assert count > 500


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", HELD)
def test_samples(name):
    """Values, shapes, dtypes, NaN, gradients and errors are torch's, or listed with a reason."""
    found = [*verdicts(name)]
    check(name, found)
    assert torch_version() < (2, 14) or not idle(name, found)


def test_deviations_are_noticed():
    """A value, a shape, a dtype, a gradient or an answer that is not torch's is seen."""
    name = "exp"
    call = next(v.call for v in verdicts(name, (torch.float64,), most=1))
    wanted, _ = call.wanted()
    for wrong in (wanted[0] + 1e-3, wanted[0][None], wanted[0] > 1, wanted[0] * torch.nan):
        program = Program(call, call.text(), (wrong,), False)
        assert program.verdict("torch", None).kind == "value"
    right = Program(call, call.text(), wanted, False)
    weights, slopes = right.slopes()
    assert right.verdict("torch", (weights, slopes)).kind == "right"
    moved = {name: slope + 1 for name, slope in slopes.items()}
    assert right.verdict("torch", (weights, moved)).kind == "gradient"
    verdict = Program(call, "torch.nothing(x0)", wanted, False).verdict("torch", None)
    assert unexcused(name, [verdict]) == [verdict]
    assert Deviation("refused", "nothing", "").excuses(verdict)


def test_names_that_torch_has():
    """Most functions of the language have samples in torch's table."""
    assert len(NAMES) > 200
