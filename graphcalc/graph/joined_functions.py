"""The table of functions that join, split, lay out and multiply tensors, and of their constants."""

from __future__ import annotations

from graphcalc.graph import joining, layouts
from graphcalc.graph.call_site import ShapeFunction

_JOINED = "Tensors joined"
JOINED = (
    *(
        ShapeFunction(
            name,
            "tensors: tensors",
            doc,
            joining.stacked(rank, dim),
            (example,),
            aliases,
            kind=_JOINED,
        )
        for name, rank, dim, doc, aliases, example in (
            (
                "hstack",
                1,
                1,
                "Tensors side by side: along dimension 1, vectors along their only one.",
                (),
                ("hstack([[1, 2], [3]])", "[1, 2, 3]"),
            ),
            (
                "vstack",
                2,
                0,
                "Tensors below each other: along dimension 0, vectors as rows.",
                ("row_stack",),
                ("vstack([[1, 2], [3, 4]])", "[[1, 2], [3, 4]]"),
            ),
            (
                "dstack",
                3,
                2,
                "Tensors one behind the other: along dimension 2.",
                (),
                ("dstack([[1, 2], [3, 4]])", "[[[1, 3], [2, 4]]]"),
            ),
        )
    ),
    ShapeFunction(
        "column_stack",
        "tensors: tensors",
        "Tensors side by side, vectors as columns.",
        joining.columns,
        (("column_stack([[1, 2], [3, 4]])", "[[1, 3], [2, 4]]"),),
        kind=_JOINED,
    ),
    *(
        ShapeFunction(
            f"atleast_{rank}d",
            "x",
            f"x with at least {rank} dimension{'s' * (rank > 1)}.",
            joining.at_least(rank),
            ((f"size(atleast_{rank}d(5))", str([1] * rank)),),
            kind=_JOINED,
        )
        for rank in (1, 2, 3)
    ),
    ShapeFunction(
        "meshgrid",
        "*tensors: tensors, indexing: text = None",
        "Vectors laid out along the dimensions of a grid, a tuple.",
        layouts.meshgrid("ij"),
        (("meshgrid([1, 2], [3, 4, 5])[0]", "[[1, 1, 1], [2, 2, 2]]"),),
        kind=_JOINED,
    ),
    ShapeFunction(
        "broadcast_tensors",
        "*tensors: tensors",
        "Tensors expanded to one shape, a tuple.",
        layouts.broadcast_tensors,
        (("broadcast_tensors([1, 2], [[3], [4]])[0]", "[[1, 2], [1, 2]]"),),
        kind=_JOINED,
    ),
    ShapeFunction(
        "tensor_split",
        "x, indices_or_sections: dims, dim: dim = 0",
        "So many nearly equal pieces, or the pieces between indices, as a tuple.",
        joining.tensor_split,
        (
            ("tensor_split([1, 2, 3], 2)[0]", "[1, 2]"),
            ("tensor_split([1, 2, 3], (1,))[1]", "[2, 3]"),
        ),
        ("array_split",),
    ),
    *(
        ShapeFunction(
            name,
            "x, indices_or_sections: dims",
            f"Pieces {doc}, as a tuple.",
            joining.split_at(place),
            ((f"{name}({x}, 2)[0]", value),),
        )
        for name, place, doc, x, value in (
            ("hsplit", 1, "along dimension 1, of a vector its only one", "[1, 2]", "[1]"),
            ("vsplit", 0, "along dimension 0", "[[1], [2]]", "[[1]]"),
            ("dsplit", 2, "along dimension 2", "[[[1, 2]]]", "[[[1]]]"),
        )
    ),
    ShapeFunction(
        "tensordot",
        "x, y, dims: dims = 2",
        "Sums of products over the last dimensions of x and the first of y, or over those named.",
        joining.tensordot,
        (("tensordot([[1, 2]], [[3], [4]], 1)", "[[11]]"),),
        kind=_JOINED,
    ),
    ShapeFunction(
        "kron",
        "x, y",
        "Every element of x times the whole of y, side by side.",
        joining.kron,
        (("kron([[1, 2]], [[1, 1]])", "[[1, 1, 2, 2]]"),),
        kind=_JOINED,
    ),
    ShapeFunction(
        "chain_matmul",
        "*tensors: tensors",
        "The product of several matrices, from the left on.",
        joining.chain,
        (("chain_matmul([[2]], [[3]], [[4]])", "[[24]]"),),
        kind=_JOINED,
    ),
    ShapeFunction(
        "multi_dot",
        "tensors: tensors",
        "The product of several matrices, from the left on, as torch.linalg.multi_dot.",
        joining.chain,
        (("linalg.multi_dot([[[2]], [[3]], [[4]]])", "[[24]]"),),
        kind=_JOINED,
    ),
    ShapeFunction(
        "matrix_power",
        "x, n: size",
        "The product of n equal matrices; for n below 0, of their inverses, which are torch's.",
        joining.matrix_power,
        (("matrix_power([[1, 1], [0, 1]], 3)", "[[1, 3], [0, 1]]"),),
        kind=_JOINED,
        differs="n is at least 0.",
    ),
    *(
        ShapeFunction(
            f"{name}_indices",
            "row: size, col: size, offset: dim = 0",
            f"The rows and the columns of the elements that `{name}` keeps.",
            layouts.triangle(name == "tril"),
            ((f"{name}_indices(2, 2)", value),),
            kind="Making tensors",
        )
        for name, value in (
            ("tril", "[[0, 1, 1], [0, 0, 1]].long()"),
            ("triu", "[[0, 0, 1], [0, 1, 1]].long()"),
        )
    ),
    *(
        ShapeFunction(
            f"new_{name}",
            signature,
            f"A tensor of {what}, in the dtype of x.",
            layouts.new(value),
            ((example, shown),),
            kind="Making tensors",
        )
        for name, signature, what, value, example, shown in (
            ("zeros", "x, *shape: shape", "0", 0.0, "new_zeros(5, 2)", "[0, 0]"),
            ("ones", "x, *shape: shape", "1", 1.0, "new_ones(5, 2)", "[1, 1]"),
            (
                "full",
                "x, shape: shape, value, dtype: text = None",
                "one value",
                None,
                "new_full(5, (2,), 7)",
                "[7, 7]",
            ),
        )
    ),
)
HIDDEN = (
    ShapeFunction(
        "np_meshgrid", "*tensors: tensors, indexing: text = None", "", layouts.meshgrid("xy")
    ),
    ShapeFunction("_along", "x, like, dim: dim", "A vector along a dimension.", layouts.along),
    ShapeFunction("_besides", "x, like, dim: dim", "x broadcast.", layouts.broadcast_besides),
    ShapeFunction("_fitted", "x, like", "The part that an index takes.", layouts.fitted),
    ShapeFunction("_repeated", "x: dims", "Positions, repeated.", layouts.repeated),
    ShapeFunction("_is_written", "x", "Whether elements are written.", layouts.is_written),
    ShapeFunction("_classes", "x, num_classes: size", "How many classes.", layouts.classes),
)
