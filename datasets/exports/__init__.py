"""What labelling tools write, made into sets in COCO's format. May import coco and io."""
