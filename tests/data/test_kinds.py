"""Values in files of less usual kinds, and files that say one thing twice."""

import json
import os
import struct
import warnings

import numpy as np
import pytest
import torch
from loading import load
from running import graphcalc, shell

from graphcalc import GraphcalcError
from graphcalc.data import elements
from graphcalc.data.text_results import delimited_text, json_lines_text, json_text
from graphcalc.numbers import exact, show_nested
from graphcalc.ops.kernels.arrays import NDArray


def refusal(reference):
    """The exit status, the code and the words of the error for a reference."""
    with pytest.raises(GraphcalcError) as caught:
        load(reference)
    d = caught.value.diagnostic
    return caught.value.exit_status, d.code, f"{d.message}; {d.note}"


def tensors(path, index, data):
    """Write a .safetensors file with a header of this text, or of these entries."""
    head = (index if isinstance(index, str) else json.dumps(index)).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def test_fields_of_records(tmp_path):
    """A field of an array of records is an array, of any byte order, with its inner shape."""
    kinds = [("x", "<f4"), ("y", ">i8"), ("v", "<f8", (2,)), ("s", "S3"), ("列", "?")]
    for order in "CF":
        records = np.zeros((3, 2), dtype=kinds, order=order)
        records["x"] = np.arange(6).reshape(3, 2)
        records["y"] = 7 - np.arange(6).reshape(3, 2)
        records["v"][1, 1] = 0.5
        records["列"][2, 0] = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.save(tmp_path / "r.npy", records)
        for name in ("x", "y", "v", "列"):
            np.testing.assert_array_equal(load(f"{tmp_path}/r.npy:{name}"), records[name])
    assert load(f"{tmp_path}/r.npy:x").dtype == np.float32
    assert refusal(f"{tmp_path}/r.npy:s")[:2] == (4, "file-dtype")
    assert refusal(f"{tmp_path}/r.npy")[0] == 2
    os.truncate(tmp_path / "r.npy", os.path.getsize(tmp_path / "r.npy") - 1)
    assert refusal(f"{tmp_path}/r.npy:x")[:2] == (4, "truncated")


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions_of_npy(version, tmp_path):
    """Headers of every version are read."""
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array(file, np.arange(6.0).reshape(2, 3), version=version)
    np.testing.assert_array_equal(load(tmp_path / "x.npy"), np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("head", ["[" * 5000, "{'descr': '<f8'}", "{1: 2}", "__import__('os')", ""])
def test_damaged_headers_of_version_3(head, tmp_path):
    """Whatever such a header says is data."""
    data = b"\x93NUMPY\x03\x00" + struct.pack("<I", len(head)) + head.encode() + bytes(8)
    (tmp_path / "x.npy").write_bytes(data)
    assert refusal(tmp_path / "x.npy")[:2] == (4, "damaged")


@pytest.mark.parametrize("shape", [(0, 1 << 40), (0, 3, 1 << 50), (2, 0, 1 << 40)])
def test_arrays_of_nothing(shape, tmp_path):
    """An array without elements is an empty tensor, however long its other dimensions are."""
    with open(tmp_path / "x.npy", "wb") as file:
        head = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, head)
    for backend in ("python", "torch"):
        done = graphcalc("-q", "sum(x)", f"x=@{tmp_path}/x.npy", "--backend", backend)
        assert (done.status, done.text) == (0, "0\n"), done.complaint


