"""Reads the photos of the sorting line and of the orchard, and takes the line photos apart:
pear, skin without marks, marks without skin, background without pear."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 512, 384  # a quarter of the line's 2048x1536: what a JPEG decoder hands over at once


@dataclass
class LinePhoto:
    """One photo of the line at WIDTH x HEIGHT.

    image, clean (its marks painted out), empty (its pear painted out): float32 RGB, 0-255.
    skin: float32, 1 on the pear. defect: float32, 1 on a sure mark, 0 on sound skin, 0.2 where
    it is hard to say. box: (x1, y1, x2, y2). marks: patches as in marks.py. left_over: share of the
    skin that stands out and has no box, so that painting out the boxes leaves it.
    """

    name: str
    fruit: str
    kind: str
    normal: bool
    image: np.ndarray
    box: tuple
    mark_boxes: list
    left_over: float = 0.0
    skin: np.ndarray = None
    defect: np.ndarray = None
    clean: np.ndarray = None
    empty: np.ndarray = None
    marks: list = field(default_factory=list)


def read_line(folder):
    """All photos of `folder`/line in the order of its annotations.json, taken apart."""
    folder = Path(folder) / "line"
    notes = read_annotations(folder)
    category = {c["name"]: c["id"] for c in notes["categories"]}
    photos = []
    for entry in notes["images"]:
        boxes = {"pear": [], "defect": []}
        for note in notes["annotations"]:
            if note["image_id"] == entry["id"]:
                name = "pear" if note["category_id"] == category["pear"] else "defect"
                boxes[name].append(_corners(note["bbox"], WIDTH / entry["width"]))
        image = read_small(folder / entry["file_name"])
        photo = LinePhoto(
            entry["file_name"],
            entry["fruit"],
            entry["class"],
            entry["label"] == "normal",
            image.astype(np.float32),
            boxes["pear"][0],
            boxes["defect"],
        )
        take_apart(photo)
        photos.append(photo)
    return photos


def read_annotations(folder):
    """The COCO notes about the photos of one folder. Ends the program where there are none."""
    path = folder / "annotations.json"
    if not path.is_file():
        raise SystemExit(f"{path} is not there; README.md says what a folder of photos holds")
    return json.loads(path.read_text())


def read_small(path):
    """The photo at WIDTH x HEIGHT, where possible scaled by the JPEG decoder itself. uint8 RGB."""
    image = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4)
    if image is None:
        raise SystemExit(f"{path} cannot be read as a picture")
    if image.shape[:2] != (HEIGHT, WIDTH):
        image = cv2.imread(str(path))
        height, width = image.shape[:2]
        if abs(width / height - WIDTH / HEIGHT) > 0.02:
            raise SystemExit(f"{path} is {width} x {height}: cut the photos to 4:3, such as 2048 x 1536")
        image = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


@dataclass
class OrchardPicture:
    """image: uint8 [480, 480, 3] RGB. boxes: float32 [n, 4] as x1, y1, x2, y2. source: the photo that it is a cut of;
    cuts of one photo overlap. There are no quality labels."""

    name: str
    source: str
    image: np.ndarray
    boxes: np.ndarray


def read_orchard(folder):
    """All pictures of `folder`/orchard in the order of its annotations.json; none where there is no such folder."""
    folder = Path(folder) / "orchard"
    if not folder.is_dir():
        return []
    notes = read_annotations(folder)
    boxes = {entry["id"]: [] for entry in notes["images"]}
    for note in notes["annotations"]:
        boxes[note["image_id"]].append(_corners(note["bbox"], 1))
    pictures = []
    for entry in notes["images"]:
        name = entry["file_name"]
        image = cv2.cvtColor(cv2.imread(str(folder / name)), cv2.COLOR_BGR2RGB)
        truth = np.array(boxes[entry["id"]], np.float32).reshape(-1, 4)
        pictures.append(OrchardPicture(name, entry.get("source_photo", name), image, truth))
    return pictures


def take_apart(photo):
    """Fills skin, clean, empty, marks and defect of a photo."""
    photo.skin = _pear_mask(photo)
    marked = np.zeros_like(photo.skin)
    for x1, y1, x2, y2 in photo.mark_boxes:
        cv2.rectangle(marked, (int(x1) - 2, int(y1) - 2), (int(x2) + 2, int(y2) + 2), 1.0, -1)
    smooth = smooth_skin(photo.image, photo.skin, marked)
    ratio = (photo.image + 4) / (smooth + 4)
    contrast = np.abs(cv2.GaussianBlur(ratio, (0, 0), 0.8) - 1)
    contrast = np.maximum(contrast[..., :2].max(-1), contrast[..., 2] * 0.3)
    inner = cv2.erode(photo.skin, np.ones((9, 9), np.uint8))
    strong = np.clip((contrast - 0.06) / 0.12, 0, 1) * inner
    photo.defect = np.where(marked > 0, np.where(strong > 0.6, 1.0, 0.2), 0).astype(np.float32)
    if not photo.normal:  # marks without a box exist: whatever stands out there is not called sound
        photo.defect = np.maximum(photo.defect, np.where((strong > 0.4) & (marked == 0), 0.2, 0))
    photo.defect *= photo.skin
    photo.left_over = float(((strong > 0.4) & (marked == 0)).sum() / (photo.skin > 0.5).sum())
    cover = cv2.GaussianBlur(marked, (0, 0), 4) * photo.skin
    grain = _borrowed_grain(ratio, marked, inner)
    photo.clean = photo.image + cover[..., None] * (smooth * grain - photo.image)
    photo.marks = [_patch(photo, ratio, strong, box) for box in photo.mark_boxes]
    photo.empty = _without_pear(photo)


def smooth_skin(image, skin, holes):
    """The pear's light and shade without its details; `holes` are bridged from their rims.

    Normalised convolution (Knutsson and Westin, CVPR 1993): blur of the known pixels divided by
    the blur of their weights; the coarser blurs fill what the finer ones cannot reach.
    """
    weight = (skin > 0.95) * (1 - holes)
    weight = cv2.erode(weight.astype(np.float32), np.ones((3, 3), np.uint8))
    result, trust = None, None
    for sigma in (40, 20, 10, 5):
        around = cv2.GaussianBlur(weight, (0, 0), sigma)
        mean = cv2.GaussianBlur(image * weight[..., None], (0, 0), sigma) / (around[..., None] + 1e-4)
        trust = np.clip(around * 2.5, 0, 1)[..., None] ** 2
        result = mean if result is None else result + trust * (mean - result)
    return result


def _pear_mask(photo):
    """Yellow pixels in the pear's box, closed over marks and stem. float32, 0-1, soft rim."""
    hsv = cv2.cvtColor(photo.image.astype(np.uint8), cv2.COLOR_RGB2HSV)
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    yellow = ((hue >= 12) & (hue <= 34) & (saturation > 95) & (value > 45)).astype(np.uint8)
    x1, y1, x2, y2 = (int(round(v)) for v in photo.box)
    inside = np.zeros_like(yellow)
    inside[y1:y2, x1:x2] = 1
    yellow &= inside
    yellow_parts = cv2.morphologyEx(yellow, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    if not yellow_parts.any():
        raise SystemExit(f"{photo.name}: nothing in the pear's box is yellow, and photos.py knows skin by that colour")
    hull = cv2.convexHull(cv2.findNonZero(yellow_parts))
    hull = cv2.fillConvexPoly(np.zeros_like(yellow), hull, 1)
    marks = np.zeros_like(yellow)
    for bx1, by1, bx2, by2 in photo.mark_boxes:  # a mark may be black or white, yet is pear
        cv2.ellipse(
            marks,
            (int(bx1 + bx2) // 2, int(by1 + by2) // 2),
            (int(bx2 - bx1) // 2, int(by2 - by1) // 2),
            0,
            0,
            360,
            1,
            -1,
        )
    # Pale gleams and shaded hollows are weaker in colour; inside the hull they are skin all the same.
    weaker = ((hue >= 8) & (hue <= 40) & (saturation > 60) & (value > 55)).astype(np.uint8)
    yellow |= (marks | weaker) & hull & inside
    yellow = cv2.morphologyEx(yellow, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(yellow)
    largest = (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    largest = cv2.morphologyEx(
        cv2.copyMakeBorder(largest, 20, 20, 20, 20, cv2.BORDER_REPLICATE), cv2.MORPH_CLOSE, disc
    )[20:-20, 20:-20]
    outline, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(largest), outline, -1, 1, -1) & inside
    return np.clip(cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1.0), 0, 1)


def _borrowed_grain(ratio, marked, inner):
    """Fine texture for painted-out places, taken from the sound skin at the other side."""
    fine = np.where(((marked == 0) & (inner > 0.9))[..., None], np.clip(ratio, 0.85, 1.15), 1).astype(np.float32)
    flipped = np.where((marked > 0)[..., None], fine[:, ::-1], fine)
    return np.where((marked > 0)[..., None] & (flipped == 1), fine[::-1], flipped)


def _patch(photo, ratio, strong, box):
    """A mark cut out as a ratio, in a soft ellipse; see marks.py for the form."""
    x1, y1, x2, y2 = (int(v) for v in box)
    middle, half = ((x1 + x2) // 2, (y1 + y2) // 2), int(max(x2 - x1, y2 - y1) * 0.6) + 3
    pad = half + 2
    corner = middle[0] - half + pad, middle[1] - half + pad
    window = np.zeros(photo.skin.shape, np.float32)
    cv2.ellipse(window, middle, (max((x2 - x1) // 2, 3), max((y2 - y1) // 2, 3)), 0, 0, 360, 1.0, -1)
    window = cv2.GaussianBlur(window, (0, 0), 2) * cv2.erode(photo.skin, np.ones((5, 5), np.uint8))
    ratio = 1 + window[..., None] * (np.clip(ratio, 0.1, 6) - 1)

    def cut(plane, fill):
        border = cv2.copyMakeBorder(plane, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=fill)
        return border[corner[1] : corner[1] + 2 * half, corner[0] : corner[0] + 2 * half].copy()

    return cut(ratio, (1, 1, 1)), cut((strong * window).astype(np.float32), 0)


def _without_pear(photo):
    """The scene behind the pear, guessed from its rim; blurred, but no pear."""
    hole = (cv2.dilate(photo.skin, np.ones((13, 13), np.uint8)) > 0.05).astype(np.uint8)
    small = cv2.resize(photo.image.astype(np.uint8), (128, 96), interpolation=cv2.INTER_AREA)
    small_hole = cv2.dilate(cv2.resize(hole, (128, 96), interpolation=cv2.INTER_NEAREST), np.ones((3, 3), np.uint8))
    filled = cv2.inpaint(small, small_hole, 3, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 2)
    return photo.image + soft[..., None] * (filled - photo.image)


def _corners(box, scale):
    x, y, w, h = box
    return tuple(v * scale for v in (x, y, x + w, y + h))
