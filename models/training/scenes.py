"""Draws what is round the pear: a green belt, rails, a black cradle, the blurred room behind.

Also pictures that hold anything but a pear, so that the network learns to say "nothing here".
"""

from dataclasses import dataclass

import numpy as np

from noise import fractal_noise, smooth_noise
from pen import Pen


@dataclass
class Scene:
    """back, front: float32 [h, w, 3], RGB 0-255; front_alpha: float32 [h, w], what hides the pear.
    seat: (x, y, radius) of the pear in pixels. brightness: of a pear in this light."""

    back: np.ndarray
    front: np.ndarray
    front_alpha: np.ndarray
    seat: tuple
    brightness: float


def random_scene(width, height, rng):
    return (side_scene if rng.random() < 0.55 else belt_scene)(width, height, rng)


def side_scene(width, height, rng):
    """From the side: dark room above, a rail across, posts and bars of the cradle."""
    pen = Pen(width, height, rng, fill=(14, 20, 19))
    pen.clutter(int(rng.integers(5, 12)), top=0.0, bottom=0.5)
    belt_y = rng.uniform(0.28, 0.42)
    tilt = rng.uniform(-0.06, 0.06)
    pen.band(0, belt_y, 1, belt_y + tilt, 0.35, (22, 62, 44))
    pen.soften(0.028)
    rail_y = rng.uniform(0.48, 0.6)
    pen.rail(rail_y, rail_y - tilt - rng.uniform(0, 0.14), rng.uniform(0.14, 0.22))
    pen.soften(0.003)
    pen.band(0, rail_y + 0.36, 1, rail_y + 0.36 + tilt, 0.3, (16, 52, 38))
    x = rng.uniform(0.36, 0.64)
    radius = rng.uniform(0.34, 0.44)  # of the picture's height
    y = rng.uniform(0.42, 0.52)
    for side in (-1, 1):
        for far in (0.75, 1.0):
            middle = x + side * radius * 0.75 * far * rng.uniform(0.95, 1.15)
            pen.post(middle, y + radius * rng.uniform(0.35, 0.6), rng.uniform(0.045, 0.07), 1.02)
    pen.band(x - radius * 0.8, 0.9, x + radius * 0.8, 0.9, 0.25, (15, 15, 16))
    pen.dust(0.55)
    back = pen.finished(0.0015)
    pen.clear()
    bar_y = y + radius * rng.uniform(0.84, 0.94)
    pen.post(x - rng.uniform(0.02, 0.08), bar_y + 0.02, rng.uniform(0.05, 0.08), 1.02)
    pen.bar(x + rng.uniform(0.0, 0.04), bar_y + 0.07, x + rng.uniform(0.3, 0.4), bar_y - rng.uniform(0, 0.06), 0.11)
    pen.band(x + 0.1, 1.02, 1.05, 0.9, 0.05, (150, 152, 140))
    return Scene(
        back, pen.finished(0.002), pen.alpha(), (x * width, y * height, radius * height), rng.uniform(0.8, 1.1)
    )


def belt_scene(width, height, rng):
    """Along the belt: rails that run together, plates and bolts at both sides."""
    pen = Pen(width, height, rng, fill=(48, 78, 68))
    pen.clutter(int(rng.integers(2, 7)), top=0.0, bottom=0.35)
    vanish = rng.uniform(0.42, 0.52)
    pen.quad([(vanish - 0.1, 0), (vanish + 0.14, 0), (vanish + 0.36, 1), (vanish - 0.32, 1)], (18, 62, 48))
    for y in np.sort(rng.uniform(0, 0.5, 5)):
        pen.quad(
            [(vanish - 0.1, y), (vanish + 0.14, y), (vanish + 0.16, y + 0.04), (vanish - 0.12, y + 0.04)], (12, 48, 38)
        )
    pen.soften(0.016)
    for side in (-1, 1):
        near, far = vanish + side * rng.uniform(0.38, 0.46), vanish + side * rng.uniform(0.1, 0.15)
        for offset, tone in ((0.0, 165), (0.035, 110), (0.06, 185), (0.1, 95)):
            o = side * offset
            tone = tone * rng.uniform(0.8, 1.1)
            pen.quad(
                [
                    (far + o * 0.5, -0.02),
                    (far + o * 0.5 + side * 0.018, -0.02),
                    (near + o * 1.7 + side * 0.055, 1.02),
                    (near + o * 1.7, 1.02),
                ],
                (tone * 0.93, tone, tone * 0.99),
            )
        plate = rng.uniform(0.3, 0.6)
        edge = vanish + side * (0.2 + 0.22 * plate)
        pen.quad(
            [
                (edge, plate),
                (edge + side * 0.16, plate - 0.02),
                (edge + side * 0.24, plate + 0.12),
                (edge + side * 0.04, plate + 0.14),
            ],
            (140, 156, 150),
        )
        for dx, dy in ((0.05, 0.03), (0.09, 0.09)):
            pen.bolt(edge + side * dx, plate + dy, rng.uniform(0.022, 0.034))
    if rng.random() < 0.7:
        y = rng.uniform(0.2, 0.34)
        pen.quad([(0.05, y), (0.17, y - 0.02), (0.16, y + 0.1), (0.05, y + 0.13)], (128, 72, 36))
    pen.soften(0.0025)
    x = vanish + rng.uniform(-0.03, 0.06)
    radius = rng.uniform(0.38, 0.5)
    y = rng.uniform(0.58, 0.74)
    for side in (-1, 1):
        inner = x + side * radius * 0.55
        pen.quad(
            [(inner, 0.62), (inner + side * 0.06, 0.6), (inner + side * 0.16, 1.05), (inner - side * 0.05, 1.05)],
            (20, 21, 22),
        )
    pen.quad(
        [(x - radius * 0.5, 0.86), (x + radius * 0.5, 0.86), (x + radius * 0.6, 1.05), (x - radius * 0.6, 1.05)],
        (13, 14, 14),
    )
    back = pen.finished(0.0015)
    pen.clear()
    return Scene(back, pen.finished(0), pen.alpha(), (x * width, y * height, radius * height), rng.uniform(0.62, 0.95))


def empty_picture(width, height, rng):
    """Anything but a pear: an empty cradle, coloured things on it, gloves, plain noise. float32 RGB."""
    kind = rng.random()
    if kind < 0.12:
        return _plain(width, height, rng)
    scene = random_scene(width, height, rng)
    image = scene.back
    if kind > 0.4:
        pen = Pen(width, height, rng, image=image)
        for _ in range(int(rng.integers(1, 4))):
            pen.thing()
        image = pen.finished(rng.uniform(0.001, 0.01))
    return image + scene.front_alpha[..., None] * (scene.front - image)


def _plain(width, height, rng):
    """One colour, a slope, or coloured noise."""
    first, second = rng.uniform(0, 255, (2, 3)).astype(np.float32)
    kind = rng.integers(3)
    if kind == 0:
        return np.broadcast_to(first, (height, width, 3)).astype(np.float32).copy()
    if kind == 1:
        field = smooth_noise((height, width), 2, rng)
    else:
        field = fractal_noise((height, width), rng.uniform(2, 30), rng, 5)
    return np.clip(first + field[..., None] * (second - first), 0, 255)