def test_numbers_of_eight_bits(tmp_path):
    """float8 is read as float32, which has its numbers; a refused dtype is refused alone."""
    values = torch.tensor([1.5, -2.0, 448.0, 0.015625, 0.0])
    kinds = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}
    for name, kind in kinds.items():
        stored = values.to(kind)
        data = stored.view(torch.uint8).numpy().tobytes()
        entries = {
            "a": {"dtype": name, "shape": [5], "data_offsets": [0, 5]},
            "c": {"dtype": "C64", "shape": [1], "data_offsets": [5, 13]},
            "f": {"dtype": "F4", "shape": [3], "data_offsets": [13, 15]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [15, 19]},
        }
        path = tmp_path / "t.safetensors"
        tensors(path, entries, data + bytes(10) + np.float32(2.5).tobytes())
        assert load(f"{path}:a").dtype == np.float32
        np.testing.assert_array_equal(load(f"{path}:a"), stored.float().numpy())
        assert load(f"{path}:b").tolist() == [2.5]
        for key in "cf":
            status, code, words = refusal(f"{path}:{key}")
            assert (status, code, "not supported" in words) == (4, "file-dtype", True)
        torch.save({"a": stored}, tmp_path / "t.pt")
        assert torch.equal(load(f"{tmp_path}/t.pt:a"), stored.float())


ENTRY = '"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]%s}'


@pytest.mark.parametrize(
    "text",
    [
        " {" + ENTRY % "" + "}",
        "{" + ENTRY % "" + "}\n",
        "{" + ENTRY % ',"x":1' + "}",
        '{"__metadata__":{"a":1},' + ENTRY % "" + "}",
        '{"__metadata__":[],' + ENTRY % "" + "}",
        "{" + ENTRY % "" + "," + ENTRY % "" + "}",
    ],
)
def test_headers_that_the_format_does_not_have(text, tmp_path):
    """Blanks before a header, other keys, metadata that is no text, and a tensor twice."""
    tensors(tmp_path / "t.safetensors", text, bytes(8))
    assert refusal(f"{tmp_path}/t.safetensors:a")[:2] == (4, "damaged")


def test_headers_that_the_format_has(tmp_path):
    """Spaces behind a header, and metadata of text."""
    text = '{"__metadata__":{"format":"pt"},' + ENTRY % "" + "}   "
    tensors(tmp_path / "t.safetensors", text, bytes(8))
    assert load(f"{tmp_path}/t.safetensors:a").tolist() == [0]


def test_keys_that_are_there_twice(tmp_path):
    """Members of one name, with and without .npy, and keys that join to one are refused."""
    import zipfile

    np.save(tmp_path / "x.npy", np.ones(1))
    for twice in ("a.npy", "a"):
        with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
            archive.write(tmp_path / "x.npy", "a.npy")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("warnings.warn", lambda *_, **__: None)
                archive.write(tmp_path / "x.npy", twice)
        assert refusal(f"{tmp_path}/t.npz:a")[:2] == (4, "duplicate-key")
    torch.save({"a.b": torch.ones(2), "a": {"b": torch.zeros(2)}}, tmp_path / "t.pt")
    assert refusal(f"{tmp_path}/t.pt:a.b")[:2] == (4, "duplicate-key")


@pytest.mark.parametrize("ending", ["bin", "ckpt", "pth"])
def test_names_of_weights(ending, tmp_path):
    """Weights of PyTorch are known by these names; other files of such a name are refused."""
    torch.save({"state_dict": {"w": torch.ones(2)}, "epoch": 3}, tmp_path / f"m.{ending}")
    assert load(f"{tmp_path}/m.{ending}:state_dict.w").tolist() == [1, 1]
    (tmp_path / f"n.{ending}").write_bytes(b"\x80\x04K\x01.")
    assert refusal(f"{tmp_path}/n.{ending}:w")[:2] == (4, "other-content")


def test_values_within_json(tmp_path):
    """A path of keys and indices leads to a value; a key of that name comes first."""
    content = {"m": {"layers": [{"w": [[1, 2], [3, 4]]}, 5]}, "a.b": 7, "a": {"b": 8, "c": 9}}
    (tmp_path / "t.json").write_text(json.dumps(content))
    assert load(f"{tmp_path}/t.json:m.layers.0.w").tolist() == [[1, 2], [3, 4]]
    assert load(f"{tmp_path}/t.json:m.layers.1") == 5
    assert load(f"{tmp_path}/t.json:a.b") == 7
    assert load(f"{tmp_path}/t.json:a.c") == 9
    for key in ("m.layers.2", "m.layers.-1", "m.layers.x", "m.x", "a.b.c", "."):
        assert refusal(f"{tmp_path}/t.json:{key}")[:2] == (4, "no-key")
    assert refusal(f"{tmp_path}/t.json:m.layers")[:2] == (4, "bad-json")


