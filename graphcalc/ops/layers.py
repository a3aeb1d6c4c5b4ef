"""The layers of torch.nn by name: the text of each, as `layers.gc` has them."""

from __future__ import annotations

import os
import re
from functools import cache

_LINE = re.compile(r"(\w+)\((.*?)\)(?: \| ([\w, ]+))? = (.*)")
# Takes more than its input: those of these names are read in another way while it is trained.
_TRAINED = "trained"

# Arguments of constructors that mean something else than is computed here, and what to write.
_LEGACY = ("size_average", "reduce")
_REFUSED = {
    **dict.fromkeys(_LEGACY, "write `reduction`, as 'sum' or 'none'"),
    "return_indices": "leave it out",
}


@cache
def layers() -> dict[str, str]:
    """Return the text of the class of every layer, by name."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.gc")
    with open(path, encoding="utf-8", newline="\n") as file:
        blocks = file.read().split("\n\n")
    found: dict[str, str] = {}
    for block in blocks[1:]:
        if block.startswith("class "):
            found[block[6 : block.index("(")]] = block
            continue
        for line in block.splitlines():
            name, text = _as_class(line)
            found[name] = text
    return found


def _as_class(line: str) -> tuple[str, str]:
    """Return the name of a layer without parameters, and its line as a class."""
    match = _LINE.fullmatch(line.strip())
    assert match is not None, line
    name, signature, more, computed = match.groups()
    words = [part.partition("=")[0].strip() for part in signature.split(", ")] if signature else []
    for word in words:
        computed = re.sub(rf"(?<![\w.]){word}\b(?![(=])", f"self.{word}", computed)
    is_trained = more == _TRAINED
    inputs = f", {more}" if more and not is_trained else ""
    text = [f"class {name}(nn.Module):", *["    _differs_in_training = True"] * is_trained]
    text += [f"    def __init__(self{', ' + signature if signature else ''}):"]
    for word in sorted(_REFUSED.keys() & set(words)):
        refusal = f'_refuse("`{word}` is none here; {_REFUSED[word]}")'
        text += [f"        if {word} != None and {word} != False:", f"            return {refusal}"]
        if word in _LEGACY:
            text[-2] = f"        if {word} != None:"
    text += [f"        self.{word} = {word}" for word in words] or ["        pass"]
    text += [f"    def forward(self, input{inputs}):", f"        return {computed}"]
    return name, "\n".join(text)
