"""Writes a trained network as ONNX, float32 and INT8, with the metadata that servers read."""

import contextlib
import os
import warnings

import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from network import SIZE, Served

OPSET = 17
METADATA = {
    "names": "{0: 'defected_pear', 1: 'normal_pear'}",
    "imgsz": f"[{SIZE}, {SIZE}]",
    "task": "detect",
    "stride": "32",
    "description": "Finds a pear and tells defective from normal; see pear-starter.md",
    "author": "LinuxIT-TCP-IP contributors",
    "license": "Apache-2.0",
}


def export_float(network, path, version):
    """Writes `network` to `path`; the interface is that of network.Served."""
    served = Served(network).eval()
    example = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    with written_whole(path) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about shapes that the exporter cannot infer and nobody needs
        torch.onnx.export(
            served, example, partial, opset_version=OPSET, input_names=["images"], output_names=["output0"]
        )
        _label(partial, version)


def export_int8(float_path, path, images, version):
    """Quantises the convolutions to INT8 (QDQ, weights by channel), calibrated on images uint8 [n, 320, 320, 3]."""
    with written_whole(path) as partial:
        prepared = f"{partial}.prepared.onnx"
        quant_pre_process(float_path, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            partial,
            _Images(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", "Add", "MaxPool", "Concat", "Resize"],
            nodes_to_exclude=_decoder(prepared),
        )
        os.remove(prepared)
        _label(partial, version)


@contextlib.contextmanager
def written_whole(path):
    """Yields a temporary name beside `path` and renames it at the end: nobody reads half a model."""
    partial = f"{path}.{os.getpid()}.partial"
    yield partial
    os.replace(partial, path)


class _Images(CalibrationDataReader):
    def __init__(self, images):
        self.rest = iter(images)

    def get_next(self):
        image = next(self.rest, None)
        return None if image is None else {"images": image[None]}


def _decoder(path):
    """The nodes behind the raw maps: pooling of evidence, judgement, boxes. Cheap, and eight bits are too few."""
    model = onnx.load(path)
    late = [node.name for node in model.graph.node if "/judge" in node.name]
    first = [node for node in model.graph.node if _is_map(node) or node.name in late]
    fed = {output for node in first for output in node.output}
    while True:
        more = [node for node in model.graph.node if node.name not in late and set(node.input) & fed]
        if not more:
            return late
        late += [node.name for node in more]
        fed |= {output for node in more for output in node.output}


def _is_map(node):
    return node.op_type == "Conv" and ("/look/look.1" in node.name or "/outputs." in node.name)


def _label(path, version):
    model = onnx.load(path)
    del model.metadata_props[:]
    for key, value in {**METADATA, "version": version}.items():
        model.metadata_props.add(key=key, value=value)
    used = {node.domain for node in model.graph.node}
    for opset in [opset for opset in model.opset_import if opset.domain not in used]:
        model.opset_import.remove(opset)  # left by the optimiser; another runtime might refuse the model for it
    model.producer_name, model.doc_string = "LinuxIT-TCP-IP", ""
    for node in model.graph.node:
        node.doc_string = ""  # would hold paths of the machine that trained
    onnx.checker.check_model(model)
    onnx.save(model, path)
