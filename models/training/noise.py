"""Random textures, the raw material of skin, marks and backgrounds.

Every function takes a numpy Generator, so a seed fixes the picture.
"""

import cv2
import numpy as np


def smooth_noise(shape, cells, rng):
    """Value noise: a random grid of about `cells` cells a side, enlarged with a bicubic kernel.

    Returns float32 [height, width], about 0 to 1.
    """
    height, width = shape
    rows = max(2, round(cells * height / max(shape)) + 1)
    columns = max(2, round(cells * width / max(shape)) + 1)
    grid = rng.random((rows, columns)).astype(np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def fractal_noise(shape, cells, rng, octaves=4):
    """Fractional Brownian motion: octaves of smooth noise, each twice as fine and half as strong.

    Returns float32 [height, width], stretched to exactly 0 to 1.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        total += smooth_noise(shape, cells * 2**octave, rng) * 0.5**octave
    low, high = total.min(), total.max()
    return (total - low) / max(high - low, 1e-6)


def cell_noise(size, points, rng):
    """Worley's cellular noise ("A cellular texture basis function", SIGGRAPH 1996).

    Returns F2 - F1, float32 [size, size], in units of the mean point distance: 0 on the
    borders between cells, large in their middles.
    """
    spots = rng.random((points, 2)).astype(np.float32) * size
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    first = np.full((size, size), np.inf, np.float32)
    second = first.copy()
    for x, y in spots:
        distance = np.hypot(xs - x, ys - y)
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    return (second - first) * np.sqrt(points) / size


def blob(size, rng, roughness=0.5):
    """A patch with a ragged outline: 1 inside, 0 at the border of the square, soft rim.

    Returns float32 [size, size].
    """
    ys, xs = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    stretch = rng.uniform(1.0, 1.9)
    angle = rng.uniform(0, np.pi)
    u = xs * np.cos(angle) + ys * np.sin(angle)
    v = (ys * np.cos(angle) - xs * np.sin(angle)) * stretch
    field = 0.75 - np.hypot(u, v) + roughness * (fractal_noise((size, size), 4, rng) - 0.5)
    # The square's border must stay untouched, however far the noise reaches.
    field = np.minimum(field, 0.98 - np.hypot(xs, ys))
    return np.clip(field / 0.12, 0, 1)
