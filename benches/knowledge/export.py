"""Writes a BERT model in sentence-transformers' format as an ONNX file that fastembed reads.

The layers are the fused operations that ONNX runtime's own optimiser makes of such models, so that the peer is at its
best. Everything is f32.
"""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def read_safetensors(path):
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[start:end], np.float32).reshape(entry["shape"])
    return tensors


def export(source, target):
    """Makes the folder `target` of the folder `source`."""
    source, target = Path(source), Path(target)
    config = json.loads((source / "config.json").read_text())
    weights = read_safetensors(source / "model.safetensors")
    epsilon = config["layer_norm_eps"]
    nodes, initializers = [], {}

    def constant(name, value):
        initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def add(kind, inputs, output, **attributes):
        domain = "com.microsoft" if kind in FUSED else ""
        outputs = [output] if isinstance(output, str) else output
        nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def weight(name):
        return constant(name, weights[name])

    def matrix(name):
        return constant(name, weights[name].T)

    at = "embeddings."
    add("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    add("Cast", ["input_ids"], "ids", to=TensorProto.INT32)
    add("Cast", ["token_type_ids"], "types", to=TensorProto.INT32)
    tables = [weight(f"{at}{kind}_embeddings.weight") for kind in ("word", "position", "token_type")]
    norm = [weight(f"{at}LayerNorm.{part}") for part in ("weight", "bias")]
    x = add("EmbedLayerNormalization", ["ids", "types", *tables, *norm], ["embedded", "unused"], epsilon=epsilon)
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        parts = [f"{at}attention.self.{part}" for part in ("query", "key", "value")]
        look = constant(f"{at}look.weight", np.concatenate([weights[f"{p}.weight"].T for p in parts], axis=1))
        bias = constant(f"{at}look.bias", np.concatenate([weights[f"{p}.bias"] for p in parts]))
        found = add("Attention", [x, look, bias, "mask"], f"{at}found", num_heads=config["num_attention_heads"])

        def skip(name, y, x):
            norm = [weight(f"{at}{name}.LayerNorm.{part}") for part in ("weight", "bias")]
            bias = weight(f"{at}{name}.dense.bias")
            return add("SkipLayerNormalization", [y, x, *norm, bias], f"{at}{name}", epsilon=epsilon)

        mixed = add("MatMul", [found, matrix(f"{at}attention.output.dense.weight")], f"{at}mixed")
        x = skip("attention.output", mixed, x)
        up = add("MatMul", [x, matrix(f"{at}intermediate.dense.weight")], f"{at}up")
        inner = add("BiasGelu", [up, weight(f"{at}intermediate.dense.bias")], f"{at}inner")
        down = add("MatMul", [inner, matrix(f"{at}output.dense.weight")], f"{at}down")
        x = skip("output", down, x)
    add("Identity", [x], "last_hidden_state")

    shape = ["batch", "tokens"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, config["hidden_size"]])
    graph = helper.make_graph(nodes, "bert", inputs, [output], list(initializers.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    target.mkdir(parents=True, exist_ok=True)
    onnx.save(model, target / "model.onnx")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(source / name, target / name)
    (target / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 256, "pad_token": "[PAD]"}))
    names = ("cls", "mask", "pad", "sep", "unk")
    (target / "special_tokens_map.json").write_text(json.dumps({f"{n}_token": f"[{n.upper()}]" for n in names}))


FUSED = {"Attention", "BiasGelu", "EmbedLayerNormalization", "SkipLayerNormalization"}
