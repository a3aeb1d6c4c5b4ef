"""User text made safe for any output: on one line, printable, without control characters."""

from __future__ import annotations

import re

# Letters of scripts that are written from right to left.
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]+")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: str) -> str:
    """Return the text with every unprintable character as an escape."""
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of an argument that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def isolated(text: str) -> str:
    """Return the text with every run of right-to-left letters isolated from what is around it.

    Without that a name of such letters would change places with the number or the operator behind
    it (Unicode Standard Annex 9).
    """
    return text if text.isascii() else _RIGHT_TO_LEFT.sub("\u2068\\g<0>\u2069", text)


def width(text: str) -> int:
    """Return the columns that printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


_ASCII = str.maketrans(
    "╭╮╰╯┌┐└┘├┤┬┴┼╤╔╗╚╝─│═║…→←▼▲↓↑·×∂−▁▂▃▄▅▆▇█", "++++++++++++++####-|=#~><v^v^-xd-_.-~=+*#"
)


def encodable(text: str, encoding: str) -> str:
    """Return the text in characters of an encoding: ASCII for box lines, escapes for others."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text
