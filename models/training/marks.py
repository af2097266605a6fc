"""Made-up defects, as patches that multiply the skin below them.

A patch is a pair: `ratio`, float32 [size, size, 3] in RGB, the colour of the mark divided by
the colour of sound skin; and `amount`, float32 [size, size], 0 where the skin is untouched and
1 where everybody would see the mark. Multiplying keeps the light and shade of the pear.
"""

import cv2
import numpy as np

from noise import blob, cell_noise, fractal_noise, smooth_noise

SIZE = 160  # pixels of a patch's side before it is laid on a pear


def random_mark(rng):
    """One patch of a random kind; see the module's docstring for its form."""
    kinds = [net, stain, speckle, streaks, crust, scuff, scratches, bruise, crescent, dent, scab]
    weights = np.array([1.2, 1.2, 1.0, 0.7, 1.4, 2.0, 1.4, 1.1, 0.7, 1.3, 1.0])
    kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
    ratio, amount = kind(rng)
    if rng.random() < 0.35:  # hardly more than a shade, as many real marks are
        ratio = 1 + (ratio - 1) * rng.uniform(0.35, 0.7)
    return ratio, amount


def net(rng):
    """Dark cells parted by a net of sound skin: staining below the skin."""
    cells = cell_noise(SIZE, int(rng.integers(40, 260)), rng)
    inside = np.clip((cells - rng.uniform(0.08, 0.2)) / 0.12, 0, 1)
    return _paint(inside * blob(SIZE, rng, 0.7), _dark(rng), rng)


def stain(rng):
    """Brown to blue-black blotches."""
    level = rng.uniform(0.45, 0.62)
    spots = np.clip((fractal_noise((SIZE, SIZE), 5, rng, 5) - level) / 0.1, 0, 1)
    return _paint(spots * blob(SIZE, rng, 0.8), _dark(rng), rng)


def speckle(rng):
    """A cloud of fine dark points, denser in its middle."""
    envelope = cv2.GaussianBlur(blob(SIZE, rng, 0.8), (0, 0), 8)
    points = rng.random((SIZE, SIZE)).astype(np.float32) < envelope * rng.uniform(0.02, 0.08)
    points = cv2.GaussianBlur(points.astype(np.float32), (0, 0), rng.uniform(0.8, 1.8))
    return _paint(np.clip(points * rng.uniform(4, 9), 0, 1), _dark(rng), rng)


def streaks(rng):
    """Rows of dark dots and strokes that run one way."""
    layer = np.zeros((SIZE, SIZE), np.uint8)
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    for _ in range(int(rng.integers(3, 10))):
        start = SIZE / 2 + across * rng.uniform(-50, 50) + along * rng.uniform(-55, 0)
        for step in np.arange(0, rng.uniform(15, 60), rng.uniform(3, 7)):
            point = start + along * step + rng.normal(0, 1, 2)
            _dot(layer, point, rng.uniform(0.8, 3.2), int(rng.integers(110, 256)))
    smear = blob(SIZE, rng, 0.8) * smooth_noise((SIZE, SIZE), 9, rng) * 0.35
    return _paint(np.maximum(layer / np.float32(255), smear), _dark(rng), rng)


def crust(rng):
    """Whitish, powdery growth with black specks, lying on the skin."""
    level = rng.uniform(0.42, 0.58)
    area = blob(SIZE, rng, 0.9)
    powder = np.clip((fractal_noise((SIZE, SIZE), 7, rng, 5) - level) / 0.12, 0, 1) * area
    specks = np.clip((fractal_noise((SIZE, SIZE), 14, rng, 4) - rng.uniform(0.55, 0.66)) / 0.06, 0, 1) * area
    pale = np.array([0.95, 1.2, 4.0], np.float32) * rng.uniform(0.75, 1.1)
    ratio = 1 + (powder * rng.uniform(0.35, 0.95))[..., None] * (pale - 1)
    ratio *= 1 - (specks * rng.uniform(0.4, 0.85))[..., None] * np.array([1, 1, 0.7], np.float32)
    dirt = cv2.GaussianBlur(area, (0, 0), 6) * rng.uniform(0.0, 0.25)
    ratio *= 1 - dirt[..., None] * np.array([0.7, 0.8, 0.6], np.float32)
    return ratio, np.maximum(powder, specks)


def scuff(rng):
    """A rubbed, grey-brown patch with a grain that runs one way."""
    grain = fractal_noise((SIZE, SIZE), 10, rng, 4)
    grain = _turned(cv2.blur(grain, (int(rng.integers(1, 22)), 1)), rng)
    amount = blob(SIZE, rng, 0.9) * np.clip(grain * 2.2 - rng.uniform(0.2, 0.8), 0, 1)
    amount = cv2.GaussianBlur(amount, (0, 0), rng.uniform(0.5, 2.5))
    colour = np.array([0.5, 0.5, 0.75], np.float32) * rng.uniform(0.8, 1.35)
    return _paint(amount, np.minimum(colour, 0.9), rng, rng.uniform(0.5, 1.0))


def scratches(rng):
    """Fine dark lines, slightly bent, sometimes broken."""
    layer = np.zeros((SIZE, SIZE), np.uint8)
    heading = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(1, 9))):
        angle = heading + rng.normal(0, 0.6)
        length, bend = rng.uniform(15, 90), rng.normal(0, 0.5)
        steps = np.linspace(-0.5, 0.5, 14)
        centre = SIZE / 2 + rng.uniform(-35, 35, 2)
        x = centre[0] + length * (steps * np.cos(angle) - bend * steps**2 * np.sin(angle))
        y = centre[1] + length * (steps * np.sin(angle) + bend * steps**2 * np.cos(angle))
        line = (np.stack([x, y], 1) * 16).astype(np.int32)
        cv2.polylines(layer, [line], False, int(rng.integers(140, 256)), int(rng.integers(1, 4)), cv2.LINE_AA, 4)
    broken = np.clip(fractal_noise((SIZE, SIZE), 12, rng, 3) * 3 - rng.uniform(0.2, 1.1), 0, 1)
    return _paint(layer / np.float32(255) * broken, _dark(rng), rng)


