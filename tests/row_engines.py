"""A program over one table by every engine of rows, and from every format."""

import io
from unittest import mock

import polars as pl

import graphcalc as gc
from graphcalc.backends.base import Settings
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.rows import polars_engine, text_rows
from graphcalc.rows.run import RowOptions, RowRun
from graphcalc.source import Source

ENGINES = ("python", "polars", "torch")
FRAMES = ("jsonl", "parquet", "arrow")


def run_rows(program, path, engine="python", **options):
    """The output of a run over a file as text, with its counts or the code of what ended it."""
    out = io.BytesIO()
    backend = "torch" if engine == "torch" else "auto"
    evaluation = Evaluation(parse([Source(program)]), Options(Settings(backend)))
    run = RowRun(evaluation, RowOptions(str(path), **options))
    with (
        mock.patch.object(text_rows, "has_polars", return_value=engine == "polars"),
        mock.patch.multiple(text_rows, LARGE=0, PART=200),
        mock.patch.object(polars_engine, "PART", 300),
    ):
        try:
            counts = run.run(out)
        except gc.GraphcalcError as error:
            return out.getvalue().decode(), error.diagnostic.code
    return out.getvalue().decode(), (counts.rows, counts.failed, counts.lost, counts.odd)


def on_engines(program, path, **options):
    """The one outcome that all engines have over a file of text; different ones fail."""
    found = {engine: run_rows(program, path, engine, **options) for engine in ENGINES}
    first = found["python"]
    assert found == dict.fromkeys(ENGINES, first), (program, found)
    return first


def from_formats(program, frame, folder, **options):
    """The one outcome from every format that a frame is written in; different ones fail."""
    found = {}
    for format in FRAMES:
        path = folder / f"t.{format}"
        write = {"jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
        write.get(format, frame.write_ipc)(path)
        found[format] = run_rows(program, path, to="csv", **options)
    first = found["parquet"]
    assert found == dict.fromkeys(FRAMES, first), (program, found)
    return first


def column(outcome, name, **kind):
    """The texts of a column of the output."""
    text, _ = outcome
    return pl.read_csv(io.StringIO(text), infer_schema=False, **kind)[name].to_list()
