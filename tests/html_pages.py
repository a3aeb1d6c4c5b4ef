"""Pages of runs, and what a parser of HTML finds in them."""

from html.parser import HTMLParser

import graphcalc as gc
from graphcalc.drawing.writers import draw

LESSON = ("g = (a + b) * (c * d)", {"a": 2, "b": -4, "c": -2, "d": 2}, "g")
ENTROPY = (
    "loss = F.cross_entropy(logits, target)",
    {"logits": [[2, 0], [0, 1.0]], "target": [0, 1]},
    "loss",
)


def page_of(program, inputs=None, grad=None, **options):
    """The page of a run, as text."""
    return draw(gc.run(program, inputs, grad=grad).graph(**options), "html").decode()


class Found(HTMLParser):
    """The elements of a document with their attributes and texts, and what encloses them."""

    VOID = ("meta", "input", "path", "rect")

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.stack, self.wrong = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.elements.append([tag, dict(attrs), "", tuple(self.open)])
        if tag not in self.VOID:
            self.open.append(tag)
            self.stack.append(self.elements[-1])

    def handle_startendtag(self, tag, attrs):
        """Take an element that ends at once."""
        self.elements.append([tag, dict(attrs), "", tuple(self.open)])

    def handle_endtag(self, tag):
        """Close the innermost element; another end is wrong."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
        else:
            self.stack.pop()

    def handle_data(self, data):
        """Add text to all that is open."""
        for element in self.stack:
            element[2] += data

    def all(self, tag, **attributes):
        """The elements of a tag with these attributes."""
        wanted = attributes.items()
        return [
            e for e in self.elements if e[0] == tag and all(e[1].get(k) == v for k, v in wanted)
        ]
