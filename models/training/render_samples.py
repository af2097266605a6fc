"""Draws the sample pictures of the repository; the same seeds give the same pictures.

python models/training/render_samples.py --out models/samples
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import marks
from render import render_picture
from scenes import belt_scene, empty_picture, side_scene

WIDTH, HEIGHT = 1024, 768
# name -> seed, scene, kind of mark (None: sound)
PEARS = {
    "normal-01": (115, side_scene, None),
    "normal-02": (104, belt_scene, None),
    "normal-03": (111, side_scene, None),
    "normal-04": (130, belt_scene, None),
    "normal-05": (123, side_scene, None),
    "defective-01": (202, side_scene, marks.net),
    "defective-02": (225, belt_scene, marks.crust),
    "defective-03": (242, side_scene, marks.scuff),
    "defective-04": (263, belt_scene, marks.stain),
    "defective-05": (284, side_scene, marks.scratches),
}
EMPTY = {"empty-01": (21, side_scene), "empty-02": (22, belt_scene), "empty-03": (47, None)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, help="folder for the JPEG files")
    out = Path(parser.parse_args().out)
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    for name, (seed, scene, kind) in PEARS.items():
        rng = np.random.default_rng(seed)
        place = scene(WIDTH, HEIGHT, rng)
        _save(out / f"{name}.jpg", render_picture(WIDTH, HEIGHT, rng, kind is not None, scene=place, kind=kind).image)
    for name, (seed, scene) in EMPTY.items():
        rng = np.random.default_rng(seed)
        if scene is None:  # things lie there, but no pear
            _save(out / f"{name}.jpg", empty_picture(WIDTH, HEIGHT, rng))
            continue
        place = scene(WIDTH, HEIGHT, rng)
        _save(out / f"{name}.jpg", place.back + place.front_alpha[..., None] * (place.front - place.back))


def _save(path, image):
    image = np.clip(image, 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
