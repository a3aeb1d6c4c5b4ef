"""Where graphcalc is not torch on torch's own samples, and why.

`EVERYWHERE` holds for all functions, `OF` for one; docs/functions.md says the same to users. An
entry excuses the verdicts of its kinds whose call or detail has its pattern; one that excuses
none any more fails the test. `OPEN` names functions whose deviations are not sorted out yet.
"""

import re
from typing import NamedTuple


class Deviation(NamedTuple):
    """What deviates: the kinds of verdicts, a pattern of the call or the detail, and the reason."""

    kinds: str
    pattern: str
    reason: str

    def excuses(self, verdict):
        """Whether a verdict is this deviation."""
        text = f"{verdict.call.describe()}\n{verdict.detail}"
        return verdict.kind in self.kinds.split() and re.search(self.pattern, text) is not None


EVERYWHERE: tuple[Deviation, ...] = ()

OF: dict[str, tuple[Deviation, ...]] = {}

OPEN: frozenset[str] = frozenset(
    """
    """.split()
)


def unexcused(name, found):
    """Return the verdicts that are not right, not skipped and not excused."""
    known = (*EVERYWHERE, *OF.get(name, ()))
    return [
        verdict
        for verdict in found
        if verdict.kind not in ("right", "skipped") and not any(d.excuses(verdict) for d in known)
    ]


def idle(name, found):
    """Return the entries of a name that excuse none of the verdicts."""
    return [entry for entry in OF.get(name, ()) if not any(map(entry.excuses, found))]
