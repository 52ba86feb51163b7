"""The loaders of transformers, diffusers and huggingface_hub. A file goes by its name to safetensors
or gguf, and by any other name to torch.load.
"""

import json
import os

from naming import link

# Nothing is fetched, and nothing in the background looks for a better file.
for setting in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "DISABLE_SAFETENSORS_CONVERSION"):
    os.environ.setdefault(setting, "1")

# The smallest model that there is to load into.
CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 4,
    "intermediate_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "vocab_size": 8,
    "max_position_embeddings": 4,
}


def transformers_file(order=None, **options):
    """`load_state_dict`, to the CPU where it is not told otherwise. What `zipfile` takes for an archive
    is mapped."""

    def load(path, job):
        from transformers.modeling_utils import load_state_dict

        loaded = load_state_dict(path, **options)
        return order(loaded) if order else loaded

    return load


def transformers_random(path, job):
    """How its trainer opens `rng_state.pth`: names of numpy's are allowed besides."""
    import torch
    from transformers.trainer_pt_utils import safe_globals

    with safe_globals():
        return torch.load(path, map_location="cpu", weights_only=True)


def transformers_model(path, job):
    """A model of the present directory, where the file has the name of its weights. What it lacks is
    made up at random."""
    import torch
    import transformers

    with torch.random.fork_rng(devices=[]):
        _, told = transformers.BertModel.from_pretrained(".", output_loading_info=True)
    return {"others": sorted(map(str, told["unexpected_keys"]))}


def model_folder(name):
    def prepare(path, job):
        with open("config.json", "w") as file:
            json.dump(CONFIG, file)
        return link(path, name)

    return prepare


def transformers_gguf(path, job):
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    return {"gguf": sorted(load_gguf_checkpoint(path))}


def diffusers_file(order=None, **options):
    """As above. For an error it has other words, and hides what it was."""

    def load(path, job):
        from diffusers.models.model_loading_utils import load_state_dict

        try:
            loaded = load_state_dict(path, **options)
        except OSError as error:
            raise first(error) from None
        return order(loaded) if order else loaded

    return load


def hub_file(order=None, **options):
    """Where a file wants a device that is not here, it is read to the CPU, as torch.load is told to."""

    def load(path, job):
        from huggingface_hub.serialization._torch import load_state_dict_from_file

        try:
            loaded = load_state_dict_from_file(path, **options)
        except RuntimeError as error:
            if "map_location=torch.device" not in str(error):
                raise
            loaded = load_state_dict_from_file(path, map_location="cpu", **options)
        except ValueError as error:
            raise first(error) from None
        return order(loaded) if order else loaded

    return load


def hub_model(path, job):
    """Into a model that has nothing: all keys are others."""
    import torch
    from huggingface_hub.serialization._torch import load_torch_model

    told = load_torch_model(torch.nn.Module(), path, safe=False, map_location="cpu")
    return {"others": sorted(map(str, told.unexpected_keys))}


def first(error):
    """What an error was before it was said in other words."""
    while before := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = before
    return error

