"""User text made safe for any output: on one line, printable, without control characters."""

from __future__ import annotations

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
