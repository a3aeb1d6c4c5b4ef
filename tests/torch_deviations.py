"""Where graphcalc is not torch on torch's own samples, and why.

`EVERYWHERE` holds for all functions, `OF` for one; docs/functions.md says the same to users. An
entry excuses the verdicts of its kinds whose call or detail has its pattern; one that excuses
none any more fails the test. `OPEN` names functions whose deviations are not sorted out yet.
"""

import re
from typing import NamedTuple


class Deviation(NamedTuple):
    """What deviates: the kinds of verdicts, a pattern of the call or the detail, and the reason."""

    kinds: str
    pattern: str
    reason: str

    def excuses(self, verdict):
        """Whether a verdict is this deviation."""
        text = f"{verdict.backend} {verdict.call.describe()}\n{verdict.detail}"
        return verdict.kind in self.kinds.split() and re.search(self.pattern, text) is not None


_TIES = Deviation(
    "value",
    r"^python .*\n?.*out1: \[",
    "of equal elements another may be chosen, as torch leaves it open",
)
_FIRST = Deviation("value", "out1: ", "of equal elements the first is chosen, torch leaves it open")
_MATRICES = Deviation(
    "refused", "the Python backend lacks", "singular values and inverses are torch's"
)
_SCALAR = Deviation("refused", "which is a scalar", "of numbers it is the larger, or the smaller")
_TRIGAMMA = Deviation(
    "gradient",
    r"^\w+ (torch\.(special\.)?)?.*(digamma|psi).*\n.*\[inf",
    "at whole numbers below 1 it is infinite, where torch's is large as its pi is rounded",
)
_POLYGAMMA = Deviation(
    "value",
    r"polygamma\(1, |x0: b?float16",
    "torch's of order 1 has ten digits, its others in half precision two",
)
_LAST = Deviation(
    "value", r"x0: b?float16\[", "along the last dimension torch rounds the sum of exp to the dtype"
)
_NARROWER = Deviation(
    "gradient", "bfloat16", "it is computed in the dtype of the result, torch's in x's own"
)
_FACTORS = Deviation(
    "value", "int64.*", "whole numbers become floating point, and so do the factors of the sum"
)
_DATA = "the shape of the result would depend on data"

_NAN = Deviation("gradient", r"float64\[9\]", "at NaN torch's vectors and its scalar code differ")
_TORCH_ALONE = Deviation("refused", "the Python backend lacks", "what Python lacks is torch's")
_BIAS = Deviation("answered", "bias type", "operands of several dtypes meet in one")
_NUMBER = Deviation("answered", "must be Tensor", "a number stands for a tensor")
_NOT_OF_BOOL = Deviation("answered", "on a bool tensor", "bool counts as 0 and 1")
_WHOLE = Deviation("value", "int64", "whole numbers become floating point")

EVERYWHERE: tuple[Deviation, ...] = (
    Deviation(
        "answered",
        r"must be Tensor, not|objects doesn't apply to a 'int'",
        "a number stands for a tensor",
    ),
    Deviation(
        "value",
        r"(?s)x0\.(float|half|bfloat16)\(\).*torch\.float64, torch torch\.float32",
        "`x.float()` does not change a run of float64, and a note says so",
    ),
    Deviation(
        "answered",
        "same dtype|same type|dtype to be equal to|data types are expected|scalar type"
        "|should be the same|could not infer output dtype|on a bool tensor is not supported",
        "operands of several dtypes meet in one, where torch refuses some",
    ),
    Deviation(
        "value",
        r"(?s)dtype=torch\.float32.*torch\.float64, torch torch\.float32",
        "`dtype=torch.float32` does not change a run of float64, and a note says so",
    ),
)

