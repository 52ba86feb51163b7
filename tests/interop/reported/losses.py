"""What another format would lose, or another name hide, and what is said of it."""

import collections
import json
import pickle

import safetensors.torch
import torch
from torch.nn import Parameter

from reported.room import wanted


def ordered(**attributes):
    """An OrderedDict of a tensor, with attributes."""
    made = collections.OrderedDict(a=torch.ones(2))
    vars(made).update(attributes)
    return made


def case_attributes_of_ordered_dicts(room):
    """A tester: they vanished into safetensors, and nobody said so."""
    versions = {"": {"version": 1}}
    values = [
        "important",
        0.5,
        None,
        True,
        [],
        {},
        {"lr": 0.1},
        (1, 2),
        {1},
        b"bytes",
        torch.ones(1),
        torch.float16,
    ]
    made = {f"value {at}": ordered(foo=value) for at, value in enumerate(values)}
    made |= {f"beside {at}": ordered(_metadata=versions, foo=value) for at, value in enumerate(values)}
    made["text"] = ordered(_metadata="loss 0.5")
    made["more"] = ordered(_metadata={"": {"version": 1, "lr": 0.1, "step": 77}})
    made["nested"] = {"model": ordered(foo="important"), "b": torch.ones(2)}
    for name, value in made.items():
        room.part(name, said, room, room.save(f"{name}.pt", value))
    for name, value in {
        "module": torch.nn.BatchNorm1d(2).state_dict(),
        "none": ordered(),
        "versions": ordered(_metadata=versions),
    }.items():
        path = room.save(f"{name}.pt", value)
        room.part(name, lambda path=path: wanted(room.flat(path)[1].said == "", "what nobody misses is said"))


def said(room, path):
    """It is refused, in place too, and with --tensors-only it is listed; inspect shows it."""
    before = path.read_bytes()
    room.refused("convert", path, room / "flat.safetensors", says=["@"])
    room.refused("convert", path, path, "--to", "safetensors", says=["@"])
    wanted(path.read_bytes() == before, "changed")
    done = room.ok("convert", path, room / "only.safetensors", "--tensors-only", "--json")
    left_out = json.loads(done.out)["left_out"]
    wanted(left_out and all("@" in left["path"] for left in left_out), f"nothing is said: {done}")
    room.ok("inspect", path).says(left_out[0]["path"])


def case_what_a_flat_file_does_not_keep(room):
    """A tester: parameters came back as tensors, in place, without a word."""
    state = {"w": Parameter(torch.ones(3)), "r": torch.ones(2, requires_grad=True), "t": torch.ones(1)}
    path = room.save("model.pt", state)
    done = room.ok("convert", path, room / "flat.safetensors")
    done.says("does not say that 1 tensor was a parameter and 2 tensors required grad")
    done = room.ok("convert", path, path, "--to", "safetensors", "--json")
    wanted(json.loads(done.out)["flattened"] == {"parameters": 1, "requires_grad": 2, "tied": 0, "partly_shown": 0}, str(done))
    plain = room.save("plain.pt", {"t": torch.ones(1)})
    wanted(room.flat(plain)[1].said == "", "there is nothing to say")
    # torch.save writes all of a storage.
    part = room.save("part.pt", {"t": torch.arange(1000.0)[:2], "whole": torch.ones(2, 3).t()})
    room.flat(part)[1].says("does not hold elements of 1 storage that no tensor shows")
    before = part.read_bytes()
    room.refused("convert", part, part, "--to", "safetensors", says=["elements of 1 storage", "--discard-extras"])
    wanted(part.read_bytes() == before, "what is refused is another file")
    room.ok("convert", part, part, "--to", "safetensors", "--discard-extras")
    odd = room / "odd.safetensors"
    entry = '{"dtype":"U8","shape":[2],"data_offsets":[0,2],"note":"mine"}'
    text = ('{"__metadata__":{"k":"1","k":"2"},"a":' + entry + "}").encode()
    odd.write_bytes(len(text).to_bytes(8, "little") + text + b"12")
    wanted(list(safetensors.torch.load_file(odd)) == ["a"], "it is a file")
    room.refused("convert", odd, odd, says=["1 field of the header", "whose key comes again"])
    room.ok("convert", odd, room / "plain.safetensors").says("1 field of the header", "whose key comes again")


