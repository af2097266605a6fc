"""Draws round yellow pears: shape, light, skin, lenticels and stem; and whole pictures of them.

The pear is a sphere with a hollow at the stem, another at the calyx and soft lumps. Rays that
run straight into the picture are traced against it (sphere tracing: J. C. Hart, The Visual
Computer 12, 1996).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from marks import random_mark
from noise import fractal_noise, smooth_noise
from scenes import random_scene
from stamp import mark_pear


@dataclass
class Picture:
    """image: float32 [h, w, 3], RGB 0-255. skin: float32 [h, w], 1 on the pear.
    defect: float32 [h, w], 0-1. box: (x1, y1, x2, y2) in pixels, None without a pear."""

    image: np.ndarray
    skin: np.ndarray
    defect: np.ndarray
    box: tuple


def render_picture(width, height, rng, defective=False, patches=(), scene=None, kind=random_mark):
    """A scene with one pear on its cradle. The pear's box stops at the picture's edges."""
    scene = scene or random_scene(width, height, rng)
    x, y, radius = scene.seat
    image, skin = scene.back.copy(), np.zeros((height, width), np.float32)
    box = paste_pear(image, skin, (x, y), radius, rng, scene.brightness)
    defect = np.zeros_like(skin)
    cover = scene.front_alpha
    if defective:
        mark_pear(image, defect, skin * (1 - cover), rng, box, patches, kind)
    image += cover[..., None] * (scene.front - image)
    skin *= 1 - cover
    defect *= 1 - cover
    return Picture(image, skin, defect, visible_box(skin))


def visible_box(skin):
    """(x1, y1, x2, y2) round the pixels that belong to the pear."""
    ys, xs = np.nonzero(skin > 0.5)
    return float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)


def paste_pear(image, skin, centre, radius, rng, brightness=1.0):
    """Draws a sound pear into image and skin (in place); returns its box, which may reach outside."""
    pear, alpha = render_pear(radius, rng)
    pear *= brightness
    size = alpha.shape[0]
    left, top = round(centre[0] - size / 2), round(centre[1] - size / 2)
    y1, y2 = max(top, 0), min(top + size, image.shape[0])
    x1, x2 = max(left, 0), min(left + size, image.shape[1])
    part = alpha[y1 - top : y2 - top, x1 - left : x2 - left]
    image[y1:y2, x1:x2] += part[..., None] * (pear[y1 - top : y2 - top, x1 - left : x2 - left] - image[y1:y2, x1:x2])
    skin[y1:y2, x1:x2] = part
    box = visible_box(alpha)
    return box[0] + left, box[1] + top, box[2] + left, box[3] + top


def render_pear(radius, rng):
    """One sound pear. radius: pixels, at the mean.

    Returns RGB float32 [s, s, 3], 0-255, and alpha float32 [s, s], 0-1.
    """
    surface = _Surface(rng)
    size = int(np.ceil(radius * 2.5))
    # The shape is smooth: tracing a coarser grid and enlarging the result saves most of the time.
    coarse = max(64, min(size, 150 if size < 600 else 420))
    normal, hollow, alpha = surface.trace(coarse)
    grow = lambda field: cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    # Blurred and steepened again: the enlarged outline would show the coarse grid's steps.
    step = size / coarse
    alpha = np.clip((cv2.GaussianBlur(grow(alpha), (0, 0), 1.5 * step) - 0.5) * 2.5 * step + 0.5, 0, 1)
    normal, hollow = grow(normal), grow(hollow)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)

    colour = _skin_colour(size, hollow, rng)
    lenticels = _lenticels(surface, size, rng)
    colour *= 1 + lenticels[..., None] * np.array([0.9, 1.0, 1.6], np.float32)
    light, gloss = _light(normal, hollow, size, rng)
    pear = colour * light[..., None] + gloss[..., None] * np.array([255, 240, 190], np.float32)
    leathery = fractal_noise((size, size), rng.uniform(35, 60), rng, 3) - 0.5
    pear *= 1 + rng.uniform(0.02, 0.09) * leathery[..., None] + rng.normal(0, 0.01, (size, size, 1)).astype(np.float32)
    if surface.axis[2] > 0.15 and rng.random() < 0.6:
        _stem(pear, surface, size, rng)
    return np.clip(pear, 0, 255), alpha


class _Surface:
    """The distance of the skin from the middle as a function of the direction; the mean is 1."""

    def __init__(self, rng):
        axis = rng.normal(size=3)
        axis[2] = abs(axis[2]) * rng.choice([1, -1], p=[0.65, 0.35])
        self.axis = (axis / np.linalg.norm(axis)).astype(np.float32)
        self.flat = rng.uniform(-0.1, 0.03)
        self.stem = rng.uniform(0.12, 0.3), rng.uniform(0.22, 0.4)  # depth, width (radians)
        self.calyx = rng.uniform(0.02, 0.25), rng.uniform(0.2, 0.45)
        self.waves = rng.normal(size=(6, 3)).astype(np.float32) * rng.uniform(1.2, 3.0, (6, 1)).astype(np.float32)
        self.shifts = rng.uniform(0, 6.3, 6).astype(np.float32)
        self.heights = (rng.uniform(0.2, 1, 6) * rng.uniform(0.006, 0.022)).astype(np.float32)

    def radius(self, direction):
        """direction: float32 [n, 3], unit length. Returns the radius and the depth of the hollows, [n]."""
        up = direction @ self.axis
        # 2 - 2 cos(angle) is the square of the angle near the pole, at no cost.
        stem = self.stem[0] * np.exp(-(2 - 2 * up) / self.stem[1] ** 2)
        calyx = self.calyx[0] * np.exp(-(2 + 2 * up) / self.calyx[1] ** 2)
        lumps = np.sin(direction @ self.waves.T + self.shifts) @ self.heights
        return 1 + self.flat * up**2 + lumps - stem - calyx, stem + calyx

    def trace(self, size):
        """Looks along -z at [-1.25, 1.25]². Returns normal [size, size, 3], hollow and alpha [size, size], float32."""
        ticks = np.linspace(-1.25, 1.25, size, dtype=np.float32)
        xs, ys = np.meshgrid(ticks, -ticks)
        points = np.stack([xs.ravel(), ys.ravel(), np.full(size * size, 1.3, np.float32)], 1)
        active = np.arange(len(points))
        hit = np.zeros(len(points), bool)
        nearest = np.full(len(points), np.inf, np.float32)
        for _ in range(36):
            place = points[active]
            length = np.linalg.norm(place, axis=1)
            gap = length - self.radius(place / np.maximum(length, 1e-6)[:, None])[0]
            nearest[active] = np.minimum(nearest[active], gap)
            hit[active[gap < 0.004]] = True
            points[active, 2] -= gap * 0.8
            active = active[(gap >= 0.004) & (place[:, 2] > -0.6)]
        # A ray that passes within half a cell counts in part: a smooth outline.
        alpha = np.where(hit, 1, np.clip(0.5 - nearest / (2.5 / size), 0, 1)).astype(np.float32)
        # A grazing ray can run out of steps in a hollow; the skin behind it has no holes.
        alpha = cv2.morphologyEx(alpha.reshape(size, size), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0)
        normal = self._normal(points)
        length = np.linalg.norm(points, axis=1, keepdims=True)
        hollow = self.radius(points / np.maximum(length, 1e-6))[1]
        shape = (size, size)
        return normal.reshape(*shape, 3), hollow.reshape(shape).astype(np.float32), alpha

    def _normal(self, points):
        """Gradient of |p| - radius(p / |p|) by central differences."""
        gradient = np.empty_like(points)
        for i in range(3):
            step = np.zeros(3, np.float32)
            step[i] = 0.01
            sides = []
            for moved in (points + step, points - step):
                length = np.linalg.norm(moved, axis=1)
                sides.append(length - self.radius(moved / np.maximum(length, 1e-6)[:, None])[0])
            gradient[:, i] = sides[0] - sides[1]
        return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-9)


def _skin_colour(size, hollow, rng):
    """Yellow with soft clouds of green, orange and brown. float32 [size, size, 3], RGB."""
    ripe = rng.random()
    base = np.array([205 + 14 * ripe, 170 - 14 * ripe, 38 + rng.uniform(-10, 25)], np.float32)
    base *= rng.uniform(0.9, 1.1)
    clouds = fractal_noise((size, size), rng.uniform(2, 6), rng, 5) - 0.5
    green = smooth_noise((size, size), 3, rng) - 0.5
    colour = base * (1 + rng.uniform(0.02, 0.16) * clouds[..., None] * np.array([0.8, 1, 0.9], np.float32))
    colour *= 1 + rng.uniform(0, 0.12) * green[..., None] * np.array([-1, 0.25, -0.5], np.float32)
    tint = np.clip(hollow * 3, 0, 1)[..., None] * rng.uniform(0, 1)
    return colour * (1 - tint * (1 - np.array([0.92, 1.0, 0.8], np.float32)))


def _lenticels(surface, size, rng):
    """Pale or brown dots, evenly strewn over the skin. float32 [size, size], about -0.25 to 0.25."""
    count = int(rng.uniform(150, 2600))
    direction = rng.normal(size=(count, 3)).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    place = direction * surface.radius(direction)[0][:, None]
    normal = surface._normal(place)
    pixels = size / 2.5
    dots = np.zeros((size, size), np.uint8)
    typical = rng.uniform(0.005, 0.013)
    soft = rng.uniform(0.15, 1.0)
    for (x, y, z), facing in zip(place[normal[:, 2] > 0.1], normal[normal[:, 2] > 0.1]):
        radius = max(typical * rng.uniform(0.5, 1.5) * pixels, 0.3)
        centre = int((size / 2 + x * pixels) * 16), int((size / 2 - y * pixels) * 16)
        angle = np.degrees(np.arctan2(-facing[1], facing[0]))
        axes = int(radius * facing[2] * 16), int(radius * 16)
        cv2.ellipse(dots, centre, axes, angle, 0, 360, int(rng.uniform(90, 255)), -1, cv2.LINE_AA, 4)
    layer = cv2.GaussianBlur(dots, (0, 0), max(0.4, soft * typical * pixels)) / np.float32(255)
    return layer * (rng.uniform(0.04, 0.24) if rng.random() < 0.75 else -rng.uniform(0.05, 0.22))


def _light(normal, hollow, size, rng):
    """Two broad lamps, the shade of hollows, perhaps a soft shadow. light and gloss, float32 [size, size]."""
    lamp = np.array([rng.uniform(-0.6, 0.6), rng.uniform(0.1, 0.9), rng.uniform(0.5, 1)], np.float32)
    lamp /= np.linalg.norm(lamp)
    second = np.array([-lamp[0], rng.uniform(-0.4, 0.5), 0.6], np.float32)
    second /= np.linalg.norm(second)
    ambient = rng.uniform(0.3, 0.5)
    # Wrapped diffuse light: large lamps reach round the pear.
    wrap = rng.uniform(0.35, 0.8)
    diffuse = np.clip((normal @ lamp + wrap) / (1 + wrap), 0, 1)
    light = ambient + rng.uniform(0.45, 0.7) * diffuse**1.3 + rng.uniform(0, 0.2) * np.clip(normal @ second, 0, 1)
    light *= 1 - np.clip(hollow * rng.uniform(1.2, 2.4), 0, 0.55)
    light *= 0.78 + 0.22 * np.clip(normal[..., 2] * 2.2, 0, 1)
    if rng.random() < 0.55:  # the soft shadow of a lamp's rim or of a rail
        ys, xs = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        edge = xs * np.cos(angle) + ys * np.sin(angle) + 0.5 * (smooth_noise((size, size), 3, rng) - 0.5)
        inside = np.clip((edge - rng.uniform(0.1, 0.7)) / rng.uniform(0.1, 0.5), 0, 1)
        light *= 1 - inside * rng.uniform(0.08, 0.35)
    half = lamp + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    gloss = np.clip(normal @ half, 0, 1) ** rng.uniform(6, 40) * rng.uniform(0, 0.16)
    return light.astype(np.float32), gloss.astype(np.float32)


def _stem(pear, surface, size, rng):
    """A short brown stick out of the stem's hollow."""
    pixels = size / 2.5
    foot = surface.axis * surface.radius(surface.axis[None])[0]
    lean = surface.axis + rng.normal(0, 0.25, 3)
    tip = foot + lean / np.linalg.norm(lean) * rng.uniform(0.08, 0.22)
    to_pixel = lambda p: np.array([size / 2 + p[0] * pixels, size / 2 - p[1] * pixels])
    a, b = to_pixel(foot), to_pixel(tip)
    thick = pixels * rng.uniform(0.03, 0.055)
    brown = np.array([88, 66, 38]) * rng.uniform(0.5, 1.1)
    shadow = np.zeros((size, size), np.uint8)
    cv2.circle(shadow, tuple((a * 16).astype(int)), int(thick * 32), 255, -1, cv2.LINE_AA, 4)
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(thick, 0.5)) / np.float32(255)
    pear *= 1 - 0.55 * shadow[..., None]
    across = np.array([a[1] - b[1], b[0] - a[0]])
    across = across / max(np.linalg.norm(across), 1e-6) * thick
    for left, right, tone in ((-1, 1, 0.8), (-0.35, 0.45, 1.3)):  # the body, and the light along it
        outline = [a + across * left * 0.8, b + across * left, b + across * right, a + across * right * 0.8]
        _fill(pear, cv2.fillPoly, [(np.array(outline) * 16).astype(np.int32)], brown * tone)
    cap = (
        tuple((b * 16).astype(int)),
        (int(thick * 16), int(thick * 8)),
        np.degrees(np.arctan2(across[1], across[0])),
        0,
        360,
    )
    _fill(pear, cv2.ellipse, cap, brown * 0.6)


def _fill(image, draw, shape, colour):
    """Draws a shape of one colour into a float image; cv2 smooths edges on bytes alone."""
    layer = np.zeros(image.shape[:2], np.uint8)
    if draw is cv2.fillPoly:
        cv2.fillPoly(layer, shape, 255, cv2.LINE_AA, 4)
    else:
        cv2.ellipse(layer, *shape, 255, -1, cv2.LINE_AA, 4)
    layer = cv2.GaussianBlur(layer, (0, 0), 0.7) / np.float32(255)
    image += layer[..., None] * (colour - image)
