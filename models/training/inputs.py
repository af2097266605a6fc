"""Looks at a folder of photos before hours go into it: what would mislead the training ends the program, by its name."""

from pathlib import Path

from folds import FOLDS
from photos import read_annotations

LABELS = ("normal", "defective")


def check_photos(folder, for_folds):
    """Raises SystemExit that names the file, the photo, and the cure."""
    if not Path(folder).is_dir():
        raise SystemExit(f"--photos {folder} is no folder")
    fruits = _check_line(Path(folder) / "line")
    if for_folds and len(fruits) < FOLDS:
        raise SystemExit(f"{len(fruits)} fruits are too few for {FOLDS} folds: add photos of others")
    if (Path(folder) / "orchard").is_dir():
        _check_files(Path(folder) / "orchard", ("images",))


def _check_line(folder):
    """The fruits' names."""
    notes, where = _check_files(folder), folder / "annotations.json"
    names = {category["id"]: category["name"] for category in notes["categories"]}
    for name in set(names.values()) - {"pear", "defect"}:
        raise SystemExit(f"{where}: the category {name} is neither pear nor defect; take it and its boxes out")
    if len(set(names.values())) != len(names):
        raise SystemExit(f"{where}: two categories have one name")
    shown = {entry["id"]: [] for entry in notes["images"]}
    for note in notes["annotations"]:
        if note.get("image_id") not in shown or note.get("category_id") not in names or len(note.get("bbox", [])) != 4:
            raise SystemExit(f"{where}: a box is of no image or category that is listed, or has no bbox of four numbers: {note}")
        shown[note["image_id"]].append(names[note["category_id"]])
    for entry in notes["images"]:
        photo = f"{where}: {entry['file_name']}"
        if entry.get("label") not in LABELS:
            raise SystemExit(f"{photo} has the label {entry.get('label')!r}: write normal or defective")
        if not entry.get("width"):
            raise SystemExit(f"{photo} has no width: the boxes are in its pixels")
        for key in ("fruit", "class"):
            if not isinstance(entry.get(key), str):
                raise SystemExit(f"{photo} has no {key}: give it a name, in quotes (README.md)")
        if shown[entry["id"]].count("pear") != 1:
            raise SystemExit(f"{photo} has {shown[entry['id']].count('pear')} boxes of the category pear: draw one")
    return {entry["fruit"] for entry in notes["images"]}


def _check_files(folder, parts=("images", "annotations", "categories")):
    notes = read_annotations(folder)
    for part in parts:
        if not notes.get(part):
            raise SystemExit(f"{folder / 'annotations.json'} has no {part}: it has to be in COCO's form (README.md)")
    for entry in notes["images"]:
        if not (folder / entry["file_name"]).is_file():
            raise SystemExit(f"{folder / entry['file_name']} is not there, but annotations.json names it")
    return notes
