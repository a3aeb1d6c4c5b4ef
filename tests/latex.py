"""The grammar of the LaTeX of worked pages, checked: a part of what LaTeX and KaTeX read."""

import re

# Commands by the number of their arguments in braces.
COMMANDS = {
    **dict.fromkeys(("frac",), 2),
    **dict.fromkeys(("mathrm", "text", "sqrt", "operatorname", "mathbin"), 1),
    **dict.fromkeys(
        "partial cdot ldots to Big bmod le ge ne land lor lnot sim infty top exp log sin cos tan "
        "arcsin arccos arctan sinh cosh tanh sigma min max lfloor rfloor lceil rceil Gamma psi "
        "backslash alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
        "tau upsilon phi chi omega Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(),
        0,
    ),
}
ENVIRONMENTS = ("align*", "pmatrix", "cases")
TOKEN = re.compile(
    r"\\(?P<command>[A-Za-z]+)|\\(?P<sign>[^A-Za-z])|(?P<blank>\s+)|(?P<other>.)", re.S
)
IN_TEXT = re.compile(r"(?:[^\\{}#$%&_~^]|\\[_%&#{}$]|\\[\^~]\{\}|\$\\[a-z]+\$)*")


class _Checker:
    """A reader of formulas that fails at the first thing that LaTeX would refuse."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def fail(self, why):
        raise AssertionError(
            f"{why} at {self.at}: {self.text[max(self.at - 30, 0) : self.at + 30]!r}"
        )

    def peek(self, text):
        return self.text.startswith(text, self.at)

    def take(self, text):
        if not self.peek(text):
            self.fail(f"no {text!r}")
        self.at += len(text)

    def blank(self):
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def group(self, what="formula"):
        """A group in braces: a formula, or text."""
        self.take("{")
        if what == "text":
            self.at = IN_TEXT.match(self.text, self.at).end()
        else:
            self.formula("}")
        self.take("}")

    def formula(self, end, cells=False):
        """Atoms up to a closing text; `&` and `\\\\` stand in environments alone."""
        scripts = None
        while True:
            self.blank()
            if self.at >= len(self.text):
                if end:
                    self.fail(f"no {end!r}")
                return
            if end and self.peek(end):
                return
            if self.text[self.at] in "^_":
                scripts = self.script(scripts)
            else:
                self.atom(cells)
                scripts = set()

    def script(self, scripts):
        mark = self.text[self.at]
        if scripts is None or mark in scripts:
            self.fail(f"a second {mark!r}, or one without a base")
        self.at += 1
        self.group()
        return scripts | {mark}

    def atom(self, cells):
        match = TOKEN.match(self.text, self.at)
        command, sign, other = match["command"], match["sign"], match["other"]
        if other == "{":
            self.group()
        elif other is not None:
            if other in "}#$%~" or (other == "&" and not cells) or not other.isascii():
                self.fail(f"{other!r} is not allowed")
            self.at = match.end()
        elif sign is not None:
            if sign not in "{}#&_%$,\\" or (sign == "\\" and not cells):
                self.fail(f"\\{sign} is not allowed")
            self.at = match.end()
        elif command == "begin":
            self.environment()
        elif command in ("left", "Big"):
            self.delimited(command)
        else:
            self.command(command, match.end())

    def environment(self):
        name = next((n for n in ENVIRONMENTS if self.peek(rf"\begin{{{n}}}")), None)
        if name is None:
            self.fail("an unknown environment")
        self.take(rf"\begin{{{name}}}")
        self.formula(rf"\end{{{name}}}", cells=True)
        self.take(rf"\end{{{name}}}")

    def delimited(self, command):
        self.take(rf"\{command}|")
        if command == "left":
            self.formula(r"\right|")
            self.take(r"\right|")

    def command(self, name, end):
        if name not in COMMANDS:
            self.fail(f"\\{name} is unknown")
        self.at = end
        if name == "sqrt" and self.peek("["):
            self.at = self.text.index("]", self.at) + 1
        for _ in range(COMMANDS[name]):
            is_text = name in ("text", "operatorname", "mathrm")
            self.group("text" if is_text else "formula")


def check_formula(text):
    """Raise AssertionError where a formula is not LaTeX."""
    _Checker(text).formula("")


def check_page(text):
    """Raise AssertionError where a worked page has something other than titles and formulas."""
    parts = re.split(r"\\paragraph\{(?:Forward|Backward)\}\n", text)
    assert parts[0] == ""
    assert len(parts) > 1
    for part in parts[1:]:
        check_formula(part.strip())
