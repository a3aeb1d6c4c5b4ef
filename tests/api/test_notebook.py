"""What a notebook shows, from a real Jupyter kernel; skipped where there is none."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

nbclient = pytest.importorskip("nbclient", reason="the extra `notebook` is not installed")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
# Jupyter's packages warn of their own use.
pytestmark = pytest.mark.filterwarnings("default")

START = "import graphcalc as gc\nr = gc.run('g = (a+b)*(c*d)', a=2, b=-4, c=-2, d=2, grad='g')"
NAME = "<script>alert(1)</script>&amp;"
CALL = "gc.run('y = sinn(x)', x=1)"
CELLS = {
    "result": "r",
    "graph": "r.graph()",
    "written": "r.graph('g.svg')",
    "plan": "plan = gc.check('x: [B, 3]; y = softmax(x)')\nplan",
    "graph of a plan": "plan.graph()",
    "trace": "r.trace",
    "profile": "r.profile()",
    "check": "gc.check_grad('y = sum(x^3)', x=[1, 2], grad='y')",
    "descent": "gc.minimize('loss = (w-3)^2', w=0, loss='loss', update='w', lr=0.1)",
    "markup": f"gc.run('y = col(\"{NAME}\") < 1', {{'{NAME}': 2}})",
    "large": "gc.run('; '.join(f'y{i} = x + {i}' for i in range(6000)), x=1).graph(depth='all')",
    "values": "p = r.graph()\n[type(v) for v in (p.svg, p.html, p.dot, p.mmd, p.pdf, p.png)]",
    "error": CALL,
    "error in a function": f"def f():\n    return g()\ndef g():\n    return {CALL}\nf()",
    "error in a handler": f"try:\n    1 / 0\nexcept ZeroDivisionError:\n    {CALL}",
    "error in a cell that runs another": f'get_ipython().run_cell("{CALL}")\nNone',
    "error of a picture": "r.graph('g.jpg')",
    "no such node": "r['G']",
    "cause": f"try:\n    {CALL}\nexcept gc.GraphcalcError as e:\n    raise ValueError from e",
    "exception of the user": "def h():\n    raise KeyError('own')\nh()",
}
USERS = ("exception of the user", "cause")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The outputs of every cell by its name, from one run of a notebook."""
    cells = [nbformat.v4.new_code_cell(text) for text in (START, *CELLS.values())]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(
        notebook, timeout=120, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return dict(zip(CELLS, [cell.outputs for cell in notebook.cells[1:]]))


def data_of(outputs):
    (output,) = outputs
    assert output.output_type == "execute_result", output
    return output.data


def error_of(outputs):
    (output,) = outputs
    assert output.output_type == "error"
    return "\n".join(output.traceback)


class Tags(HTMLParser):
    """The tags of a document, in order, and whether each that was opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.found.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Take an element that ends at once."""
        self.found.append(tag)

    def handle_endtag(self, tag):
        """Close the innermost element, which must be of this tag."""
        assert self.open.pop() == tag


def tags_of(data):
    tags = Tags(data["text/html"])
    assert tags.open == []
    return tags.found


@pytest.mark.parametrize("name", ["result", "descent", "markup"])
def test_results_are_a_table_and_a_picture(shown, name):
    """With the table as text, for where no HTML is shown."""
    data = data_of(shown[name])
    tags = tags_of(data)
    assert (tags.count("table"), tags.count("svg")) == (1, 1)
    assert "script" not in tags
    assert NAME not in data["text/html"]
    assert data["text/plain"].startswith("╭──────")


def test_a_descent_says_how_it_went(shown):
    data = data_of(shown["descent"])
    for text in (data["text/plain"], data["text/html"]):
        assert "loss 9 → 3.734563e-19 in 100 iterations of sgd, lr 0.1" in text


@pytest.mark.parametrize("name", ["graph", "written", "graph of a plan"])
def test_pictures_show_themselves(shown, name):
    """As HTML, which follows the theme of the notebook, as SVG for exports, and in characters."""
    data = data_of(shown[name])
    assert tags_of(data)[:2] == ["div", "svg"]
    assert 'data-jp-theme-light="false"' in data["text/html"]
    ET.fromstring(data["image/svg+xml"])
    assert "prefers-color-scheme" in data["image/svg+xml"]
    assert "┌───" in data["text/plain"]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        *(("plan", "operations"), ("trace", "gradient of g"), ("profile", "share")),
        ("check", "by differences"),
    ],
)
def test_reports_are_tables(shown, name, column):
    data = data_of(shown[name])
    assert tags_of(data).count("table") == 1
    assert f">{column}<" in data["text/html"]
    assert f" {column} " in data["text/plain"]


def test_a_picture_that_is_too_large_says_so(shown):
    """In place of the picture stands the diagnostic; the characters are a tree."""
    data = data_of(shown["large"])
    assert data["text/html"].startswith("<pre>error: the picture has 6,001 boxes")
    assert "image/svg+xml" not in data
    assert data["text/plain"].startswith("y0 = x + 0 = 1")


def test_pictures_are_values(shown):
    """Texts are texts, and files are bytes."""
    kinds = data_of(shown["values"])["text/plain"]
    assert kinds == "[str, str, str, str, bytes, bytes]"


@pytest.mark.parametrize("name", [name for name in CELLS if name.startswith("error")])
def test_errors_are_their_diagnostics(shown, name):
    """Without a frame of the code inside, and without colours that hide them."""
    outputs = shown[name]
    text = error_of(outputs)
    assert text.startswith("error: ")
    assert "help: " in text
    assert ".py" not in text
    assert text.count("\n") <= 5


def test_errors_say_which_lines_of_the_user_led_there(shown):
    """From the cell to the innermost function; a cell of one line is not told."""
    text = error_of(shown["error in a function"])
    assert text.endswith("\n  called from line 5, line 2 of f, line 4 of g")
    assert "called from" not in error_of(shown["error"])


def test_a_name_that_is_not_there_is_an_error_with_a_hint(shown):
    text = error_of(shown["no such node"])
    assert text == "error: the run has no node `G`\n  help: did you mean `g`?"


def test_exceptions_of_the_user_are_as_they_were(shown):
    """A chain shows the user's lines, and one frame at most of what was called."""
    plain = [re.sub(r"\x1b\[[\d;]*m", "", error_of(shown[name])) for name in USERS]
    assert all("Traceback (most recent call last)" in text for text in plain)
    assert ", in h()" in plain[0]
    assert "ValueError" in plain[1]
    assert plain[1].count("graphcalc/") == 1
