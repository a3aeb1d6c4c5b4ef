"""Parts of rows that several threads compute."""

import io
import time

import pytest

from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.rows import polars_engine, text_rows
from graphcalc.rows.python_engine import PythonEngine
from graphcalc.rows.run import RowOptions, RowRun
from graphcalc.source import Source


@pytest.mark.parametrize("program", ["s = sum(a); n = a.shape[0]", "z = a - mean(a)"])
def test_parts_that_polars_leaves(program, tmp_path, monkeypatch):
    """Parts that go back to Python's engine are computed one by one, and no number is lost."""
    monkeypatch.setattr(polars_engine, "PART", 1 << 16)
    monkeypatch.setattr(text_rows, "PART", 1 << 16)
    monkeypatch.setattr(text_rows, "LARGE", 0)
    monkeypatch.setattr(text_rows, "count_cores", lambda: 4)
    active, most = [], []
    compute = PythonEngine.compute

    def slowly(engine, records, text):
        active.append(records)
        most.append(len(active))
        time.sleep(0.002)
        try:
            return compute(engine, records, text)
        finally:
            active.pop()

    monkeypatch.setattr(PythonEngine, "compute", slowly)
    # polars has no number for `true`, which counts 1.
    lines = [f"1,{'2' * 40}\n" * 99, "true,2\n"] * 300
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(lines))
    out = io.BytesIO()
    evaluation = Evaluation(parse([Source(program)]), Options())
    RowRun(evaluation, RowOptions(str(tmp_path / "t.csv"), only=True)).run(out)
    rows = 100 * 300
    expected = f"s,n\n{rows},{rows}\n" if "sum" in program else "z\n" + "0\n" * rows
    assert out.getvalue().decode() == expected
    assert len(most) > 10
    assert max(most) == 1
