"""Every function of the language with its calls, and what tests compare such a call with.

Each comparison raises AssertionError; `assert_like_torch` gives whether torch could be asked.
"""

import math
import warnings
from typing import NamedTuple

from agreement import assert_typed, elements, result, run, shape_of, ulps

from graphcalc.diagnostics import GraphcalcError
from graphcalc.graph import shape_functions
from graphcalc.ops.prelude import COMPOSITES
from graphcalc.ops.spec import TENSORS, Parameter, parameters
from graphcalc.ops.table import OPS
from graphcalc.ops.words import PREFIXES
from graphcalc.syntax import expr as ast
from graphcalc.syntax.format import format_expression
from graphcalc.syntax.parser import parse_expression_text

RELATIVE = 1e-12


class Function(NamedTuple):
    """A row, a composite or a static function: its name, examples, and further calls."""

    name: str
    examples: tuple[tuple[str, str], ...]
    samples: tuple[str, ...]
    differs: str

    @property
    def texts(self):
        """Every call that the function shows."""
        return (*(text for text, _ in self.examples), *self.samples)


def functions():
    """Rows, public composites and public static functions, as the tables have them now."""
    rows = [Function(o.name, o.examples, o.samples, o.differs) for o in OPS.values()]
    composites = [
        Function(c.name, c.examples, (), c.differs)
        for c in COMPOSITES.values()
        if not c.name.startswith("_")
    ]
    others = [Function(f.name, f.examples, (), f.differs) for f in shape_functions.PUBLIC]
    return [*rows, *composites, *others]


def messages(text, inputs=None):
    """The outcome of a run on each backend, or the message where it is refused."""
    found = []
    for backend in ("python", "torch"):
        try:
            found.append(run(text, backend, inputs))
        except GraphcalcError as error:
            found.append(error.diagnostic.message)
    return found


def kind_of(value):
    """A number's part of the non-finite pattern: finite, nan, or which infinity."""
    if value != value:
        return "nan"
    return value if math.isinf(value) else "finite"


def assert_near(found, wanted, where, tolerance=None, scale=1.0, relative=RELATIVE):
    """Elements of one type and one non-finite pattern: so many ulp apart, or nearly the same.

    Without a tolerance, differences are relative to the largest number, or to `scale`.
    """
    assert len(found) == len(wanted), f"{where}: {len(found)} and {len(wanted)} elements"
    finite = [abs(y) for y in wanted if math.isfinite(y)]
    bound = relative * max([scale, *finite])
    for x, y in zip(found, wanted):
        assert type(x) is type(y), f"{where}: {x!r} and {y!r} differ in type"
        assert kind_of(x) == kind_of(y), f"{where}: {x!r} and {y!r}"
        if type(y) is not float:
            assert x == y, f"{where}: {x!r} and {y!r}"
        elif math.isfinite(y):
            apart = ulps(x, y) if tolerance is not None else abs(x - y)
            assert apart <= (bound if tolerance is None else tolerance), f"{where}: {x!r}, {y!r}"


def root_name(text):
    """The name of the function that a text is a call of, else nothing."""
    root = parse_expression_text(text)
    plain = type(root) is ast.Call and type(root.function) is ast.Name
    return root.function.name if plain else ""


def assert_same_on_backends(text, inputs=None, tolerance=None, scale=0.0):
    """A text gives the same shape, dtype and numbers on both backends; its outcome on Python."""
    outcomes = [run(text, backend, inputs) for backend in ("python", "torch")]
    for outcome in outcomes:
        assert_typed(outcome)
    left, right = map(result, outcomes)
    assert shape_of(left) == shape_of(right), f"{text}: {shape_of(left)} and {shape_of(right)}"
    assert_near(elements(left), elements(right), text, tolerance, scale)
    return outcomes[0]


# torch's own function

