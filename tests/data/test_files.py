"""Values in files: every format against the library that wrote it, and what is wrong with files."""

import gzip
import io
import json
import os
import random
import struct
import sys
import threading
import zipfile

import numpy as np
import polars as pl
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from loading import HERE, load
from running import graphcalc, python, status_and_peak

from graphcalc import GraphcalcError
from graphcalc.data.loading import Loader
from graphcalc.data.references import parse_reference

KINDS = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_fortran", [False, True])
def test_npy(kind, order, is_fortran, tmp_path):
    """A .npy file of any number dtype, byte order and layout reads as numpy reads it."""
    value = np.arange(24).reshape(2, 3, 4).astype(kind).astype(np.dtype(kind).newbyteorder(order))
    value = np.asfortranarray(value) if is_fortran else value
    np.save(tmp_path / "x.npy", value)
    found = load(tmp_path / "x.npy")
    assert found.dtype.name == value.dtype.name
    np.testing.assert_array_equal(found, value)


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0),
    )
)
def test_arrays_of_all_formats(value):
    """npy, npz and safetensors agree with the libraries that wrote them, for any shape."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", value)
        np.savez_compressed(f"{folder}/x.npz", a=value, b=value[..., None])
        safetensors.numpy.save_file({"a.b": value, "c": value[None]}, f"{folder}/x.safetensors")
        for reference in ("x.npy", "x.npz:a", "x.safetensors:a.b"):
            found = load(f"{folder}/{reference}")
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value)
        np.testing.assert_array_equal(load(f"{folder}/x.safetensors:c"), value[None])


def test_bfloat16_and_pt(tmp_path):
    """What numpy lacks comes as torch tensors; keys of nested dictionaries are joined by dots."""
    value = torch.randn(3, 4).to(torch.bfloat16)
    safetensors.torch.save_file({"w": value}, tmp_path / "w.safetensors")
    assert torch.equal(load(tmp_path / "w.safetensors:w"), value)
    torch.save({"net": {"w": value, "b": torch.ones(2)}}, tmp_path / "w.pt")
    assert torch.equal(load(tmp_path / "w.pt:net.w"), value)
    torch.save(torch.ones(2), tmp_path / "one.pt")
    assert torch.equal(load(tmp_path / "one.pt"), torch.ones(2))


def test_names_with_colons(tmp_path, monkeypatch):
    """A file of the whole name wins; else the shortest one, and the rest is a key."""
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", **{"b:c": np.ones(1)})
    (tmp_path / "t:1.json").write_text("7")
    assert load("t:1.json") == 7
    assert load("a.npz:b:c") == [1]


# What is wrong with files: a maker of the bytes, and words of the complaint.


def npy(data=b"\0" * 24, shape="(3,)", descr="<f8"):
    """The bytes of a .npy file with a header as told."""
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def tensors(index, data=b"\0" * 8):
    """The bytes of a .safetensors file with a header as told."""
    head = (index if isinstance(index, str) else json.dumps(index)).encode()
    return struct.pack("<Q", len(head)) + head + data


def entry(dtype="F64", shape=(1,), offsets=(0, 8)):
    """An entry of that header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def zipped(*members):
    """A zip archive of (name, bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


DAMAGED = [
    ("x.npy", b"", "empty"),
    ("x.npy", npy(shape="(-3,)"), "shape"),
    ("x.npy", npy(shape="(3.5,)"), "header"),
    ("x.npy", npy(shape="(" * 5000 + ")" * 5000), "header"),
    ("x.npy", npy(shape="(10**12,)"), "header"),
    ("x.npy", npy(shape="(1000000000000,)"), "8,000,000,000,000 bytes"),
    ("x.npy", npy(b"\0" * 20), "the file has 20"),
    ("x.npy", npy(b"\0" * 30), "6 bytes follow"),
    ("x.npy", npy(descr="|O"), "never loaded"),
    ("x.npy", npy(descr="<M8[s]"), "not numbers"),
    ("x.npy", npy(descr="<c16"), "not numbers"),
    ("x.npy", b"\x80\x04]\x94.", "pickle"),
    ("x.npy", zipped(("a.npy", npy())), "zip archive"),
    ("x.npz", npy(), "a .npy array"),
    ("x.npz", b"PK\x03\x04 nothing", "damaged"),
    ("x.npz", zipped(("a.npy", npy(shape="(999999,)"))), "the file has 24"),
    ("x.npz", zipped(("a.npy", b"text")), "not .npy"),
    ("x.safetensors", b"", "empty"),
    ("x.safetensors", b"\xff" * 40, "cut short"),
    ("x.safetensors", tensors("{"), "header"),
    ("x.safetensors", tensors('{"a": 1, "a": 2}'), "header"),
    ("x.safetensors", tensors({"a": entry(offsets=(0, 16), shape=(2,))}), "needs 16"),
    ("x.safetensors", tensors({"a": entry()}, b"\0" * 9), "1 bytes follow"),
    ("x.safetensors", tensors({"a": entry(), "b": entry()}), "overlaps"),
    ("x.safetensors", tensors({"a": entry(offsets=(8, 16))}, b"\0" * 16), "gap"),
    ("x.safetensors", tensors({"a": entry(shape=(2,))}), "has not the bytes"),
    ("x.safetensors", tensors({"a": entry("F6_E3M2")}), "not supported"),
    ("x.safetensors", tensors({"a": entry(shape=(-1,))}), "header"),
    ("x.pt", b"\x80\x02}q\x00.", "not a zip archive"),
    ("x.pt", zipped(("archive/data.pkl", b"nothing")), "more than tensors"),
    ("x.parquet", b"PAR1 nothing PAR1", "not parquet"),
    ("x.arrow", b"ARROW1 nothing", "not arrow"),
    ("x.json", b"[1, 2", "not JSON"),
    ("x.json", b"[NaN]", "NaN"),
    ("x.json", b'[1, "2"]', "$[1]"),
    ("x.json", b"[[1], 2]", "$[1]"),
    ("x.json", b"[" * 100_000, "nested"),
    ("x.csv", b"a\n1\n1_0\n", "`1_0`"),
    ("x.csv", "a\n١\n".encode(), "is not a number"),
    ("x.csv", b'a\n"1\n', "never closed"),
    ("x.csv", b"a,b\n1,2\n3\n", "has 1 cell"),
    ("x.csv", b"a\n1\0\n", "NUL"),
    ("x.csv", b"a\n\xe9\n", "0xe9"),
    ("x.csv.gz", gzip.compress(b"a\n1\n")[:-9], "too early"),
    ("x.csv.gz", b"\x1f\x8b" + b"nothing at all", "damaged"),
    ("x.csv.zst", b"\x28\xb5\x2f\xfd nothing", "damaged"),
    ("x.txt", b"1 2\n3\n", "has 1 number"),
    ("x.txt", b"1 a\n", "`a`"),
]


@pytest.mark.parametrize(
    ("name", "data", "words"), DAMAGED, ids=[f"{row[0]}-{i}" for i, row in enumerate(DAMAGED)]
)
def test_damaged_files(name, data, words, tmp_path):
    """A file that is not what its name says is refused in one sentence, and nothing of it runs."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(GraphcalcError) as caught:
        load(tmp_path / name)
    d = caught.value.diagnostic
    assert words in " ".join((d.message, d.note))
    assert caught.value.exit_status == 4
    assert d.labels