def test_nan_beside_a_value_of_json(tmp_path):
    """What is no JSON is refused where it is asked for, and what is beside it is read."""
    (tmp_path / "t.json").write_text('{"a": 1, "b": NaN, "c": [1, -Infinity], "d": {"e": [2]}}')
    assert load(f"{tmp_path}/t.json:a") == 1
    assert load(f"{tmp_path}/t.json:d.e").tolist() == [2]
    for key, word in (("b", "NaN"), ("c", "-Infinity")):
        status, code, words = refusal(f"{tmp_path}/t.json:{key}")
        assert (status, code, word in words) == (4, "bad-json", True)


# Text in pieces


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    "shape", [(), (1,), (5,), (2, 3), (3, 1), (2, 3, 2), (0,), (2, 0), (2, 0, 3)]
)
def test_text_in_pieces(step, shape, monkeypatch):
    """Nested lists and JSON that are written in pieces are those that are written whole."""
    monkeypatch.setattr(elements, "STEP", step)
    value = np.asarray(np.arange(float(np.prod(shape))).reshape(shape) / 4)
    own = NDArray(shape, [float(x) for x in value.reshape(-1)])
    for given in (value, torch.from_numpy(value), own, value.tolist()):
        if isinstance(given, list) and 0 in shape[1:]:
            continue  # lists of no elements have lost their shape
        assert "".join(elements.pieces(given, exact)) == show_nested(value.tolist(), exact)
        whole = json.dumps({"a": value.tolist(), "b": value.tolist()}, indent=1) + "\n"
        assert "".join(json_text({"a": given, "b": given}, is_bare=False, path="t")) == whole
        bare = json.dumps(value.tolist(), indent=1) + "\n"
        assert "".join(json_text({"a": given}, is_bare=True, path="t")) == bare
        if len(shape) == 2 and 0 not in shape:
            rows = "".join(",".join(map(exact, row)) + "\n" for row in value.tolist())
            assert "".join(delimited_text({"a": given}, "csv")) == rows
        if len(shape) == 1:
            lines = [json.loads(line) for line in json_lines_text({"a": given, "b": given}, "t")]
            assert lines == [{"a": x, "b": x} for x in value.tolist()]


# Where output goes


def test_output_to_open_files(tmp_path):
    """What is no plain file, and an open one that is named by its descriptor, is written to."""
    script = """
    graphcalc -q '1+1' -o /dev/stdout | cat
    graphcalc -q '2+1' -o >(cat; echo end >done)
    while [ ! -e done ]; do sleep 0.1; done
    echo before >log; graphcalc -q '3+1' -o /dev/stdout >>log; echo after >>log; cat log
    graphcalc -q '4+1' -o /dev/fd/7 7>>log; tail -n 1 log
    graphcalc -q '5+1' -o /dev/null; test -c /dev/null && echo device
    printf 'a\\n1\\n' | graphcalc --rows - 'b=a*2' -o /dev/stdout | cat
    mkfifo pipe; graphcalc -q '6+1' -o pipe & cat pipe; wait; test -p pipe && echo pipe
    """
    done = shell(script, cwd=tmp_path)
    assert done.text == "2\n3\nbefore\n4\nafter\n5\ndevice\na,b\n1,2\n7\npipe\n"
    assert (done.status, done.complaint) == (0, "")
    done = graphcalc("-q", "1", "-o", "/dev/fd/77")
    assert (done.status, done.complaint.count("\n")) == (6, 1)


def test_no_module_of_the_folder_runs(tmp_path):
    """`python -m graphcalc` imports nothing from the folder that it runs in."""
    for name in ("re", "gc", "signal", "typing", "json", "numpy", "graphlib"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w')\nraise SystemExit(9)\n")
    done = shell("python -m graphcalc -q '1+1'; ls", cwd=tmp_path)
    assert "ran-" not in done.text
    assert done.text.startswith("2\n")
