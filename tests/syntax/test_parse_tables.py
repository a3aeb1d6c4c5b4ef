"""The shipped tables against Lark, which builds them from the grammar."""

from pathlib import Path

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedInput
from lark.lexer import Lexer as LarkLexer
from lark.lexer import PatternStr
from lark.lexer import Token as LarkToken
from parse_tables import assert_tables_current, canonical

import graphcalc.syntax
from graphcalc.diagnostics import GraphcalcError
from graphcalc.source import Source
from graphcalc.syntax.grammar import read_grammar
from graphcalc.syntax.lexer import Lexer
from graphcalc.syntax.parser import LEXER, TABLES, load_tables, parse_program


def test_shipped_tables_are_current():
    """tables.py is what Lark builds from the grammar today, up to the numbers of its states."""
    shipped = Path(graphcalc.syntax.__file__).parent / "tables.py"
    assert_tables_current(shipped.read_text(encoding="utf-8"), read_grammar())


def test_shipped_tables_are_loaded():
    """The tables in use are the shipped ones, without Lark's help."""
    from graphcalc.syntax.tables import TABLES as SHIPPED

    assert load_tables() is SHIPPED
    assert TABLES is SHIPPED


def test_an_edited_grammar_is_built_again(monkeypatch):
    """Where the grammar is not the one that the tables are of, new tables are built."""
    from graphcalc.syntax import parser

    edited = read_grammar() + "\n// edited\n"
    monkeypatch.setattr(parser, "read_grammar", lambda: edited)
    built = load_tables()
    assert built is not TABLES
    assert canonical(built)[:5] == canonical(TABLES)[:5]


class OurTokens(LarkLexer):
    """Our lexer's tokens in the form that Lark's parser takes."""

    def __init__(self, lexer_conf):
        self.names = {}
        self.patterns = []
        for terminal in lexer_conf.terminals:
            if isinstance(terminal.pattern, PatternStr):
                self.names[terminal.pattern.value] = terminal.name

    def lex(self, text):
        """The tokens of a text."""
        source = Source(text.text if hasattr(text, "text") else str(text))
        for token in LEXER.tokens(source):
            if token.kind != "$END":
                kind = self.names.get(token.kind, token.kind)
                yield LarkToken(kind, source.text[token.start : token.end])


@pytest.fixture(scope="module")
def lark():
    return Lark(
        read_grammar(),
        parser="lalr",
        lexer=OurTokens,
        start="program",
        maybe_placeholders=False,
        keep_all_tokens=True,
    )


SYMBOLS = "( ) ( ) [ ] , , = + - * / // % @ ** ^ & | ~ < <= == != . ... : ;"
WORDS = st.sampled_from(
    ["\n", *SYMBOLS.split(), *"x y f 1 2.5 0x1F if else and or not true False None 'a'".split()]
)
VALID = st.recursive(
    st.sampled_from(["x", "1", "true", "None", "...", "[]", "()", '"a"']),
    lambda e: st.one_of(
        st.builds(
            "{} {} {}".format, e, st.sampled_from("+ * ** ^ & | < == and or @ = ,".split()), e
        ),
        st.builds("{}({}, k={})".format, e, e, e),
        st.builds("{}[{}:{}, {}]".format, e, e, e, e),
        st.builds("{}.T".format, e),
        st.builds("({})".format, e),
        st.builds("({},)".format, e),
        st.builds("[{}, {}]".format, e, e),
        st.builds("not {}".format, e),
        st.builds("{} if {} else {}".format, e, e, e),
        st.builds("{}\n{}".format, e, e),
    ),
    max_leaves=8,
)

# What is refused after the grammar has accepted it.
MEANING = {
    "assignment-target",
    "parameter",
    "positional-after-keyword",
    "duplicate-parameter",
    "number-overflow",
    "several-values",
    "declaration",
}


def ours(text):
    """Whether our automaton accepts a text; None where the lexer alone refuses it."""
    source = Source(text)
    try:
        list(LEXER.tokens(source))
    except GraphcalcError:
        return None
    try:
        parse_program(source)
    except GraphcalcError as error:
        return error.diagnostic.code in MEANING
    return True


def larks(lark, text):
    """Whether Lark accepts it."""
    try:
        lark.parse(text)
    except UnexpectedInput:
        return False
    return True


@settings(max_examples=500)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_tokens_are_accepted_as_by_lark(lark, text):
    """Any sequence of tokens is accepted by our automaton just where Lark accepts it."""
    found = ours(text)
    assume(found is not None)
    assert found == larks(lark, text)


@settings(max_examples=400)
@given(VALID)
def test_programs_are_accepted_as_by_lark(lark, text):
    """Texts that are nearly programs are accepted just where Lark accepts them."""
    found = ours(text)
    assume(found is not None)
    assert found == larks(lark, text)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_tokens_cover_the_text(text):
    """Tokens stand in order without overlap, and between them is nothing but space."""
    try:
        tokens = list(Lexer(TABLES).tokens(Source(text)))
    except GraphcalcError:
        reject()
    end = 0
    for token in tokens:
        assert token.start >= end
        assert not text[end : token.start].strip(" \t\n\r")
        end = token.end
    assert tokens[-1].kind == "$END"
