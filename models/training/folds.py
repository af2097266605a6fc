"""Who is tested without having been trained on: fruits of the line in turn, a part of the orchard for good."""

FOLDS = 4
ASIDE = 5  # every fifth source photo of the orchard


def folds(photos, count=FOLDS):
    """Deals the fruits out to `count` groups, each class of defect evenly. Returns [set of fruits]."""
    groups = [set() for _ in range(count)]
    fruits = sorted({(photo.kind, photo.fruit) for photo in photos})
    for turn, (_, fruit) in enumerate(fruits):
        groups[turn % count].add(fruit)
    return groups


def split_orchard(pictures):
    """(for training, set aside for tests), by source photo, since cuts of one overlap. No model, not even the shipped
    one, is trained on what is set aside: so its counts are honest as they are, and need no folds."""
    sources = sorted({picture.source for picture in pictures})
    aside = set(sources[ASIDE // 2 :: ASIDE])
    return [p for p in pictures if p.source not in aside], [p for p in pictures if p.source in aside]
