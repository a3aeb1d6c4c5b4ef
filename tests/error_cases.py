"""Tables of failing command lines: `tests/errors/KIND.txt`, one block a case.

    === arity--own
    $ graphcalc 'f(x) = x; f(1, 2)'
    --- exit 3
    graphcalc: <program>:1:11: call error: ...
    --- full
    error: ...

`$` starts the command line in shell syntax and `>` continues it. Optional sections in front of
`exit` are `stdin` and `file NAME`, a file in the folder where the command runs: their text
follows line by line, or is written behind the heading as `$'...'` with escapes, or is that of a
file of `tests/errors/files`, as in `--- file x.npy = truncated.npy`. Below `exit`, with the exit
status, stands standard error, and below `full` the same with `--errors full`.
"""

import fcntl
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from running import graphcalc

FOLDER = Path(__file__).parent / "errors"
FILES = FOLDER / "files"
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "e": "\x1b", "\\": "\\", "'": "'"}
ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([nrte\\']))")
QUOTED = re.compile(r"\$'((?:[^'\\]|\\.)*)'")
HEADING = re.compile(r"(stdin|file|exit|full)(?: ([\w./-]+))?(?: = ([\w.-]+)| (\$'.*'))?")


class Content(NamedTuple):
    """Bytes of a file or of standard input, and how the table writes them: behind the heading
    (` $'...'` or ` = NAME`), or below it where `heading` is empty."""

    data: bytes
    heading: str = ""


class Case(NamedTuple):
    """One failing command line and what it must print."""

    name: str
    command: str
    stdin: Content | None
    files: dict[str, Content]
    status: int
    line: str
    full: str

    @property
    def code(self) -> str:
        """The error code that the case belongs to."""
        return self.name.partition("--")[0]

    @property
    def arguments(self) -> list[str]:
        """The arguments of the command, of which `graphcalc` is none."""
        command, *arguments = shlex.split(QUOTED.sub(_plainly_quoted, self.command))
        assert command == "graphcalc", f"{self.name}: the command is `{command}`"
        return arguments

    @property
    def input(self) -> bytes:
        """The bytes of standard input."""
        return self.stdin.data if self.stdin else b""

    def lay_out(self, folder: Path) -> None:
        """Write the case's files below a folder."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.data)

    def run(self, folder: Path, run_here: Callable[..., tuple[int, str, str]]) -> "Case":
        """Run the command in a folder; the case with what it printed.

        The error is drawn in full by `run_here`, which runs arguments and standard input in this
        process and returns the exit status and both streams as text.
        """
        self.lay_out(folder)
        brief = graphcalc(*self.arguments, stdin=self.input, cwd=folder)
        status, out, full = run_here(["--errors", "full", *self.arguments], self.input)
        assert brief.text == out == "", f"{self.name}: prints {brief.text or out!r}"
        assert brief.status == status, f"{self.name}: exits with {brief.status} and {status}"
        return self._replace(status=status, line=brief.complaint, full=full)

    def render(self) -> str:
        """The block of the case."""
        lines = [f"=== {self.name}", "$ " + self.command.replace("\n", "\n> ")]
        contents = {f"file {name}": content for name, content in self.files.items()}
        if self.stdin:
            contents = {"stdin": self.stdin, **contents}
        for heading, content in contents.items():
            lines.append(f"--- {heading}{content.heading}")
            if not content.heading and content.data:
                lines.append(content.data.decode().removesuffix("\n"))
        lines += [f"--- exit {self.status}", self.line + "--- full", self.full]
        return "\n".join(lines)


def unescape(text: str) -> bytes:
    """The bytes that the inside of `$'...'` stands for."""
    parts, end = [], 0
    for match in ESCAPED.finditer(text):
        byte, character, letter = match.groups()
        parts.append(text[end : match.start()].encode())
        if byte:
            parts.append(bytes.fromhex(byte))
        else:
            parts.append((chr(int(character, 16)) if character else ESCAPES[letter]).encode())
        end = match.end()
    return b"".join([*parts, text[end:].encode()])


def _plainly_quoted(match: re.Match[str]) -> str:
    return shlex.quote(unescape(match[1]).decode("utf-8", "surrogateescape"))


def read_table(text: str) -> list[Case]:
    """The cases of a table; ValueError names the block that is none."""
    head, *blocks = re.split(r"^=== ", text, flags=re.MULTILINE)
    if head:
        raise ValueError(f"text before the first case: {head[:40]!r}")
    cases = []
    for i, block in enumerate(blocks):
        if i < len(blocks) - 1:
            if not block.endswith("\n\n"):
                raise ValueError(f"no blank line behind {block.splitlines()[0]}")
            block = block[:-1]
        cases.append(_read_case(block))
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"cases stand twice: {twice}")
    return cases


def _read_case(block: str) -> Case:
    """The case of a block, from its name on."""
    head, *sections = re.split(r"^--- ", block, flags=re.MULTILINE)
    name, _, command = head.partition("\n")
    if not command.startswith("$ "):
        raise ValueError(f"{name}: no command line")
    command = re.sub(r"^(\$|>) ", "", command.removesuffix("\n"), flags=re.MULTILINE)
    stdin, files, ends = None, {}, []
    for section in sections:
        heading, _, body = section.partition("\n")
        match = HEADING.fullmatch(heading)
        if match is None:
            raise ValueError(f"{name}: no section is called `{heading}`")
        kind, word, file, quoted = match.groups()
        if kind in ("exit", "full"):
            ends.append((kind, word, body))
        elif ends:
            raise ValueError(f"{name}: {kind} stands behind {ends[-1][0]}")
        elif kind == "stdin":
            stdin = _content(name, body, file, quoted)
        else:
            files[word] = _content(name, body, file, quoted)
    if [kind for kind, _, _ in ends] != ["exit", "full"]:
        raise ValueError(f"{name}: a case ends in `exit` and `full`")
    (_, status, line), (_, _, full) = ends
    if not (line.count("\n") == 1 and line.startswith("graphcalc: ") and full.endswith("\n")):
        raise ValueError(f"{name}: the error is not one line that begins with `graphcalc: `")
    return Case(name, command, stdin, files, int(status), line, full)


def _content(name: str, body: str, file: str | None, quoted: str | None) -> Content:
    if not file and not quoted:
        return Content(body.encode())
    if body:
        raise ValueError(f"{name}: text below a heading that has the content")
    if quoted:
        return Content(unescape(quoted[2:-1]), f" {quoted}")
    return Content((FILES / file).read_bytes(), f" = {file}")


def tables() -> dict[str, list[Case]]:
    """The cases of every table by the kind of their errors."""
    return {p.stem: read_table(p.read_text("utf-8")) for p in sorted(FOLDER.glob("*.txt"))}


def render_table(cases: Iterable[Case]) -> str:
    """The text of a table."""
    return "\n".join(case.render() for case in cases)


def update(kind: str, case: Case) -> None:
    """Write a case anew in its table."""
    path = FOLDER / f"{kind}.txt"
    with path.open("r+", encoding="utf-8", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other processes of pytest-xdist write too
        cases = read_table(file.read())
        file.seek(0)
        file.write(render_table(case if c.name == case.name else c for c in cases))
        file.truncate()