# Functions that torch does not have under that name, and why.
NOT_IN_TORCH = {
    "gamma": "torch has lgamma alone",
    **dict.fromkeys(("comb", "perm", "factorial"), "Python's own"),
    "gcd": "torch's is of int64 alone",
    "lcm": "torch's is of int64 alone",
    "cbrt": "torch has no cube root",
    "mod": "NumPy's name of remainder",
    "swish": "another name of silu",
    "vector_norm": "torch.linalg.vector_norm, whose dtype is an argument",
    "pick": "torch has it inside of nll_loss alone",
    "len": "Python's own",
    "to": "its argument is a dtype",
    "float": "the run's dtype stays",
    "half": "the run's dtype stays",
    "item": "a Python number in torch, which has no dtype",
    "ndim": "an attribute in torch",
    "rand": "torch draws other numbers",
    "randn": "torch draws other numbers",
    "randint": "torch draws other numbers",
    "normal": "torch draws other numbers",
    "rand_like": "torch draws other numbers",
    "randn_like": "torch draws other numbers",
}
# Calls that torch does not take or means otherwise, as the function's `differs` says.
DIFFERENT = {
    "log(8, 2)": "math.log; torch's takes one number",
    "hypot(3, 4, 12)": "math.hypot; torch's takes two numbers",
    **dict.fromkeys(
        ("dropout([1, 2])", "dropout1d([[1, 2]])", "dropout2d([[[1, 2]]])"),
        "torch's p is 0.5 unless it is given",
    ),
    "dropout3d([[[[1, 2]]]])": "the same",
    "F.unfold([[[[1, 2], [3, 4]]]], 2)": "this asks Tensor.unfold; see test_networks.py",
    "diff([1, 4, 9], prepend=0)": "torch wants a tensor",
    "repeat_interleave([5, 6], [1, 2])": "torch wants a tensor of repeats",
    **dict.fromkeys(
        (
            "meshgrid([1, 2], [3, 4, 5])[0]",
            "broadcast_tensors([1, 2], [[3], [4]])[0]",
            "chain_matmul([[2]], [[3]], [[4]])",
        ),
        "torch wants tensors",
    ),
    "math.remainder(7, 4)": "torch's is that of `%`",
    "numel([[1, 2, 3], [4, 5, 6]], dim=0)": "dim is an addition",
    "numel(randn(2, 3, 4), dim=(0, 2))": "dim is an addition",
}
# Where the first of torch's functions of that name is another one.
ELSEWHERE = {"unfold": "Tensor", "tensor": "as_tensor"}
# Arguments of composites that are no tensors, though they have no default.
STATIC = {
    *(("layer_norm", "normalized_shape"), ("rms_norm", "normalized_shape")),
    *(("threshold", "threshold"), ("threshold", "value"), ("np_split", "sections")),
    *(("masked_fill", "value"), ("group_norm", "num_groups"), ("repeat_interleave", "repeats")),
    *((f"index_{name}", "dim") for name in ("add", "copy", "fill")),
    *(("index_fill", "value"), ("logspace", "start"), ("logspace", "end"), ("logspace", "steps")),
    *(("np_eye", "n"), ("np_identity", "n")),
    *(("np_linspace", "start"), ("np_linspace", "stop")),
    ("np_repeat", "repeats"),
    *((f"{kind}_pool{n}d", "kernel_size") for kind in ("max", "avg", "lp") for n in (1, 2, 3)),
    *((f"adaptive_{kind}_pool{n}d", "output_size") for kind in ("max", "avg") for n in (1, 2, 3)),
    *(("lp_pool1d", "norm_type"), ("lp_pool2d", "norm_type"), ("local_response_norm", "size")),
    *(("pixel_shuffle", "upscale_factor"), ("pixel_unshuffle", "downscale_factor")),
    ("channel_shuffle", "groups"),
}
# Class numbers, which torch takes as int64 alone.
CLASSES = {
    *(("nll_loss", "target"), ("cross_entropy", "target"), ("embedding", "input")),
    ("multi_margin_loss", "target"),
    *(("take", "index"), ("take_along_dim", "indices"), ("scatter", "index")),
    *((f"index_{name}", "index") for name in ("add", "copy", "fill")),
    *(("scatter_add", "index"), ("one_hot", "x")),
}


