"""What is written in place, with all that shares its memory, against torch."""

import random

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.diagnostics import CallError

SHAPES = {(2, 3): "2, 3", (3,): "3", (6,): "6", (3, 2): "3, 2", (1, 2, 3): "1, 2, 3", (2,): "2"}


class Writer:
    """Draws programs of tensors, views and writes, line by line, with the shapes of their names."""

    def __init__(self, draw):
        self.draw, self.lines, self.shapes = draw, [], {}

    def name(self, shape):
        """A new name, of this shape."""
        name = "abcdefghij"[len(self.shapes) % 10] + "x" * (len(self.shapes) // 10)
        self.shapes[name] = shape
        return name

    def some(self):
        """One of the names."""
        return self.draw.choice(sorted(self.shapes))

    def line(self):
        """One more line."""
        if not self.shapes or self.draw.random() < 0.12:
            shape = self.draw.choice([(2, 3), (3,), (6,), (3, 2)])
            sizes = ", ".join(map(str, shape))
            count = torch.Size(shape).numel()
            self.lines.append(f"{self.name(shape)} = torch.arange({count}.).reshape({sizes})")
            return
        self.draw.choice([self.view, self.view, self.write, self.write, self.write, self.pure])()

    def view(self):
        """A view of a name, under another."""
        name = self.some()
        found = [("{}", lambda x: x), ("{}.reshape(-1)", lambda x: x.reshape(-1))]
        if len(self.shapes[name]) == 2:
            found += [
                ("{}.T", lambda x: x.T),
                ("{}[-1]", lambda x: x[-1]),
                ("{}[:, 0]", lambda x: x[:, 0]),
                ("{}[-1:, ::2]", lambda x: x[-1:, ::2]),
                ("{}.unsqueeze(0)", lambda x: x.unsqueeze(0)),
                ("{}.permute(1, 0)", lambda x: x.permute(1, 0)),
            ]
        else:
            found += [("{}[::2]", lambda x: x[::2]), ("{}[None]", lambda x: x[None])]
        text, shape_of = self.draw.choice(found)
        shape = tuple(shape_of(torch.zeros(self.shapes[name])).shape)
        self.lines.append(f"{self.name(shape)} = {text.format(name)}")

    def pure(self):
        """A value of its own, computed from a name."""
        name = self.some()
        text = self.draw.choice(["{} * 2", "{}.clone()", "{} + 1", "bump({}.clone())", "-{}"])
        self.lines.append(f"{self.name(self.shapes[name])} = {text.format(name)}")

    def write(self):
        """A write to a name, or to a part of it."""
        name = self.some()
        same = [n for n in self.shapes if self.shapes[n] == self.shapes[name]]
        other = self.draw.choice(same)
        number = self.draw.randint(1, 9)
        texts = [
            f"{name} += {number}",
            f"{name} *= {other}",
            f"{name}[0] = {number}",
            f"{name}[-1] -= {number}",
            f"{name}[...] = {other} + 1",
            f"{name}.add_({number})",
            f"{name}.copy_({other})",
            f"{name}.mul_(2).sub_(1)",
            f"{name}[{name} > {number}] = 0",
            f"{name}[{name} < {number}] += 1",
            f"bump({name})",
            f"{name}.fill_({number})",
            f"{name}[torch.tensor([0])] = {number}",
        ]
        self.lines.append(self.draw.choice(texts))


def program(seed, count=12):
    writer = Writer(random.Random(seed))
    for _ in range(count):
        writer.line()
    return "def bump(t):\n    t += 1\n    return t\n" + "\n".join(writer.lines), writer.shapes


def by_torch(text):
    """The names of a program in CPython; None where torch refuses overlapping memory."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    names = {"torch": torch}
    try:
        exec(text, names)
    except RuntimeError:
        return None
    finally:
        torch.set_default_dtype(before)
    return names


def wrong_names(found, expected, names):
    """The names whose values are not torch's; none where torch refuses the program."""
    return [
        name
        for name in (names if expected is not None else ())
        if not torch.equal(torch.as_tensor(found[name], dtype=torch.float64), expected[name])
    ]


def outcome(seed, backend):
    """The code with which a drawn program is refused, or the names that have wrong values."""
    text, names = program(seed)
    expected = by_torch(text)
    try:
        found = gc.run(text, backend=backend)
    except CallError as refused:
        return refused.diagnostic.code
    return wrong_names(found, expected, names)


@settings(max_examples=300)
@given(st.integers(0, 10**9), st.sampled_from(["python", "torch"]))
def test_programs_that_write(seed, backend):
    """All names have torch's values, or a write through a view of unclear memory is refused."""
    assert outcome(seed, backend) in ([], "in-place-view"), program(seed)[0]


def test_few_programs_are_refused():
    """Most programs that write run, and right."""
    outcomes = [outcome(seed, "python") for seed in range(150)]
    assert outcomes.count([]) > 0.8 * len(outcomes), outcomes


def test_wrong_values_are_noticed():
    """A name with another value than torch's is found."""
    expected = {"a": torch.ones(2, dtype=torch.float64), "b": torch.zeros((), dtype=torch.float64)}
    assert wrong_names({"a": [1.0, 2.0], "b": 0.0}, expected, ["a", "b"]) == ["a"]
