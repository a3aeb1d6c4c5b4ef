"""Python as it is pasted gives what it gives in Python with torch, on both backends.

Every name of a program is compared, numbers and tensors in lists too, and the gradients of a
scalar of all of them by the inputs. What graphcalc refuses is listed with the code of its message.
"""

from pathlib import Path

import pasted
import pytest
import torch

HERE = Path(__file__).parent
PROGRAMS = [
    program
    for name in ("pasted_programs.txt", "pasted_functions.txt", "pasted_writes.txt")
    for program in pasted.programs(HERE / name)
]


@pytest.fixture(autouse=True)
def doubles():
    """Numbers are float64 in torch too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_program_gives_what_it_gives_in_python(program):
    """All values and gradients are those of CPython with torch, or the program is refused."""
    pasted.compare(program)