class Call(NamedTuple):
    """A call taken apart: what holds the function, its name, and the arguments."""

    module: str
    name: str
    positional: list
    keywords: dict
    place: int | None


def signature(name):
    """The parameters of a function by its name or alias; those of a composite say less."""
    found = shape_functions.FUNCTIONS.get(name)
    row = found or next((o for o in OPS.values() if name in (o.name, *o.aliases)), None)
    if row is not None:
        return list(parameters(row))
    composite = COMPOSITES[name]
    found = []
    for piece in composite.signature.split(", "):
        head, _, default = piece.partition("=")
        found.append(Parameter(head, "either", default, False))
    return found


def is_literal(node):
    """Whether an argument says what it is without a tensor: a number, a tuple, a word."""
    if type(node) in (ast.Tuple, ast.Tensor, ast.List):
        return all(map(is_literal, node.items))
    if type(node) is ast.Unary:
        return node.op == "neg" and is_literal(node.operand)
    if type(node) is ast.Name:
        return node.name == "inf"
    return type(node) in (ast.Number, ast.Boolean, ast.NoneLiteral, ast.Text)


def literal(node):
    """What such an argument is in Python; whole numbers as int."""
    match node:
        case ast.Tuple() | ast.Tensor():
            return tuple(literal(item) for item in node.items)
        case ast.Unary():
            return -literal(node.operand)
        case ast.Name():
            return math.inf
        case ast.NoneLiteral():
            return None
        case ast.Call(arguments=(item,)):  # list((1, 2)), tuple([1, 2])
            return literal(item)
        case ast.Number() if node.value.is_integer() and abs(node.value) < 2**53:
            return int(node.value)
    return node.value


def is_static(name, parameter, node):
    """Whether torch wants an argument as it is, not as a tensor."""
    if parameter.kind in TENSORS:
        return type(node) is ast.NoneLiteral
    if (
        type(node) is ast.NoneLiteral
        or parameter.kind != "either"
        or (name, parameter.name) in STATIC
    ):
        return True
    return is_literal(node) and bool(parameter.default) and type(node) not in _LISTS


_LISTS = (ast.Tensor, ast.List)


def taken_apart(text):
    """The call that a text is, with the tensors among its arguments; None for other texts."""
    root = parse_expression_text(text)
    place = None
    if type(root) is ast.Index and len(root.items) == 1 and is_literal(root.items[0]):
        root, place = root.value, literal(root.items[0])
    if type(root) is not ast.Call:
        return None
    module = ""
    arguments = root.arguments
    name = root.function.name
    if type(root.function) is ast.Attribute:
        value = root.function.value
        if type(value) is ast.Name and value.name in PREFIXES:
            module = value.name
        else:
            arguments = (value, *arguments)
    full = f"{module}_{name}" if module and f"{module}_{name}" in COMPOSITES else name
    declared = signature(full)
    lines, positional, keywords = [], [], {}

    def taken(node, parameter):
        """A static argument, or the name of the statement that makes a tensor."""
        if is_static(full, parameter, node):
            return literal(node)
        if parameter.kind == "tensors":
            return [taken(item, parameter._replace(kind="tensor")) for item in node.items]
        lines.append(f"a{len(lines)}_ = {format_expression(node)}")
        is_class = parameter.kind == "index" or (full, parameter.name) in CLASSES
        return Tensor(f"a{len(lines) - 1}_", is_class)

    for position, argument in enumerate(arguments):
        if type(argument) is ast.Keyword:
            parameter = next((p for p in declared if p.name == argument.name), None)
            parameter = parameter or Parameter(argument.name, "either", "None", False)
            keywords[argument.name] = taken(argument.value, parameter)
        else:
            parameter = declared[min(position, len(declared) - 1)]
            positional.append(taken(argument, parameter))
    tensors = tensors_of("; ".join(lines), [line.split(" = ")[0] for line in lines])
    positional = [with_tensors(v, tensors) for v in positional]
    keywords = {k: with_tensors(v, tensors) for k, v in keywords.items()}
    return Call(module, name, positional, keywords, place)


