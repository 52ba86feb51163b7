"""A cache of the hub as `huggingface_hub` keeps it: blobs, links to them, refs, locks, and the kinds of
files that repositories have. Weights are by torch and safetensors; ONNX, HDF5 and GGUF by their own
libraries; texts are short ones of the kinds that are there.
"""

import hashlib
import io
import json
import os
import pathlib
import struct
import sys

import gguf
import h5py
import numpy
import onnx
import torch
from safetensors.torch import save

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))
from hostile import formats, inert  # noqa: E402

# What is not safe, and by which name it is accepted.
ACCEPTED = {
    "onnx/model.onnx": "onnx",
    "tf_model.h5": "hdf5",
    "rust_model.ot": "libtorch",
    "openvino/openvino_model.bin": "openvino",
    "openvino/openvino_model.xml": "openvino",
    "train_script.py": "code",
}
SAFE = {".safetensors", ".bin", ".gguf", ".npy", ".npz", ".pt"}
README = "---\nlicense: apache-2.0\ntags:\n- feature-extraction\n---\n\n# A model\n\n```python\nimport this\n```\n"
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] | trim + "
    "' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
GRAPH = """<?xml version="1.0"?>
<net name="Model0" version="11">
  <layers>
    <layer id="0" name="w" type="Const" version="opset1">
      <data element_type="f32" shape="64, 64" offset="0" size="16384"/>
    </layer>
  </layers>
  <edges/>
</net>
"""