class Evil:
    """What a pickle may hold."""

    def __reduce__(self):
        return os.system, ("touch canary",)


def test_pickles_never_run(tmp_path, monkeypatch):
    """No file makes a program run: pickles are refused in .pt, .npy and .npz."""
    monkeypatch.chdir(tmp_path)
    torch.save({"w": Evil()}, "evil.pt")
    np.save("evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.savez("evil.npz", w=np.array([Evil()], dtype=object))
    for name in ("evil.pt", "evil.npy", "evil.npz"):
        with pytest.raises(GraphcalcError):
            load(name)
    assert not os.path.exists("canary")


def test_bombs(tmp_path):
    """What would not fit is refused by its header, before it is read."""
    archive = zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("a.npy", "w") as member:
        member.write(npy(b"", "(12500000,)"))
        for _ in range(100):
            member.write(bytes(1_000_000))
    pl.DataFrame({"a": pl.zeros(12_500_000, eager=True)}).write_parquet(tmp_path / "b.parquet")
    assert (tmp_path / "b.parquet").stat().st_size < 1_000_000
    for reference in ("b.npz:a", "b.parquet:a"):
        done = graphcalc("sum(x)", f"x=@{reference}", "--max-memory", "50M", cwd=tmp_path)
        assert (done.status, done.out) == (5, b"")
        assert "limit is 50.0 MiB" in done.complaint


@pytest.mark.parametrize(
    ("path", "words"),
    [("missing.npy", "no such file"), (".", "is a directory"), ("loop.csv", "symbolic links")],
)
def test_what_cannot_be_opened(path, words, tmp_path):
    """The system's reason is given, with the place of the argument."""
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    reference = f"{path}:a" if path.endswith("csv") else path
    done = graphcalc("x", f"x=@{reference}", "--input-format", "csv", cwd=tmp_path)
    assert done.status == 4
    assert done.complaint.startswith("graphcalc: <argument>:1:3: data error: ")
    assert words in done.complaint


def test_a_named_pipe_and_standard_input(tmp_path):
    """Text comes from pipes as well."""
    os.mkfifo(tmp_path / "p.csv")
    writer = threading.Thread(target=lambda: (tmp_path / "p.csv").write_text("a\n1\n2\n"))
    writer.start()
    assert graphcalc("-q", "sum(a)", "a=@p.csv:a", cwd=tmp_path).text == "3\n"
    writer.join()
    done = graphcalc("-q", "sum(a)", "a=@-:a", "--input-format", "csv", stdin=b"a\n1\n2\n")
    assert done.text == "3\n"


def test_inputs_bind_what_is_read(tmp_path):
    """A file of many binds names that a program reads, also its defaults, and no results."""
    np.savez(tmp_path / "fit.npz", w=np.array(2.0), b=np.array(1.0), y=np.array(9.0))
    done = graphcalc("-q", "w = 0; b = 0; y = w*x + b", "x=10", "--inputs", "fit.npz", cwd=tmp_path)
    assert done.text == "21\n"
    done = graphcalc("w*1", "w=1", "--inputs", "fit.npz", cwd=tmp_path)
    assert (done.status, "bound twice" in done.complaint) == (2, True)


def test_a_file_that_shrinks_is_an_error(tmp_path):
    """A file that loses its end after its header was read is refused when it is read."""
    np.save(tmp_path / "x.npy", np.ones(1000))
    value = Loader().load(parse_reference(str(tmp_path / "x.npy"), HERE)).value
    os.truncate(tmp_path / "x.npy", 4000)
    with pytest.raises(GraphcalcError, match="ends before its data"):
        value.read()


def test_without_packages(tmp_path):
    """CSV, JSON and text need nothing; what needs a package says which, and how to get it."""
    (tmp_path / "t.csv").write_text("a\n1\n2\n")
    (tmp_path / "j.json").write_text("[1, 2]")
    np.save(tmp_path / "x.npy", np.ones(2))
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "p.parquet")
    code = (
        "import sys\n"
        "for name in ('numpy', 'polars', 'torch', 'safetensors'): sys.modules[name] = None\n"
        "from graphcalc.cli.app import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    assert python(code, "-q", "sum(a)", "a=@t.csv:a", cwd=tmp_path).text == "3\n"
    assert python(code, "-q", "sum(a)", "a=@j.json", cwd=tmp_path).text == "3\n"
    assert python(code, "g=a+1", "--rows", "t.csv", cwd=tmp_path).text == "a,g\n1,2\n2,3\n"
    np.savez(tmp_path / "z.npz", a=np.ones(2))
    torch.save(torch.ones(2), tmp_path / "x.pt")
    references = (("x.npy", "numpy"), ("z.npz:a", "numpy"), ("p.parquet:a", "polars"))
    for reference, package in (*references, ("x.pt", "torch")):
        done = python(code, "x", f"x=@{reference}", cwd=tmp_path)
        assert done.status == 7
        assert f"pip install {package}" in done.complaint
        extra = "torch" if package == "torch" else "data"
        assert f"graphcalc[{extra}]" in done.complaint
    for rows in (["p.parquet", "--to", "csv"], ["t.csv", "--to", "parquet"]):
        done = python(code, "g = a", "--rows", *rows, cwd=tmp_path)
        assert (done.status, "pip install polars" in done.complaint) == (7, True)


MUTATED = ["x.npy", "x.npz", "x.safetensors", "x.parquet", "x.arrow", "x.csv", "x.json", "x.csv.gz"]


@pytest.mark.parametrize("name", MUTATED)
def test_mutated_files(name, tmp_path):
    """Whatever happens to the bytes of a file, it is read or refused as data or too large."""
    value = np.arange(12.0).reshape(3, 4)
    frame = pl.DataFrame({"a": [1.0, 2.5], "b": [3.0, 4.0]})
    path = tmp_path / name
    {
        "x.npy": lambda: np.save(path, value),
        "x.npz": lambda: np.savez_compressed(path, a=value),
        "x.safetensors": lambda: safetensors.numpy.save_file({"a": value}, path),
        "x.parquet": lambda: frame.write_parquet(path),
        "x.arrow": lambda: frame.write_ipc(path),
        "x.csv": lambda: path.write_text(frame.write_csv()),
        "x.json": lambda: path.write_text('{"a": [[1, 2], [3, 4]]}'),
        "x.csv.gz": lambda: path.write_bytes(gzip.compress(frame.write_csv().encode())),
    }[name]()
    good = path.read_bytes()
    pick = random.Random(name)
    key = "" if name == "x.npy" else ":a"
    statuses = set()
    for _ in range(150):
        data = bytearray(good)
        place = pick.randrange(len(data))
        change = pick.randrange(4)
        if change == 0:
            data[place] = pick.randrange(256)
        elif change == 1:
            del data[place:]
        elif change == 2:
            data[place:place] = pick.randbytes(pick.randint(1, 20))
        else:
            del data[place : place + pick.randint(1, 9)]
        path.write_bytes(data)
        try:
            load(f"{path}{key}")
            statuses.add(0)
        except GraphcalcError as error:
            statuses.add(error.exit_status)
    assert statuses <= {0, 4, 5}
    assert 4 in statuses


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's peak memory")
def test_big_arrays_are_never_whole_in_memory(tmp_path):
    """Elementwise programs over .npy files take memory for tiles, whatever the files' size."""
    count = 12_000_000
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.full(count, 1.5))
    files = [f"{name}=@{tmp_path}/{name}.npy" for name in "ab"]
    target = tmp_path / "g.npy"
    small, base = status_and_peak("sum(x)", "x=[1,2]", "--backend", "torch")
    status, peak = status_and_peak("g = exp(a) * b + a / b", *files, "--save", f"g={target}")
    assert (small, status) == (0, 0)
    # In KiB: the arrays take three times as much.
    assert peak - base < 100_000 < 3 * 8 * count >> 10
    found = np.load(target, mmap_mode="r")
    assert found.shape == (count,)
    expected = float(torch.exp(torch.tensor(1.5, dtype=torch.float64))) * 1.5 + 1.0
    np.testing.assert_allclose(found[[0, count // 2, -1]], expected, rtol=1e-15)


def test_big_arrays_of_any_kind(tmp_path):
    """Foreign byte order, nan, and whole numbers beyond int64 are met in tiles as elsewhere."""
    count = 9_000_000
    value = np.arange(count, dtype=">f8").reshape(3000, 3000)
    np.save(tmp_path / "be.npy", value)
    done = graphcalc("y = x * 2", "x=@be.npy", "--save", "y=y.npy", cwd=tmp_path)
    assert (done.status, done.complaint) == (0, "")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), value * 2)
    odd = np.ones(count)
    odd[77] = np.nan
    np.save(tmp_path / "nan.npy", odd)
    done = graphcalc("y = x + 1; z = 0/x", "x=@nan.npy", cwd=tmp_path)
    assert done.status == 0
    assert done.text.count("1 nan") == 3
    np.save(tmp_path / "u8.npy", np.array([2**63 + 1, 5], dtype="u8"))
    for backend in ("python", "torch"):
        done = graphcalc("-q", "x + 0", "x=@u8.npy", "--backend", backend, cwd=tmp_path)
        assert (done.status, "beyond 2**63" in done.complaint) == (4, True)


def test_odd_checkpoints(tmp_path):
    """Numbers and lists of a .pt file have keys; what is in itself ends; odd tensors are none."""
    itself = {"w": torch.ones(2)}
    itself["again"] = itself
    shared = {"w": torch.ones(3)}
    for _ in range(40):
        shared = {"a": shared, "b": shared}
    torch.save({"epoch": 3, "net": [torch.zeros(1), torch.ones(2)]}, tmp_path / "c.pt")
    torch.save(itself, tmp_path / "itself.pt")
    torch.save(shared, tmp_path / "shared.pt")
    torch.save(torch.ones(2, device="meta"), tmp_path / "meta.pt")
    assert load(f"{tmp_path}/c.pt:epoch") == 3
    assert load(f"{tmp_path}/c.pt:net.1").tolist() == [1, 1]
    assert load(f"{tmp_path}/itself.pt:w").tolist() == [1, 1]
    assert load(f"{tmp_path}/shared.pt").tolist() == [1, 1, 1]
    with pytest.raises(GraphcalcError, match="no dense tensor"):
        load(f"{tmp_path}/meta.pt")


def test_headers_of_too_many_dimensions(tmp_path):
    """A shape that would take a minute to multiply is damage."""
    index = '{"a":{"dtype":"F64","shape":[' + "1000000000," * 200_000 + '1],"data_offsets":[0,8]}}'
    head = index.encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(8))
    with pytest.raises(GraphcalcError, match="not that of"):
        load(f"{tmp_path}/x.safetensors:a")


