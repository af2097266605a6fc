"""Writes the .yaml beside a model: what a server must know, whose pictures it was trained on."""

import hashlib
from pathlib import Path

import yaml

from evaluate import THRESHOLD
from export import written_whole
from network import FILL, SIZE

LINE = (
    "Line photos: (c) AISeedHub and contributors, from the repository AISeedHub/LinuxIT-TCP-IP, Apache License 2.0 "
    "(http://www.apache.org/licenses/LICENSE-2.0). Changes: files renamed; boxes added; used for training."
)
ORCHARD = (
    "Orchard photos: Pear640 by S. Kodors, M. Sondors, G. Lacis, E. Rubauskis, I. Apeinans and I. Zarembo, "
    "doi 10.17770/etr2023vol1.7293, from the repository ai-agriculture-circuits-and-systems/Pear640, Creative Commons "
    "Attribution 4.0 International (https://creativecommons.org/licenses/by/4.0/). Changes: images reduced to 480x480 and "
    "re-encoded; boxes scaled, degenerate boxes removed; used for training. No endorsement by the authors is implied."
)


# By the notes about them: photos of others are not ours to attribute.
KNOWN = {
    "deba15de16f3b0474125f7672408372a1bd70524dd91035cfde8e863f303cd61": LINE,
    "cb8e1a66153a4ba4008ab8bf8c9af0601174cf6d41c399c962a48416e9fbcb12": ORCHARD,
}


def attribution(folder):
    """Whose photos the folder holds, as far as they are those of the starter model."""
    notes = [Path(folder) / part / "annotations.json" for part in ("line", "orchard")]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in notes if path.is_file()]
    return [KNOWN[digest] for digest in digests if digest in KNOWN]


def write_sidecar(model_path, version, photos, attributed):
    """Writes model_path with the ending .yaml. photos: in words, which ones it was trained on; None: none. attributed:
    whose they are, a text each."""
    content = {
        "task": "detect",
        "classes": ["defected_pear", "normal_pear"],
        "img_size": SIZE,
        "input": {"layout": "nhwc", "dtype": "uint8", "letterbox_fill": FILL},
        "confidence_threshold": THRESHOLD,
        "iou_threshold": 0.45,
        "agnostic_nms": True,
        "license": "Apache-2.0",
        "attribution": attributed,
        "trained_on": photos or "rendered pears alone",
        "version": version,
    }
    with written_whole(Path(model_path).with_suffix(".yaml")) as partial:
        Path(partial).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))