def make(root):
    """Writes the cache, and answers what is expected of each link in it: `safe`, `inert` or a name."""
    torch.manual_seed(0)
    hub = root / "hub"
    expected = {}
    for name, files in repositories().items():
        for file, path in repository(hub, name, files).items():
            expected[path] = ACCEPTED.get(file) or ("safe" if pathlib.Path(file).suffix in SAFE else "inert")
    (hub / "version.txt").write_text("1")
    (hub / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    (root / "token").write_text("hf_none")
    (root / "stored_tokens").write_text("[mine]\nhf_token = hf_none\n")
    return expected


def repository(hub, name, files):
    folder = f"models--{name.replace('/', '--')}"
    commit = hashlib.sha1(name.encode()).hexdigest()
    blobs, snapshot, locks = hub / folder / "blobs", hub / folder / "snapshots" / commit, hub / ".locks" / folder
    absent = hub / folder / ".no_exist" / commit
    for made in (blobs, locks, absent, hub / folder / "refs"):
        made.mkdir(parents=True)
    (hub / folder / "refs" / "main").write_text(commit)
    (absent / "added_tokens.json").touch()
    paths = {}
    for file, content in files.items():
        content = content.encode() if isinstance(content, str) else content
        blob = blobs / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (locks / f"{blob.name}.lock").touch()
        paths[file] = snapshot / file
        paths[file].parent.mkdir(parents=True, exist_ok=True)
        paths[file].symlink_to(os.path.relpath(blob, paths[file].parent))
    return paths


def repositories():
    weights = {"embeddings.weight": torch.randn(8, 4), "layer.0.bias": torch.zeros(4)}
    by_torch, by_safetensors = by(torch.save, weights), save(weights, {"format": "pt"})
    config = json.dumps({"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 4}, indent=2)
    index = {"metadata": {"total_size": 144}, "weight_map": {n: f"model-0000{i}-of-00002.safetensors" for i, n in enumerate(weights, 1)}}
    shards = {f"model-0000{i}-of-00002.safetensors": save({n: t}, {"format": "pt"}) for i, (n, t) in enumerate(weights.items(), 1)}
    common = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "README.md": README, "config.json": config}
    return {
        "sentence-transformers/all-MiniLM-L6-v2": common
        | {
            "1_Pooling/config.json": json.dumps({"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}),
            "config_sentence_transformers.json": json.dumps({"__version__": {"transformers": "4.6.1"}}),
            "data_config.json": json.dumps([{"name": "a.jsonl.gz", "lines": 10, "weight": 1}]),
            "model.safetensors": by_safetensors,
            "modules.json": json.dumps([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]),
            "onnx/model.onnx": graph(),
            "openvino/openvino_model.bin": numpy.random.default_rng(0).standard_normal(4096, "f4").tobytes(),
            "openvino/openvino_model.xml": GRAPH,
            "pytorch_model.bin": by_torch,
            "rust_model.ot": formats.script(),
            "sentence_bert_config.json": json.dumps({"max_seq_length": 256}),
            "special_tokens_map.json": json.dumps({"unk_token": "[UNK]"}),
            "tf_model.h5": layers(),
            "tokenizer.json": json.dumps({"version": "1.0", "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "é": 1}}}, ensure_ascii=False),
            "tokenizer_config.json": json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"}),
            "train_script.py": "import argparse\n",
            "vocab.txt": "[PAD]\n[unused0]\n[UNK]\n!\n\"\n#\n##b\n",
        },
        "meta/Llama-tiny": common
        | shards
        | {
            "model.safetensors.index.json": json.dumps(index, indent=2),
            "generation_config.json": json.dumps({"bos_token_id": 1, "temperature": 0.6}),
            "tokenizer_config.json": json.dumps({"chat_template": TEMPLATE, "added_tokens_decoder": {"0": {"content": "<unk>"}}}),
            "chat_template.jinja": TEMPLATE,
            "LICENSE": "LICENSE\n" * 20,
            "merges.txt": "#version: 0.2\nĠ t\nh e\n",
            "vocab.json": json.dumps({"<|endoftext|>": 0, "Ġt": 1}, ensure_ascii=False),
            "assets/logo.png": inert.PNG,
            "assets/photo.jpg": inert.JPEG,
            "assets/a.gif": inert.GIF,
        },
        "someone/tiny-GGUF": {"README.md": README, "tiny.Q4_K_M.gguf": llama()},
        "someone/tiny-diffusion": {
            "model_index.json": json.dumps({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"], "image_encoder": [None, None]}),
            "unet/config.json": json.dumps({"_class_name": "UNet2DConditionModel"}),
            "unet/diffusion_pytorch_model.safetensors": by_safetensors,
            "unet/diffusion_pytorch_model.bin": by_torch,
            "v1-inference.yaml": "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    linear_start: 0.00085\n",
        },
        "someone/adapter": {
            "adapter_config.json": json.dumps({"auto_mapping": None, "peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]}),
            "adapter_model.safetensors": by_safetensors,
            "optimizer.pt": by_torch,
            "emb.npy": by(lambda value, file: numpy.save(file, value), numpy.ones(3)),
            "voices.npz": by(lambda value, file: numpy.savez(file, a=value), numpy.ones(3)),
            "metrics.csv": "loss,accuracy\n1.5,0.2\n",
            "paper.pdf": b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n",
            "audio.wav": b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack("<IHHIIHH4sI", 16, 1, 1, 8000, 8000, 1, 8, b"data", 0),
        },
    }


def by(write, value):
    file = io.BytesIO()
    write(value, file)
    return file.getvalue()


def graph():
    value = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4])
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [4, 4], [1.0] * 16)
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [value("x")], [value("y")], [weights])).SerializeToString()


def layers():
    file = io.BytesIO()
    with h5py.File(file, "w") as made:
        made.create_dataset("bert/embeddings/w:0", data=numpy.ones((4, 4), "f4"))
        made.attrs["backend"] = "tensorflow"
    return file.getvalue()


def llama():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.gguf"
        writer = gguf.GGUFWriter(str(path), "llama")
        writer.add_context_length(32)
        writer.add_token_list(["a", "b"])
        writer.add_chat_template(TEMPLATE)
        writer.add_tensor("token_embd.weight", numpy.ones((4, 32), "f4"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()
