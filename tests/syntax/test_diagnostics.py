"""What is said of text that is no program."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.diagnostics import GraphcalcError, LimitError, ParseError
from graphcalc.evaluate import parse
from graphcalc.source import Source
from graphcalc.syntax.parser import TABLES, parse_program


def refuse(text, error=ParseError):
    """The diagnostic of a text that is refused."""
    with pytest.raises(error) as caught:
        parse([Source(text)])
    return caught.value.diagnostic


def under(diagnostic, label=0):
    """The text that a label points at."""
    found = diagnostic.labels[label]
    return found.source.slice(found.span)


@pytest.mark.parametrize(
    ("text", "character", "hint"),
    [
        ("a − b", "−", "`-`"),
        ("a – b", "–", "`-`"),
        ("a × b", "×", "`*`"),
        ("a · b", "·", "`*`"),
        ("a ÷ b", "÷", "`/`"),
        ("a ≤ b", "≤", "`<=`"),
        ("a ≠ b", "≠", "`!=`"),
        ("x²", "²", "`^2`"),
        ("（1)", "（", "`(`"),
        ("٣ + 1", "٣", "`3`"),
        ("１ + 1", "１", "`1`"),
        ("!x", "!", "`not`"),
        ("“a”", "“", "straight quotes"),
        ("'os", "'", "text ends where it began"),
        ('f("a)', '"', "text ends where it began"),
        ("a ? b : c", "?", "if condition else"),
        ("{1, 2}", "{", "[1, 2, 3]"),
        ("$x", "$", "without `$`"),
        ("`x`", "`", "without quotes"),
        ("a \\ b", "\\", "inside brackets"),
    ],
)
def test_characters_are_named_with_a_hint(text, character, hint):
    """A character that no token begins with is pointed at, with what to write instead."""
    diagnostic = refuse(text)
    assert diagnostic.code == "bad-character"
    assert under(diagnostic) == character
    assert hint in diagnostic.help


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u2069", "U+2069 POP DIRECTIONAL ISOLATE"),
        ("\u061c", "U+061C ARABIC LETTER MARK"),
        ("\u2028", "U+2028 LINE SEPARATOR"),
        ("\u2029", "U+2029 PARAGRAPH SEPARATOR"),
        ("\u0085", "U+0085"),
        ("\x0b", "U+000B"),
        ("\x0c", "U+000C"),
        ("\x00", "U+0000"),
        ("\x1b", "U+001B"),
        ("\x7f", "U+007F"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\xa0", "U+00A0 NO-BREAK SPACE"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u2081", "U+2081 SUBSCRIPT ONE"),
        ("\U0001f600", "U+1F600 GRINNING FACE"),
    ],
    ids=lambda v: ascii(v),
)
def test_characters_are_never_echoed(character, name):
    """Control characters and other invisible ones are named by number, not printed."""
    diagnostic = refuse(f"1 {character}+ 1")
    assert name in diagnostic.message
    assert under(diagnostic) == character
    spoken = diagnostic.message + diagnostic.note + diagnostic.help
    assert character not in spoken
    assert spoken.isprintable()


@pytest.mark.parametrize("name", ["größe", "α", "Δx", "имя", "名前", "ñ_1", "ﬁ", "o\u0308"])
def test_names_have_letters_of_all_scripts(name):
    """What Python takes for an identifier is a name, in Unicode's form NFKC."""
    folded = unicodedata.normalize("NFKC", name)
    assert gc.run(f"{name} * 2", {folded: 3}).value == 6
    assert gc.run(f"f({name}) = {name} + 1; f(2)").value == 3


def test_letters_that_look_alike_are_told_apart():
    """A name of other letters than the one that is bound gets a hint."""
    with pytest.raises(gc.BindingError) as caught:
        gc.run("\u0430 + a", a=1)
    assert "did you mean `a`" in caught.value.diagnostic.help


def test_bytes_that_are_not_utf8_are_shown_as_bytes():
    """A byte that came through as a surrogate is shown as that byte."""
    diagnostic = refuse(b"1+\xff".decode("utf-8", "surrogateescape"))
    assert "\\xff" in diagnostic.message
    assert diagnostic.labels[0].span == (2, 3)


@pytest.mark.parametrize(
    ("text", "code", "where", "words"),
    [
        ("1+2)", "unmatched-bracket", ")", "unmatched `)`"),
        ("]", "unmatched-bracket", "]", "unmatched `]`"),
        ("(1 + 2]", "mismatched-bracket", "]", "`]` does not close `(`"),
        ("[1, (2, 3]", "mismatched-bracket", "]", "`]` does not close `(`"),
        ("(1 + 2", "unclosed-bracket", "(", "`(` is never closed"),
        ("f(1, g(2)", "unclosed-bracket", "(", "`(` is never closed"),
        ("[1, 2", "unclosed-bracket", "[", "`[` is never closed"),
        ("(1; 2)", "unclosed-bracket", "(", "`(` is never closed"),
        ("x[", "unclosed-bracket", "[", "`[` is never closed"),
    ],
)
def test_brackets_say_which_is_missing(text, code, where, words):
    """A bracket without its partner is pointed at, and the missing one is named."""
    diagnostic = refuse(text)
    assert (diagnostic.code, under(diagnostic)) == (code, where)
    assert words in diagnostic.message


