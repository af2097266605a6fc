"""Turns a picture of the pool or the orchard into one 320-pixel training view.

Geometry and light vary, and so does the resampling kernel, so that it does not matter with which
one a server scales its photos down.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from boxes import overlaps
from network import FILL, SIZE
from pool import BACKGROUND, DEFECTIVE, EMPTY, IGNORE, MARK

CELLS = SIZE // 8
QUARTER_TURNS = 0.15  # share of views that lie on a side or stand on their head
ORCHARD_TRIES = 60  # for a cut of the orchard without a pear
KERNELS = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


@dataclass
class View:
    """image: uint8 [320, 320, 3] RGB. boxes: float32 [n, 4] as x1, y1, x2, y2.
    label: 0 defective, 1 normal, -1 unknown. skin, defect: float32 [40, 40], 0-1, -1 where not asked."""

    image: np.ndarray
    boxes: np.ndarray
    label: int
    skin: np.ndarray
    defect: np.ndarray


def pool_view(image, map_, label, rng):
    """image: uint8 [h, w, 3]; map_: uint8 [h / 2, w / 2] as in pool.py; label as in pool.py."""
    height, width = image.shape[:2]
    matrix, scale = _placement(width, height, map_, rng)
    if rng.random() < QUARTER_TURNS:
        matrix = _turned(matrix, int(rng.integers(1, 4)))
    view = _warped(image, matrix, scale, rng)
    halves = matrix.copy()
    halves[:, :2] *= 2  # the map has half the picture's size
    shown = cv2.warpAffine(map_, halves, (SIZE, SIZE), flags=cv2.INTER_NEAREST, borderValue=BACKGROUND)
    boxes = np.zeros((0, 4), np.float32)
    if label != EMPTY:
        ys, xs = np.nonzero(shown)
        boxes = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32)
    skin, defect = _cells(shown)
    if label == DEFECTIVE and (defect > 0.5).sum() < 1 and (map_ == MARK).any():
        label = -1  # the crop left the mark outside
    return View(_light(view, rng, grey=label != EMPTY), boxes, -1 if label == EMPTY else label, skin, defect)


def orchard_view(image, boxes, rng):
    """image: uint8 [480, 480, 3]; boxes: float32 [n, 4]. The label is unknown, the maps are not asked."""
    scale = float(np.exp(rng.uniform(np.log(0.55), np.log(1.8))))
    room = SIZE - image.shape[0] * scale
    shift = rng.uniform(min(room, 0), max(room, 0), 2)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    view = _warped(image, matrix, scale, rng)
    moved = boxes * scale + np.tile(shift, 2)
    whole = (moved[:, 2:] - moved[:, :2]).prod(1)
    moved = np.clip(moved, 0, SIZE).astype(np.float32)
    sides = moved[:, 2:] - moved[:, :2]
    moved = moved[(sides.min(1) > 3) & (sides.prod(1) > 0.3 * whole)] if len(moved) else moved
    if rng.random() < 0.5:
        view, moved = view[:, ::-1], moved[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [SIZE, 0, SIZE, 0]
    skin = np.full((CELLS, CELLS), -1, np.float32)
    if len(moved) == 0:
        skin[:] = 0
    return View(_light(view, rng, grey=True), moved.astype(np.float32), -1, skin, skin.copy())


def orchard_nothing(pictures, rng):
    """A cut of an orchard's picture that no box touches: leaves, branches, sky, and no pear."""
    for _ in range(ORCHARD_TRIES):
        picture = pictures[rng.integers(len(pictures))]
        height, width = picture.image.shape[:2]
        w = int(rng.uniform(100, width))
        h = min(int(w * rng.choice((0.75, 1.0, 1.33))), height)
        x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
        if not len(picture.boxes) or not (overlaps(np.float32([x, y, x + w, y + h]), picture.boxes) > 0).any():
            break
    else:
        return None
    scale = SIZE / max(w, h) * float(np.exp(rng.uniform(-0.3, 0.1)))
    shift = (SIZE - np.array([w, h]) * scale) / 2
    view = _warped(picture.image[y : y + h, x : x + w], np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), scale, rng)
    if rng.random() < 0.5:
        view = view[:, ::-1]
    sure = np.zeros((CELLS, CELLS), np.float32)
    return View(_light(view, rng, grey=True), np.zeros((0, 4), np.float32), -1, sure, sure.copy())


