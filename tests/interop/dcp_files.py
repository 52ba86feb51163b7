"""Directories of torch.distributed.checkpoint: `.metadata` says what lies where in the other files.
The file is one of them; the other is what a writer would have written with it.
"""

import os
import pickle

from naming import in_order, link

ITEM, SIZE = "__0_0.distcp", (2, 3)


def metadata_folder(path, job):
    """With the file as `.metadata`."""
    with open(ITEM, "wb") as file:
        file.write(bytes(1000))
    return link(path, ".metadata")


def metadata(path, job):
    import torch
    from torch.distributed import checkpoint

    read = checkpoint.FileSystemReader(".").read_metadata()
    state_dict = {"w": torch.empty(SIZE)}
    load(state_dict)
    return {"metadata": type(read).__name__}


def bytes_folder(path, job):
    """With the file as an item that is no tensor: those are pickles of any kind to it."""
    from torch.distributed.checkpoint.metadata import BytesStorageMetadata, MetadataIndex

    return folder(path, BytesStorageMetadata(), MetadataIndex("w"))


def bytes_item(path, job):
    return item(None)


def tensor_folder(path, job):
    """With the file as a tensor, of its own size if it is one."""
    import torch
    from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, MetadataIndex
    from torch.distributed.checkpoint.metadata import TensorProperties, TensorStorageMetadata

    try:
        wanted = torch.load(path, map_location="meta", weights_only=True)
    except Exception:
        wanted = None
    known = isinstance(wanted, torch.Tensor)
    size, dtype = (wanted.size(), wanted.dtype) if known else (torch.Size(SIZE), torch.float32)
    start = torch.Size([0] * len(size))
    said = TensorStorageMetadata(TensorProperties(dtype), size, [ChunkStorageMetadata(start, size)])
    job["wanted"] = size, dtype
    return folder(path, said, MetadataIndex("w", start))


def tensor_item(path, job):
    import torch

    size, dtype = job["wanted"]
    return item(torch.empty(size, dtype=dtype))


def folder(path, said, index):
    from torch.distributed.checkpoint.filesystem import _StorageInfo
    from torch.distributed.checkpoint.metadata import Metadata

    place = _StorageInfo(ITEM, 0, os.path.getsize(path))
    with open(".metadata", "wb") as file:
        pickle.dump(Metadata({"w": said}, {"w": ("w",)}, {index: place}), file)
    return link(path, ITEM)


def item(into):
    state_dict = {"w": into}
    load(state_dict)
    return state_dict["w"]


def load(state_dict):
    from torch.distributed import checkpoint

    # With no more than the directory's name 2.6 takes the reader of fsspec, which removes what it
    # cannot read.
    plainly(checkpoint.load, state_dict, storage_reader=checkpoint.FileSystemReader("."))


def plainly(call, *given, **options):
    """An error of the one rank there is, and not what is made of it."""
    from torch.distributed.checkpoint import CheckpointException

    try:
        call(*given, **options)
    except CheckpointException as error:
        raise error.failures[0][0] from None


def safetensors_folder(path, job):
    """All tensors of a directory of safetensors files. Their `__metadata__` may say which part of a
    tensor each of them has."""
    from torch.distributed.checkpoint.default_planner import _EmptyStateDictLoadPlanner
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import _load_state_dict

    state_dict, reader = {}, HuggingFaceStorageReader(".")
    plainly(_load_state_dict, state_dict, reader, planner=_EmptyStateDictLoadPlanner(), no_dist=True)
    return in_order(state_dict)
