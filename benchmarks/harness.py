"""Engines do the same work in turns: checked first, then timed, then compared turn by turn."""

from __future__ import annotations

import gc as collector
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any, NamedTuple

SECONDS, MEGABYTES = "s", "MB"
# Seconds between engines: idle threads spin for a while, which would slow down the next one.
PAUSE = 0.01


class Missing(Exception):
    """Raised where an engine needs something that is not installed."""


class Sample(NamedTuple):
    """The amounts of one run by unit, and a function that returns its numbers."""

    amounts: Mapping[str, float]
    answer: Callable[[], Any]


Run = Callable[[], Sample]


class Ready(NamedTuple):
    """An engine made ready: each call of `run` does the work once."""

    run: Run
    note: str = ""


@dataclass(frozen=True)
class Engine:
    """One way to do a work.

    prepare   makes it ready, untimed; raises Missing or ImportError where it is not installed
    targets   by unit, what graphcalc's amount over this engine's shall be at most
    scale     it does one part in `scale` of the work, and its time is multiplied by that; its
              answers are then the first of graphcalc's
    note      what the reader of the table must know
    """

    name: str
    prepare: Callable[[], Ready]
    targets: Mapping[str, float] = field(default_factory=dict)
    scale: float = 1.0
    note: str = ""


@dataclass(frozen=True)
class Work:
    """graphcalc and its peers on one work.

    units       what is compared: SECONDS, MEGABYTES or both
    tolerance   how far answers may be apart, relative to graphcalc's largest
    rounds      turns at most; fewer, but one at least, where `budget` seconds are over before
    warm        whether a turn comes before those that count; processes need none
    """

    suite: str
    name: str
    own: Engine
    peers: Sequence[Engine]
    units: Sequence[str] = (SECONDS,)
    tolerance: float = 1e-12
    rounds: int = 15
    budget: float = 20.0
    warm: bool = True

    @property
    def engines(self) -> list[Engine]:
        """All engines, graphcalc first."""
        return [self.own, *self.peers]


@dataclass
class Measured:
    """An engine's samples by unit, or the reason in `failure`."""

    engine: Engine
    samples: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""
    failure: str = ""
    is_missing: bool = False

    def median(self, unit: str) -> float:
        """Return the median of the runs."""
        return median(self.samples[unit])


class Row(NamedTuple):
    """graphcalc beside one peer in one unit; the ratio is None where one has no samples."""

    work: Work
    unit: str
    own: Measured
    peer: Measured

    @property
    def has_ratio(self) -> bool:
        """Whether both were measured."""
        return not (self.own.failure or self.peer.failure)

    @property
    def is_broken(self) -> bool:
        """Whether one of them gave a wrong answer or an error."""
        return any(m.failure and not m.is_missing for m in (self.own, self.peer))

    @property
    def ratio(self) -> float:
        """The median of the ratios of single turns, as noise affects neighbouring runs alike."""
        return median(self._ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and the third quartile of these ratios."""
        return spread(self._ratios)

    @property
    def _ratios(self) -> list[float]:
        pairs = zip(self.own.samples[self.unit], self.peer.samples[self.unit])
        return [own / peer for own, peer in pairs]

    @property
    def target(self) -> float | None:
        """The largest ratio that meets the target."""
        return self.peer.engine.targets.get(self.unit)

    @property
    def is_met(self) -> bool | None:
        """Whether the ratio meets the target; None without a target or a ratio."""
        return self.ratio <= self.target if self.has_ratio and self.target is not None else None


def spread(values: list[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, third


def timed(run: Callable[[], Any], read: Callable[[Any], Any], note: str = "") -> Ready:
    """Return an engine that is a function in this process; `read` turns its result into numbers."""

    def sample() -> Sample:
        start = time.perf_counter()
        found = run()
        seconds = time.perf_counter() - start
        return Sample({SECONDS: seconds}, lambda: read(found))

    return Ready(sample, note)


def measure(work: Work) -> list[Row]:
    """Prepare all engines, compare their answers, and run them in turns."""
    own, *peers = measured = [Measured(engine, note=engine.note) for engine in work.engines]
    ready = [(m, run) for m in measured if (run := _prepare(m)) is not None]
    # An engine's garbage collections should not visit objects from before.
    collector.collect()
    collector.freeze()
    try:
        if not own.failure:
            _take_turns(work, ready)
    finally:
        collector.unfreeze()
    # The memory of a part of the work cannot be scaled.
    return [
        Row(work, unit, own, peer)
        for unit in work.units
        for peer in peers
        if unit == SECONDS or peer.engine.scale == 1.0
    ]


def _prepare(measured: Measured) -> Run | None:
    ready: Ready | None = _attempt(measured, measured.engine.prepare)
    if ready is None:
        return None
    measured.note = "; ".join(filter(None, (measured.note, ready.note)))
    return ready.run


def _take_turns(work: Work, ready: list[tuple[Measured, Run]]) -> None:
    """Run the first turn, which compares answers; it counts where no warm-up is needed."""
    own, start = ready[0][0], time.perf_counter()
    _compare(work, ready)
    if work.warm:
        start = time.perf_counter()
    for turn in range(0 if work.warm else 1, work.rounds):
        if own.failure or (turn and time.perf_counter() - start > work.budget):
            return
        for measured, run in ready:
            if not measured.failure:
                collector.collect()
                time.sleep(PAUSE)
                _keep(measured, _attempt(measured, run))


def _compare(work: Work, ready: list[tuple[Measured, Run]]) -> None:
    """Run each engine once, if graphcalc, the first, gives numbers to compare with."""
    own, expected = ready[0][0], None
    for measured, run in ready:
        sample = _attempt(measured, run)
        answer = _attempt(measured, sample.answer) if sample else None
        if own.failure:
            return
        if measured is own:
            expected = answer
        elif not measured.failure:
            measured.failure = disagreement(expected, answer, work.tolerance, measured.engine.scale)
        if not work.warm:
            _keep(measured, sample)


def _keep(measured: Measured, sample: Sample | None) -> None:
    if sample is None or measured.failure:
        return
    for unit, amount in sample.amounts.items():
        scale = measured.engine.scale if unit == SECONDS else 1.0
        measured.samples.setdefault(unit, []).append(amount * scale)


def _attempt(measured: Measured, action: Callable[[], Any]) -> Any:
    """Return an action's result; an error excludes this engine alone."""
    try:
        return action()
    except (Missing, ImportError) as error:
        measured.failure, measured.is_missing = f"missing: {error}", True
    except Exception as error:
        measured.failure = _in_short(error)
    return None


def _in_short(error: Exception) -> str:
    """Return the class of an error and the first line of its message."""
    message = str(error).partition("\n")[0][:200]
    return f"failed: {type(error).__name__}{': ' if message else ''}{message}"


def disagreement(expected: Any, found: Any, tolerance: float, scale: float) -> str:
    """Return how an engine's numbers differ from graphcalc's; empty if they do not."""
    import numpy as np

    if found is None:
        return ""
    own, other = np.ravel(np.asarray(expected, float)), np.ravel(np.asarray(found, float))
    if scale != 1.0:
        own = own[: len(other)]
    if not len(other) or len(own) != len(other):
        return f"wrong: {len(other)} numbers instead of {len(own)}"
    allowed = tolerance * np.max(np.abs(own), where=np.isfinite(own), initial=0.0)
    apart = np.flatnonzero(~np.isclose(own, other, rtol=0.0, atol=allowed, equal_nan=True))
    if not len(apart):
        return ""
    first = int(apart[0])
    return f"wrong: number {first} is {other[first]:.17g}, graphcalc's {own[first]:.17g}"
