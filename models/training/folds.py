"""Who is tested without having been trained on: fruits of the line in turn, a part of the orchard for good."""

FOLDS = 4
ASIDE = 5  # every fifth source photo of the orchard is for tests,
CONFIDENCE = 8  # and of the others every eighth for turning scores into probabilities


def folds(photos, count=FOLDS):
    """Deals the fruits out to `count` groups, each class of defect evenly. Returns [set of fruits]. Photos of one fruit stay
    together, whatever they show."""
    kinds = {}
    for photo in photos:
        kinds[photo.fruit] = min(photo.kind, kinds.get(photo.fruit, photo.kind))
    groups = [set() for _ in range(count)]
    for turn, (_, fruit) in enumerate(sorted((kind, fruit) for fruit, kind in kinds.items())):
        groups[turn % count].add(fruit)
    return groups


def split_orchard(pictures):
    """(for training, for the confidence, set aside for tests), by source photo, since cuts of one overlap. No model, not
    even the shipped one, is trained on the last two."""
    sources = sorted({picture.source for picture in pictures})
    aside = set(sources[ASIDE // 2 :: ASIDE])
    rest = [source for source in sources if source not in aside]
    for_confidence = set(rest[CONFIDENCE // 2 :: CONFIDENCE])
    part = lambda chosen: [picture for picture in pictures if picture.source in chosen]
    return part(set(rest) - for_confidence), part(for_confidence), part(aside)