OF: dict[str, tuple[Deviation, ...]] = {
    **dict.fromkeys(("relu6", "nn.functional.relu6", "nn.functional.elu"), (_NAN,)),
    **dict.fromkeys(("nn.functional.softshrink", "nn.functional.selu"), (_NAN,)),
    "nn.functional.celu": (
        Deviation("gradient", "float64", "torch's one over alpha has the digits of float32"),
    ),
    "nn.functional.hardtanh": (
        _NAN,
        _WHOLE,
        Deviation("answered", "greater than max_val", "bounds that cross are those of clamp"),
    ),
    "nn.functional.hardsigmoid": (
        Deviation("gradient", "float64", "torch's sixth has the digits of float32"),
    ),
    "nn.functional.rrelu": (
        Deviation("refused", "draws its slopes", "random slopes are not there"),
        Deviation("answered", "Lower bound", "the mean of both is taken"),
    ),
    "nn.functional.scaled_dot_product_attention": (
        Deviation("value", r"dropout_p=0\.5", "torch draws other numbers"),
    ),
    **dict.fromkeys(
        (f"nn.functional.dropout{n}" for n in ("", "2d", "3d")),
        (Deviation("value", "dropout", "torch draws other numbers"),),
    ),
    **dict.fromkeys(("conv1d", "conv2d", "nn.functional.conv1d", "nn.functional.conv2d"), (_BIAS,)),
    "nn.functional.conv3d": (_BIAS,),
    "hypot": (_NUMBER,),
    "logaddexp": (_NUMBER,),
    "neg": (_NOT_OF_BOOL,),
    "negative": (_NOT_OF_BOOL,),
    **dict.fromkeys((f"nn.functional.max_pool{n}d" for n in (1, 2, 3)), (_TORCH_ALONE,)),
    **dict.fromkeys((f"nn.functional.adaptive_avg_pool{n}d" for n in (1, 2, 3)), (_TORCH_ALONE,)),
    **dict.fromkeys((f"nn.functional.adaptive_max_pool{n}d" for n in (1, 2, 3)), (_TORCH_ALONE,)),
    "nn.functional.embedding": (_TORCH_ALONE,),
    "nn.functional.multi_margin_loss": (
        Deviation("refused", "dimension of classes", "a number is no row of classes"),
    ),
    **dict.fromkeys((f"nn.functional.avg_pool{n}d" for n in (1, 2, 3)), (_WHOLE,)),
    **dict.fromkeys(
        ("round", "special.round"),
        (Deviation("value", "float16.*decimals|decimals.*float16", "decimals round in steps"),),
    ),
    "__rxor__": (Deviation("value", "int64", "`^` of whole numbers is the power"),),
    "__getitem__": (Deviation("refused", "that only the run knows", _DATA),),
    "addcdiv": (_NARROWER,),
    "addcmul": (_NARROWER,),
    **dict.fromkeys(("digamma", "special.digamma", "special.psi"), (_TRIGAMMA,)),
    **dict.fromkeys(("max", "min"), (_SCALAR,)),
    **dict.fromkeys(("polygamma", "special.polygamma"), (_POLYGAMMA,)),
    "__rpow__": (_WHOLE,),
    **dict.fromkeys(("median", "nanmedian"), (_FIRST,)),
    "argsort": (
        Deviation("value", r"float16\[8000\]", "equal elements stay as they stand, stable or not"),
    ),
    **dict.fromkeys(("log_softmax", "special.log_softmax"), (_LAST,)),
    "linalg.multi_dot": (Deviation("value", "float16", "products are taken from the left"),),
    "topk": (_TIES,),
    "kthvalue": (_TIES,),
    "scatter": (Deviation("refused", "the Python backend lacks", "products are torch's"),),
    "arange": (Deviation("value", "dtype=torch.int64", "whole numbers are rounded at the end"),),
    "cov": (Deviation("answered", "integral", "weights are numbers of any kind"),),
    "corrcoef": (Deviation("value", "float16", "limited to 1 where rounding goes beyond"),),
    "addmv": (_FACTORS,),
    "addbmm": (_FACTORS, Deviation("value", "float16", "torch rounds after each of the batch")),
    "baddbmm": (_FACTORS,),
    **dict.fromkeys(("matrix_power", "linalg.matrix_power"), (_MATRICES,)),
    **dict.fromkeys(("norm", "linalg.norm", "linalg.matrix_norm"), (_MATRICES,)),
    "tensor_split": (Deviation("refused", "known before the program runs", _DATA),),
    "repeat_interleave": (Deviation("refused", "need output_size", _DATA),),
    "nn.functional.one_hot": (Deviation("refused", "how many classes there are", _DATA),),
    **dict.fromkeys(
        ("atleast_1d", "atleast_2d", "atleast_3d"),
        (Deviation("refused", "ragged", "they take one tensor"),),
    ),
    **dict.fromkeys(
        ("linspace", "logspace"),
        (
            Deviation("answered", "invalid combination", "a whole number may be written 3.0"),
            Deviation("value", "int64", "whole numbers are rounded from floating point at the end"),
            Deviation("value", r"dtype=torch\.b?float16", "the step is not rounded to float16"),
        ),
    ),
}

OPEN: frozenset[str] = frozenset()


def unexcused(name, found):
    """Return the verdicts that are not right, not skipped and not excused."""
    known = (*EVERYWHERE, *OF.get(name, ()))
    return [
        verdict
        for verdict in found
        if verdict.kind not in ("right", "skipped") and not any(d.excuses(verdict) for d in known)
    ]


def idle(name, found):
    """Return the entries of a name that excuse none of the verdicts."""
    return [entry for entry in OF.get(name, ()) if not any(map(entry.excuses, found))]