def test_a_mismatched_bracket_points_at_both():
    """A wrong closing bracket comes with the place of the opening one, and what it wants."""
    diagnostic = refuse("x = [1,\n(2 + 3]\n")
    assert [under(diagnostic, i) for i in (0, 1)] == ["]", "("]
    assert "2:1 wants `)`" in diagnostic.note


def test_an_unclosed_bracket_says_up_to_where():
    """A bracket that nothing closes says before which place the closing one is missing."""
    assert "`)` is missing before the end of the input" in refuse("a = (1 + 2\n\n").note
    assert "`)` is missing before 1:3" in refuse("(1; 2)").note


@pytest.mark.parametrize(
    ("text", "construct", "hint"),
    [
        ("lambda: 1", "lambda", "f = lambda x: x + 1"),
        ("lambda x: x", "lambda", "f = lambda x: x + 1"),
        ("return 1", "return", "`def f(x):`"),
        ("while 1: 2", "while", "`for i in range(n):`"),
        ("while x > 1:\n    y = 2", "while", "`for i in range(n):`"),
        ("try:\n    y = x", "try", "nan or inf"),
        ("def f(x):\n    yield x", "yield", "return a list"),
        ("async def f(x): return x", "async", "leave the word out"),
        ("y = 1\nawait y", "await", "leave the word out"),
        ("def f(x):\n    global k", "global", "can be read"),
        ("def f(x):\n    nonlocal k", "nonlocal", "can be read"),
        ("match x:\n    case 1: y = 2", "match", "`if x == 1:`"),
        ("if: y = 1", "if", "`x if condition else y`"),
        ("else 1", "else", "`x if condition else y`"),
        ("else:\n    y = 1", "else", "same indentation"),
        ("elif x:\n    y = 1", "elif", "same indentation"),
        ("function f(x) = 1", "function", "`def f(x):`"),
        ("print x", "print", "`print(x)`"),
        ("let x = 1", "let", "`name = value`"),
        ("var x = 1", "var", "`name = value`"),
        ("const x = 1", "const", "`name = value`"),
        ("a mod b", "mod", "`%`"),
        ("a xor b", "xor", "logical_xor"),
    ],
)
def test_constructs_of_other_languages_get_their_own_message(text, construct, hint):
    """A construct that the language does not have is named, with what to write instead."""
    diagnostic = refuse(text)
    assert construct in (under(diagnostic), "in"), diagnostic
    assert hint in diagnostic.help, diagnostic


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("", "expected an expression, got end of input", ""),
        ("# only a comment", "expected an expression, got end of input", ""),
        ("f(x) = x", "only definitions", ""),
        ("1 + @", "expected an expression, got `@`", "@"),
        ("1 +", "expected an expression, got end of input", ""),
        ("1 +\n2", "expected an expression, got end of line", "\n"),
        ("1 2", "expected an operator", "2"),
        ("2 x", "expected an operator", "x"),
        ("(1 2)", "expected an operator, `,` or `)`", "2"),
        ("x if y", "expected `else`", ""),
        ("a = b = 1 = c", "cannot assign to `1`", "1"),
        ("if x = 1: y = 2", "expected `:`", "="),
        ("if x == 1\n    y = 2", "expected `:`, got end of line", "\n"),
        ("def f(x)\n    return x", "expected `:`, got end of line", "\n"),
        ("for i in x y = 1", "expected `:`, got `y`", "y"),
        ("for x: y = 1", "expected `in`, got `:`", ":"),
        ("from torch", "expected `import`, got end of input", ""),
        ("def f(x=1, y): return x", "has no default", "y"),
        ("def f(**k): return 1", "`**k` cannot be read", "k"),
        ("a, *b, *c = x", "can have a `*`", "*c"),
        ("*a = x", "can have a `*`", "*a"),
        ("f(x) += 1", "cannot assign to `f(x)`", "f(x)"),
        ("del 1", "cannot assign to `1`", "1"),
        ("@twice\ny = 1", "a decorator stands before", "@twice"),
        ("1 = 2", "cannot assign to `1`", "1"),
        ("f(1) = 2", "a parameter must be a name", "1"),
        ("1 += 1", "cannot assign to `1`", "1"),
        ("x := 1", "", "="),
        ("a && b", "expected an expression", "&"),
        ("a || b", "expected an expression", "|"),
        ("x.", "expected a name", ""),
        ("x.1", "expected an operator", ".1"),
        ("f(a=1, 2)", "a positional argument follows", "2"),
        ("x[]", "expected an expression", "]"),
        ("1..2", "", ".2"),
        ("9" * 310, "too large for a float64", "9" * 310),
        ("0x" + "f" * 400, "too large for a float64", "0x" + "f" * 400),
        ("not", "expected an expression", ""),
        ("* 2", "`*` stands before parts of a list", "* 2"),
        ("x\ny +\nz", "expected an expression, got end of line", "\n"),
    ],
)
def test_unexpected_tokens_say_what_was_expected(text, message, where):
    """A token that cannot stand where it does is pointed at, with what could."""
    diagnostic = refuse(text)
    assert message in diagnostic.message
    assert under(diagnostic) == where


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1 2", "`*` to multiply"),
        ("2 x", "write `*` to multiply"),
        ("1 += 1", "write `name += value`"),
        ("a && b", "write `and`"),
        ("a || b", "write `or`"),
        ("1 = 2", "`==` compares"),
    ],
)
def test_slips_get_advice(text, hint):
    """Slips that are common elsewhere get the way to write it here."""
    assert hint in refuse(text).help


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("def f(x):\nreturn x", "the `:` in line 1 wants lines", "return"),
        ("if True:\ny = 1", "the `:` in line 1 wants lines", "y"),
        ("def f(x):\n", "the `:` in line 1 wants lines", ""),
        ("for i in x:\n    # nothing\ny = 1", "the `:` in line 1 wants lines", "y"),
        ("if True:\n    y = 1\n  z = 2", "indented by 2, and its block, from line 2 on, by 4", "z"),
        ("if True:\n    y = 1\n      z = 2", "indented by 6", "z"),
        ("if True:\n        y = 1\n\tz = 2", "tabs and blanks are mixed", "z"),
        ("if True:\n    y = 1\n  else:\n    y = 2", "indented by 2", "else"),
        ("if True: y = 1\n    z = 2", "more than line 1, whose body", "z"),
    ],
)
def test_indentation_that_no_block_has_is_pointed_at(text, message, where):
    """The line that is indented in another way is pointed at, with the one that it differs from."""
    diagnostic = refuse(text)
    assert diagnostic.code == "indentation"
    assert message in diagnostic.message
    assert under(diagnostic) == where