def bruise(rng):
    """A round brownish patch, even inside, with a soft and slightly darker rim."""
    ys, xs = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j].astype(np.float32)
    distance = np.hypot(xs, ys * rng.uniform(1, 1.5)) + 0.12 * (smooth_noise((SIZE, SIZE), 5, rng) - 0.5)
    inside = np.clip((0.75 - distance) / rng.uniform(0.08, 0.25), 0, 1)
    rim = np.exp(-(((distance - 0.68) / 0.1) ** 2)) * rng.uniform(0, 0.5)
    texture = 0.75 + 0.5 * (fractal_noise((SIZE, SIZE), 12, rng, 3) - 0.5)
    colour = np.array([0.78, 0.72, 0.75], np.float32) * rng.uniform(0.75, 1.12)
    return _paint(np.clip(inside * texture + rim * inside, 0, 1), np.minimum(colour, 0.9), rng, 1.0)


def crescent(rng):
    """A sickle-shaped pressure mark."""
    layer = np.zeros((SIZE, SIZE), np.uint8)
    start, extent = rng.uniform(0, 360), rng.uniform(80, 200)
    radius = rng.uniform(30, 55)
    axes = (int(radius * 16), int(radius * rng.uniform(0.7, 1.0) * 16))
    cv2.ellipse(
        layer, (SIZE * 8, SIZE * 8), axes, 0, start, start + extent, 255, int(rng.integers(5, 14)), cv2.LINE_AA, 4
    )
    ragged = np.clip(fractal_noise((SIZE, SIZE), 10, rng, 4) * 2.4 - rng.uniform(0.2, 0.7), 0, 1)
    amount = cv2.GaussianBlur(layer, (0, 0), 2) / np.float32(255) * ragged
    return _paint(amount, _dark(rng), rng, rng.uniform(0.6, 1.0))


def dent(rng):
    """Pressed in, the skin unbroken: a fine crease, the skin on its inner side in the shade, a gleam beyond it."""
    ys, xs = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j].astype(np.float32)
    squeeze = rng.uniform(1, 1.8)
    distance = np.hypot(xs, ys * squeeze) + 0.05 * (smooth_noise((SIZE, SIZE), 4, rng) - 0.5)
    angle = np.abs(np.arctan2(ys * squeeze, xs))
    reach = np.clip((rng.uniform(0.5, 1.7) - angle) / 0.4, 0, 1)  # the crease fades out at both ends
    rim, width = rng.uniform(0.5, 0.72), rng.uniform(0.015, 0.05)
    crease = np.exp(-(((distance - rim) / width) ** 2)) * reach
    shade = np.clip(1 - (rim - distance) / rng.uniform(0.15, 0.5), 0, 1) * (distance < rim) * reach
    gleam = np.clip(1 - (distance - rim) / 0.15, 0, 1) * (distance > rim + width) * reach * rng.uniform(0, 0.12)
    amount = np.clip(crease * rng.uniform(0.5, 1) + shade * rng.uniform(0.15, 0.5), 0, 1)
    amount = cv2.GaussianBlur(amount, (0, 0), rng.uniform(0.8, 1.6))
    colour = np.array([0.68, 0.64, 0.6], np.float32) * rng.uniform(0.8, 1.2)
    turned = _turned(np.dstack([amount, cv2.GaussianBlur(gleam, (0, 0), 2)]), rng)
    ratio, amount = _paint(turned[..., 0], np.minimum(colour, 0.9), rng, 1.0)
    return ratio * (1 + turned[..., 1:]), amount


def scab(rng):
    """A few small brown scabs and pits."""
    layer = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(int(rng.integers(2, 9))):
        _dot(layer, SIZE / 2 + rng.uniform(-50, 50, 2), rng.uniform(3, 10), int(rng.integers(150, 256)))
    ragged = np.clip(fractal_noise((SIZE, SIZE), 22, rng, 3) * 3 - 0.9, 0, 1)
    return _paint(cv2.GaussianBlur(layer, (0, 0), 1) / np.float32(255) * ragged, _dark(rng), rng)


def _paint(amount, colour, rng, strength=None):
    """Patch of one colour ratio, laid on as thickly as `amount` says."""
    amount = amount.astype(np.float32)
    strength = rng.uniform(0.65, 1.0) if strength is None else strength
    return 1 + (amount * strength)[..., None] * (colour - 1), amount


def _dark(rng):
    """Colour ratio of a dark mark: black, blue-black, brown or rust."""
    tints = [(0.22, 0.25, 0.6), (0.25, 0.3, 0.9), (0.45, 0.35, 0.45), (0.72, 0.45, 0.3)]
    tint = np.array(tints[rng.choice(4, p=[0.35, 0.2, 0.35, 0.1])], np.float32)
    return np.minimum(tint * rng.uniform(0.8, 1.5), 0.95)


def _dot(layer, point, radius, value):
    cv2.circle(layer, (int(point[0] * 16), int(point[1] * 16)), int(radius * 16), value, -1, cv2.LINE_AA, 4)


def _turned(image, rng):
    """The image turned about its middle by any angle, its edges mirrored."""
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), rng.uniform(0, 360), 1)
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
