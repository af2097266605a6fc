"""Lays marks on a pear, real or rendered."""

import cv2
import numpy as np

from marks import random_mark

SURE = 0.3  # part of a mark's full strength from which on a pixel counts as defect
JUST_VISIBLE = 0.05  # contrast with the skin below which a faded mark is nothing
FAINT = 0.06  # below it, the pixel counts as sound skin; between the two nobody is asked


def stamp(image, defect, skin, patch, centre, radius, rng, pear_box, strength=1.0):
    """Multiplies one patch onto the pear and notes it in the defect map, both in place.

    image: float32 [h, w, 3], RGB 0-255. defect: float32 [h, w], the strongest mark so far, 0-1.
    skin: float32 [h, w], 1 on the pear. centre: (x, y) and radius, in pixels. pear_box: (x1, y1, x2, y2):
    the patch is foreshortened as on the ellipsoid that fills it. strength: below 1 the mark is faded, and no less one.
    """
    ratio, amount = patch
    size = amount.shape[0]
    x1, y1, x2, y2 = pear_box
    outward = np.array([(centre[0] - (x1 + x2) / 2) * 2 / (x2 - x1), (centre[1] - (y1 + y2) / 2) * 2 / (y2 - y1)])
    tilt = min(np.hypot(*outward), 0.95)
    direction = np.arctan2(outward[1], outward[0])
    turn = _rotation(direction) @ np.diag([np.sqrt(1 - tilt**2), 1]) @ _rotation(rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.5:
        turn = turn @ np.diag([-1, 1])
    matrix = np.zeros((2, 3))
    matrix[:, :2] = turn * (2 * radius / size)
    matrix[:, 2] = np.array(centre) - matrix[:, :2] @ [size / 2, size / 2]
    # Averaging first: a strongly reduced patch would lose its fine lines to aliasing.
    scale = min(1, 2 * radius / size)
    if scale < 1:
        sigma = 0.35 / scale
        ratio, amount = cv2.GaussianBlur(ratio, (0, 0), sigma), cv2.GaussianBlur(amount, (0, 0), sigma)
    size_out = image.shape[1], image.shape[0]
    ratio = cv2.warpAffine(ratio, matrix, size_out, borderMode=cv2.BORDER_CONSTANT, borderValue=(1, 1, 1))
    amount = cv2.warpAffine(amount, matrix, size_out)
    ratio = 1 + strength * skin[..., None] * (ratio - 1)
    image *= ratio
    # What a mark does to the picture decides, not what its maker meant: a faint one is not "sure".
    contrast = np.abs(cv2.GaussianBlur(ratio, (0, 0), 1.0) - 1)
    visible = np.maximum(contrast[..., :2].max(-1), contrast[..., 2] * 0.4)
    meant = np.where(visible > JUST_VISIBLE, visible / strength, visible)
    np.maximum(defect, np.clip(meant * 2, 0, 1) * skin * (amount > 0.02), out=defect)


def mark_pear(image, defect, skin, rng, pear_box, patches=(), kind=random_mark, strength=1.0):
    """One to six marks at random places of the pear: the `patches` in about their own size, or made-up
    ones (`kind` makes them from rng), all of one `strength`. Tries until the marks can be seen. In place, as `stamp`.
    """
    x1, y1, x2, y2 = pear_box
    size = min(x2 - x1, y2 - y1)
    wanted = list(patches) or [None] * int(rng.choice([1, 1, 2, 2, 3, 5]))
    if patches and rng.random() < 0.3:
        wanted.append(None)
    enough = size**2 * 0.0012  # about 60 pixels of a pear 220 wide
    for attempt in range(8):
        for patch in wanted:
            for _ in range(20):  # a place on the visible skin, not at its very rim
                angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * 0.85
                x = (x1 + x2) / 2 + far * np.cos(angle) * (x2 - x1) / 2
                y = (y1 + y2) / 2 + far * np.sin(angle) * (y2 - y1) / 2
                row, column = int(np.clip(y, 0, skin.shape[0] - 1)), int(np.clip(x, 0, skin.shape[1] - 1))
                if skin[row, column] > 0.9:
                    break
            radius = size * rng.uniform(0.07, 0.3)
            if patch is not None:
                patch_pixels = patch[1].shape[0]
                radius = patch_pixels / 2 * rng.uniform(0.7, 1.4)
            stamp(image, defect, skin, patch or kind(rng), (x, y), radius, rng, pear_box, strength)
        if (defect > SURE).sum() >= enough:
            return
        wanted = [None]


def _rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
