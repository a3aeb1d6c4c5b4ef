"""Why torch refuses a call, in the words of torch without the names of its own parts."""

from __future__ import annotations

import re

# What torch raises for arguments and values that a function does not take.
FAILURES = (RuntimeError, ValueError, TypeError, IndexError, AssertionError, NotImplementedError)

_TYPES = {
    r"Expected all tensors .*": "its operands are on different devices",
    r"derivative for aten::\w+ is not implemented.*": "torch has no derivative of it",
    r"the derivative for '[^']*' is not implemented.*": "torch has no derivative of it",
    r".*Trying to backward through .*": "torch has no derivative of it",
    r".*\"[\w:]+\" not implemented for '(\w+)'.*": r"torch has no kernel for \1",
    r".*not implemented for '(\w+)'.*": r"torch has no kernel for \1",
    r".*received an invalid combination of arguments.*": "it does not take these arguments",
    r".*takes \d+ positional arguments? but \d+ (was|were) given.*": "it takes fewer arguments",
}
_DTYPES = {
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Float": "float32",
    "Double": "float64",
    "Long": "int64",
    "Int": "int32",
    "Bool": "bool",
}
_SIZES = re.compile(r"torch\.Size\(\[([^\]]*)\]\)")
# Texts in front of the reason: the function's own name, or an expression that did not hold.
_HEAD = re.compile(r"^(?:[\w.:]+(?:\(\))?: )+|^Expected .* to be true, but got false\.\s*")
_ASIDE = re.compile(r"\((?:Could this error message be improved|function: )[^)]*\)?.*", re.DOTALL)


def reason_of(error: Exception, function: str) -> str:
    """Return what torch says is wrong, as the end of a sentence."""
    first = str(error).strip().split("\n")[0] or type(error).__name__
    for pattern, words in _TYPES.items():
        found = re.fullmatch(pattern, first)
        if found:
            return _dtypes(found.expand(words))
    text = _HEAD.sub("", _ASIDE.sub("", first)).strip()
    text = _SIZES.sub(r"(\1)", text).replace("aten::", "").replace("at::", "")
    text = re.sub(r"\btorch\.(float\d+|int\d+|bool|bfloat16)\b", r"\1", text)
    text = re.split(r"(?<=[a-z\])])\. (?=[A-Z])", text)[0].rstrip(". ")
    return _lowered(text) or "it does not take these values"


def _dtypes(text: str) -> str:
    return re.sub(r"\w+$", lambda m: _DTYPES.get(m[0], m[0]), text)


def _lowered(text: str) -> str:
    """Return a text that begins in lower case, unless it begins with a name such as `A`."""
    head = text.split(" ")[0]
    return text[:1].lower() + text[1:] if len(head) > 1 and head[1:].islower() else text
