"""A file of each reader's own format, for those that only ever refuse what is safe: a reader that opens
not even this one is no test of anything.
"""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zlib


def torch_jit(path):
    import torch

    torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(1, 2)).save(path)


def torch_package(path):
    import torch.package

    with torch.package.PackageExporter(path) as exporter:
        exporter.save_text("folder", "name", "text")


def tar(path):
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("name"), io.BytesIO())


def written(content):
    def write(path):
        with open(path, "wb") as file:
            file.write(content)

    return write


def lz4(path):
    import lz4.frame

    written(lz4.frame.compress(b"content"))(path)


def hdf5(path):
    import h5py

    with h5py.File(path, "w") as file:
        file["w"] = [1.0]


def gguf(path):
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("name")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def onnx(form):
    def write(path):
        from onnx import TensorProto, helper, save

        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
        node = helper.make_node("Neg", ["x"], ["y"])
        save(helper.make_model(helper.make_graph([node], "graph", values[:1], values[1:])), path, form)

    return write


def keras(ending, weights=False):
    """Keras goes by the name in writing as well."""

    def write(path):
        import keras_files

        model = keras_files.built()
        (model.save_weights if weights else model.save)(path + ending)
        os.rename(path + ending, path)

    return write


SPECIMENS = {
    "torch.jit": torch_jit,
    "torch.package": torch_package,
    "tarfile": tar,
    "tarfile.any": tar,
    "gzip": written(gzip.compress(b"content")),
    "bz2": written(bz2.compress(b"content")),
    "lzma": written(lzma.compress(b"content")),
    "zlib": written(zlib.compress(b"content")),
    "lz4": lz4,
    "h5py": hdf5,
    "h5py.is_hdf5": hdf5,
    "gguf": gguf,
    "transformers.gguf": gguf,
    "diffusers.gguf": gguf,
    "onnx": onnx("protobuf"),
    "onnx.textproto": onnx("textproto"),
    "onnx.json": onnx("json"),
    "onnx.text": onnx("onnxtxt"),
    "keras": keras(".keras"),
    "keras.unsafe": keras(".keras"),
    "keras.h5": keras(".h5"),
    "keras.weights": keras(".keras"),
    "keras.weights.h5": keras(".weights.h5", weights=True),
    "keras.weights.old": keras(".h5"),
    "keras.weights.names": keras(".h5"),
    "keras.editor": keras(".keras"),
    "keras.editor.h5": keras(".weights.h5", weights=True),
}


def write_all(folder, names):
    """Writes those of these readers, in a process of its own: to write changes more than to read."""
    child = os.fork()
    if child == 0:
        try:
            for name in names:
                if name in SPECIMENS:
                    SPECIMENS[name](os.path.join(folder, name))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return {name: os.path.join(folder, name) for name in names if name in SPECIMENS}