def test_endless_names_are_a_limit():
    """A name of more than 255 characters is a LimitError that shows no more than 60 of them."""
    diagnostic = refuse("a" * 1_000_000 + "+1", LimitError)
    assert "255" in diagnostic.message
    assert len(diagnostic.message) < 200
    parse([Source("a" * 255)])


@pytest.mark.parametrize("text", ["1e" * 100_000, "1." * 100_000, "\\" * 100_000, '"' * 100_001])
def test_long_garbage_is_refused(text):
    """A long text without sense ends in one short message."""
    diagnostic = refuse(text, (ParseError, LimitError))
    assert len(diagnostic.message) < 300


ALPHABET = st.sampled_from(
    [
        *(" ", "\n", "\r", " else ", "not ", " and ", "\x00"),
        *r"1 x ( ) [ ] , = + - * . : ; # if lambda in 0x 1e ... None \ é < @".split(),
    ]
)


@settings(max_examples=1000)
@given(st.lists(ALPHABET, max_size=12).map("".join))
@example("f(x)=")
@example("if")
def test_any_text_parses_or_is_explained(text):
    """Whatever the text, parsing ends in a program or in a diagnostic within the text."""
    try:
        parse_program(Source(text))
    except GraphcalcError as error:
        diagnostic = error.diagnostic
        assert diagnostic.labels, diagnostic
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text)
        spoken = " ".join((diagnostic.message, diagnostic.note, diagnostic.help))
        assert not any(f"_{n}" in spoken for n in ("ANON", "SEPARATOR", "END"))
        assert "COMPARATOR" not in spoken
        assert "$END" not in spoken
        assert spoken.isprintable()


@settings(max_examples=500)
@given(st.text(max_size=20))
@example('0"\x1b"')
def test_any_unicode_is_explained_in_print(text):
    """Whatever the characters, a message holds printable ones alone."""
    try:
        parse_program(Source(text))
    except GraphcalcError as error:
        diagnostic = error.diagnostic
        assert "".join((diagnostic.message, diagnostic.note, diagnostic.help)).isprintable()


def test_terminals_have_plain_names():
    """The names that the automaton knows terminals by are the symbols and words themselves."""
    assert not any("ANON" in kind for row in TABLES.actions for kind in row)