def _placement(width, height, map_, rng):
    """Where the picture goes: the plain letterbox, the letterbox varied, or a crop round the pear."""
    fit = SIZE / max(width, height)
    kind = rng.random()
    if kind < 0.3:
        scale, turn, middle = fit, 0.0, (width / 2, height / 2)
        target = np.array([SIZE / 2, SIZE / 2])
    elif kind < 0.7 or not map_.any():
        scale, turn, middle = fit * np.exp(rng.uniform(-0.45, 0.35)), rng.normal(0, 6), (width / 2, height / 2)
        target = SIZE / 2 + rng.uniform(-0.12, 0.12, 2) * SIZE
    else:
        ys, xs = np.nonzero(map_)
        middle = xs.min() + xs.max() + 1.0, ys.min() + ys.max() + 1.0  # of the box, in whole pixels
        side = 2 * max(np.ptp(xs), np.ptp(ys))
        scale, turn = min(SIZE * rng.uniform(0.6, 1.05) / side, 1.3), rng.normal(0, 12)
        target = SIZE / 2 + rng.uniform(-0.12, 0.12, 2) * SIZE
    matrix = cv2.getRotationMatrix2D(middle, turn, scale)
    matrix[:, 2] += target - middle
    if rng.random() < 0.5:
        matrix[0] = [-matrix[0, 0], -matrix[0, 1], SIZE - matrix[0, 2]]
    return matrix, scale


def _turned(matrix, quarters):
    """`matrix`, then so many quarter turns of the whole view about its middle."""
    cos, sin = ((0, 1), (-1, 0), (0, -1))[quarters - 1]
    turn, middle = np.array([[cos, -sin], [sin, cos]], float), np.full(2, SIZE / 2)
    return np.hstack([turn @ matrix[:, :2], (turn @ (matrix[:, 2] - middle) + middle)[:, None]])


def _warped(image, matrix, scale, rng):
    """The picture under `matrix`, scaled down by one of the kernels that decoders use."""
    matrix = matrix.copy()
    kernel = KERNELS[rng.integers(len(KERNELS))]
    if scale < 0.95:
        height, width = image.shape[:2]
        small = round(width * scale), round(height * scale)
        if kernel not in (cv2.INTER_AREA, cv2.INTER_LINEAR):  # OpenCV's wide kernels do not average
            image = cv2.GaussianBlur(image, (0, 0), 0.35 / scale)
        image = cv2.resize(image, small, interpolation=kernel)
        matrix[:, :2] /= scale
    fill = (FILL,) * 3 if rng.random() < 0.75 else tuple(rng.uniform(0, 255, 3))
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderValue=fill)


def _cells(shown):
    """Targets of the 8x8-pixel cells from the map at full size."""
    blocks = shown.reshape(CELLS, 8, CELLS, 8)
    share = lambda value: (blocks == value).mean((1, 3))
    skin = (blocks != BACKGROUND).mean((1, 3)).astype(np.float32)
    marked, doubtful = share(MARK), share(IGNORE)
    defect = np.where(marked > 0.06, 1, np.where((marked > 0) | (doubtful > 0.1), -1, 0)).astype(np.float32)
    return skin, defect


def _light(view, rng, grey):
    """Exposure, colour, blur, noise and JPEG of another camera. uint8 in, uint8 out."""
    curve = np.clip(np.arange(256) / 255 * np.exp(rng.normal(0, 0.22)), 0, 1) ** np.exp(rng.normal(0, 0.16))
    tables = curve[:, None] * np.exp(rng.normal(0, 0.06, 3))
    saturation, weights = rng.uniform(0.75, 1.25), np.full(3, 1 / 3)
    if grey and rng.random() < 0.2:
        saturation, weights = 0.0, np.array([0.299, 0.587, 0.114])
    colours = saturation * np.eye(3) + (1 - saturation) * np.tile(weights, (3, 1))
    image = cv2.LUT(np.ascontiguousarray(view), tables[None].astype(np.float32))
    image = cv2.transform(image, colours.astype(np.float32))
    if rng.random() < 0.3:
        slope = np.linspace(-1, 1, SIZE, dtype=np.float32) * np.float32(rng.uniform(-0.25, 0.25))
        image *= 1 + (slope[None, :, None] if rng.random() < 0.5 else slope[:, None, None])
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.9))
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = cv2.scaleAdd(noise, rng.uniform(0, 0.02), image)
    image = np.clip(image * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image
