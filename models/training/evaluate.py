"""Asks an exported model about photos, as a server does: letterbox, best box, verdict.

python models/training/evaluate.py --model models/pear-starter.onnx --photos FOLDER
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from boxes import overlaps
from network import FILL, SIZE
from photos import read_annotations

THRESHOLD = 0.7  # objectness from which on there is a pear
CLASSES = ("defective", "normal")


def open_model(path):
    """A session with one thread; the server has one a process too."""
    if not Path(path).is_file():
        raise SystemExit(f"there is no model {path}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def letterbox(image):
    """uint8 [h, w, 3] -> uint8 [320, 320, 3], and scale and shift (x, y) that led there."""
    height, width = image.shape[:2]
    scale = SIZE / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.full((SIZE, SIZE, 3), FILL, np.uint8)
    left, top = (SIZE - new_width) // 2, (SIZE - new_height) // 2
    canvas[top : top + new_height, left : left + new_width] = small
    return canvas, scale, (left, top)


def ask(session, image):
    """The best place in a picture, uint8 RGB [h, w, 3]: scores [defective, normal] and box x1, y1, x2, y2, in its pixels."""
    canvas, scale, shift = letterbox(image)
    output = session.run(None, {"images": canvas[None]})[0][0]
    best = output[4:].max(0).argmax()
    x, y, w, h = output[:4, best]
    box = (np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) - np.tile(shift, 2)) / scale
    height, width = image.shape[:2]
    return output[4:, best], np.clip(box, 0, [width, height, width, height])


def verdict(scores, threshold=THRESHOLD):
    return "absent" if scores.max() < threshold else CLASSES[int(scores.argmax())]


def read_rgb(path):
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path} cannot be read as a picture")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def score_line(session, photo_folder, names=None, threshold=THRESHOLD):
    """Rows about the photos of the line (all, or those in `names`): a dict each, see `print_table`."""
    folder = Path(photo_folder) / "line"
    notes = read_annotations(folder)
    pear = next(c["id"] for c in notes["categories"] if c["name"] == "pear")
    rows = []
    for entry in notes["images"]:
        if names is not None and entry["file_name"] not in names:
            continue
        scores, box = ask(session, read_rgb(folder / entry["file_name"]))
        x, y, w, h = next(
            n["bbox"] for n in notes["annotations"] if n["image_id"] == entry["id"] and n["category_id"] == pear
        )
        said = verdict(scores, threshold)
        rows.append(
            {
                "photo": entry["file_name"],
                "fruit": entry["fruit"],
                "label": entry["label"],
                "said": said,
                "defective": float(scores[0]),
                "normal": float(scores[1]),
                "iou": float(overlaps(box, np.array([[x, y, x + w, y + h]]))[0]),
                "right": said == entry["label"],
            }
        )
    return rows


def print_table(rows):
    """A line a photo, then the counts."""
    print(f"{'photo':36} {'label':10} {'said':10} defective normal   IoU")
    for row in rows:
        mark = "" if row["right"] else "  <- wrong"
        numbers = f"{row['defective']:9.2f} {row['normal']:6.2f} {row['iou']:5.2f}"
        print(f"{row['photo']:36} {row['label']:10} {row['said']:10} {numbers}{mark}")
    for label in ("normal", "defective"):
        asked = [row for row in rows if row["label"] == label]
        print(f"{label}: {sum(row['right'] for row in asked)} of {len(asked)} right")
    print(f"boxes with IoU >= 0.5: {sum(row['iou'] >= 0.5 for row in rows)} of {len(rows)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--photos", help="folder that holds line/")
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("files", nargs="*", help="any other pictures: their verdicts are printed")
    arguments = parser.parse_args()
    if not arguments.photos and not arguments.files:
        parser.error("nothing to judge: name pictures, or a folder by --photos")
    session = open_model(arguments.model)
    if arguments.photos:
        print_table(score_line(session, arguments.photos, threshold=arguments.threshold))
    for name in arguments.files:
        scores, box = ask(session, read_rgb(name))
        where = box.round().astype(int).tolist()
        said = verdict(scores, arguments.threshold)
        print(f"{name}: {said} (defective {scores[0]:.2f}, normal {scores[1]:.2f}, box {where})")


if __name__ == "__main__":
    main()