def test_bindings_from_standard_input():
    """--inputs takes columns from a pipe, and a misspelt one is answered with the near one."""
    given = ("--inputs", "-", "--input-format", "csv")
    assert graphcalc("-q", "mean(a*b)", *given, stdin=b"a,b\n1,2\n3,4\n").text == "7\n"
    done = graphcalc("mean(prize)", *given, stdin=b"price,sum\n1,2\n")
    assert "did you mean `price`?" in done.complaint
    done = graphcalc("sum * 2", *given, stdin=b"price,sum\n1,2\n")
    assert 'for the column write col("sum")' in done.complaint
    done = graphcalc("mean(a)", "--inputs", "-")
    assert (done.status, "--input-format csv" in done.complaint) == (2, True)


def test_mistakes_with_files(tmp_path):
    """A file without @, or in the program's place, is answered with how it is given."""
    (tmp_path / "t.csv").write_text("a\n1\n")
    (tmp_path / "all.gc").write_text("a = 2\nother = 3\n")
    for arguments, told in (
        (["mean(x)", "x=t.csv:a"], "write x=@t.csv:a"),
        (["mean(x)", "t.csv"], "--inputs t.csv, or --rows t.csv"),
        (["t.csv"], "--inputs t.csv, or --rows t.csv"),
        (["x", "x=@t.csv:b", "--save", "x.csv", "--save", "x.csv"], "`x.csv` twice"),
        (["x", "x=@-:a", "--input-format", "foo"], "one of npy"),
    ):
        done = graphcalc(*arguments, cwd=tmp_path)
        assert done.status in (2, 3), arguments
        assert told in done.complaint, arguments
    # A file of bindings may have more than a program reads.
    assert graphcalc("-q", "a + 1", "--inputs", "all.gc", cwd=tmp_path).text == "3\n"