def case_parameters_of_all_layouts(room):
    """A tester: sparse ones were called frozen, and not called sparse."""
    eye = torch.eye(3)
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    made = {
        "coo": (eye.to_sparse(), "sparse_coo"),
        "csr": (eye.to_sparse_csr(), "sparse_csr"),
        "nested": (nested, None),
        "meta": (torch.ones(2, device="meta"), None),
        "plain": (eye, None),
    }
    state = {name: Parameter(tensor) for name, (tensor, _) in made.items()}
    state["still"] = Parameter(eye.to_sparse(), requires_grad=False)
    path = room.save("model.pt", state)
    listed = {tensor["path"]: tensor for tensor in room.inspect(path)["tensors"]}
    for name, (_, layout) in made.items():
        found = listed[name]
        wanted(found["requires_grad"] and found["kind"] == "parameter", f"{name} is {found}")
        wanted(found.get("layout") == layout, f"{name} is {found}")
    wanted(not listed["still"]["requires_grad"], "frozen")
    done = room.ok("inspect", path)
    done.says("parameter, sparse_coo, frozen", "parameter, sparse_csr")
    wanted(done.out.count("frozen") == 1, str(done))


def case_nested_tensors(room):
    """A tester: they were no tensors, and had the name of the function that makes them."""
    parts = [torch.ones(2), torch.ones(3)]
    state = {"s": torch.nested.nested_tensor(parts)}
    state["j"] = torch.nested.nested_tensor(parts, layout=torch.jagged)
    path = room.save("model.pt", state)
    listed = {tensor["path"]: tensor for tensor in room.inspect(path)["tensors"]}
    found = {name: (listed[name]["kind"].split(".")[-1], listed[name]["shape"]) for name in state}
    wanted(found == {"s": ("Tensor", [2]), "j": ("NestedTensor", [2])}, str(found))
    wanted(listed["s.args[0]"]["part_of"] == "s", "a part")
    refused = room.refused("convert", path, room / "flat.safetensors", says=["NestedTensor"])
    wanted("_rebuild" not in refused.said, str(refused))


def case_storages_without_bytes(room):
    """A tester: torch tells storages by where their bytes are, and those have none."""
    for name, empty in {"flat": torch.empty(0), "deep": torch.empty(2, 0)}.items():
        for of in (torch.int32, torch.uint8):
            path = room.save(f"{name}-{of}.pt", {"a": empty, "b": empty.view(of)})
            torch.load(path, weights_only=True)
            room.part(path.name, lambda path=path: wanted(room.verdict(path) == "safe", "not safe"))
    path = room.save("storage.pt", {"a": torch.empty(0), "s": torch.empty(0).untyped_storage()})
    room.part("a storage", lambda: wanted(room.verdict(path) == "safe", "not safe"))


def case_names_to_be_allowed(room):
    """A tester: they were cut, so that nobody could type them; an index said nothing of what it is."""
    from torch.distributed.checkpoint.metadata import Metadata

    long = "torchao.quantization.quantize_.workflows.int8." + "workflows." * 8 + "QuantizeTensorToInt8Kwargs"
    module, name = long.rsplit(".", 1)
    path = room / "long.pkl"
    path.write_bytes(f"c{module}\n{name}\n.".encode())
    room.run("validate", path).says(f"class {name} of module {module}")
    index = room / ".metadata"
    index.write_bytes(pickle.dumps(Metadata(state_dict_metadata={}, storage_data={})))
    room.run("validate", index).says("safe (dcp-metadata")


def case_strings_of_python_2(room):
    """A tester: what Python 2 wrote was said to be written by no pickler."""
    path = room / "latin1.pkl"
    path.write_bytes(b"\x80\x02}U\x01aU\x01\xffs.")
    room.run("validate", path).says("SR-PICKLE-BYTES", "encoding")


def case_files_with_odd_names(room):
    """A tester: torch calls the folder in a file after the file, and that was held against it."""
    for name in ("a:b.pt", "C:.pt", "a\nb.pt", "a\tb.pt", "a b.pt"):
        path = room.save(name, {"w": torch.ones(3)})
        room.part(repr(name), lambda path=path: wanted(room.verdict(path) == "safe", "not safe"))