class Tensor(NamedTuple):
    """A tensor that a statement makes; classes are whole numbers."""

    name: str
    is_class: bool


def tensors_of(program, names):
    """What the torch backend computes for each of these names."""
    if not names:
        return {}
    outcome = run(program, "torch", keep=names)
    return {name: outcome.values[outcome.graph.names[name]] for name in names}


def with_tensors(value, tensors):
    """An argument with torch's tensors in place of their names."""
    if isinstance(value, list):
        return [with_tensors(v, tensors) for v in value]
    if not isinstance(value, Tensor):
        return value
    found = tensors[value.name]
    is_whole = value.is_class and bool((found == found.round()).all())
    return found.long() if is_whole and found.dtype.is_floating_point else found


def numbers_instead(value):
    """Tensors of one number as that number: some of torch's functions want numbers."""
    return value.item() if hasattr(value, "dim") and not value.dim() else value


def candidates(call):
    """torch's functions of that name, or NumPy's."""
    import torch

    if call.module == "linalg":
        return [getattr(torch.linalg, call.name)]
    if call.name in ELSEWHERE:
        holder = getattr(torch, ELSEWHERE[call.name])
        return [getattr(holder, call.name, holder)]
    holders = (torch.nn.functional, torch, torch.Tensor, torch.special, torch.linalg)
    return [getattr(m, call.name) for m in holders if callable(getattr(m, call.name, None))]


def ask_numpy(call):
    """What NumPy's own function gives."""
    import numpy

    def array(value):
        return value.numpy() if hasattr(value, "numpy") else value

    keywords = {k: array(v) for k, v in call.keywords.items()}
    # torch takes no array that counts backwards.
    found = getattr(numpy, call.name)(*map(array, call.positional), **keywords)
    return found.copy() if isinstance(found, numpy.ndarray) else found


def ask_torch(call):
    """What torch's own function gives; TypeError where none takes the arguments."""
    refused = TypeError(f"torch has no {call.name}")
    for function in candidates(call):
        for change in (lambda v: v, numbers_instead):
            positional = [*call.positional[:1], *map(change, call.positional[1:])]
            keywords = {k: change(v) for k, v in call.keywords.items()}
            try:
                return function(*positional, **keywords)
            except TypeError as error:
                refused = error
            except ValueError as error:
                if "eps must be positive" not in str(error):
                    raise
                # torch 2.10 refuses 0 in batch_norm; this is lost in any variance but 0.
                return function(*positional, **{**keywords, "eps": 5e-324})
    raise refused


def is_torchs(call):
    """Whether torch, or NumPy for a call of its own, has a function of that name."""
    return call.module == "np" or any(True for _ in candidates(call))


def assert_like_torch(text):
    """A call gives what torch's own function of that name gives; whether there is one."""
    import torch

    call = None if text in DIFFERENT else taken_apart(text)
    if call is None or call.name in NOT_IN_TORCH or not is_torchs(call):
        return False
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = ask_numpy(call) if call.module == "np" else ask_torch(call)
    finally:
        torch.set_default_dtype(default)
    if call.place is not None:
        if not isinstance(wanted, (tuple, list)):
            return False
        wanted = wanted[call.place]
    if isinstance(wanted, tuple) and hasattr(wanted, "values"):
        wanted = wanted.values
    wanted = torch.as_tensor(wanted)
    found = result(run(text, "torch"))
    assert tuple(found.shape) == tuple(wanted.shape), f"{text}: {found.shape}, {wanted.shape}"
    if wanted.dtype.is_floating_point:
        assert found.dtype == wanted.dtype, f"{text}: {found.dtype} and {wanted.dtype}"
    assert_near(elements(found), elements(wanted.to(found.dtype)), text, scale=0.0)
    return True
