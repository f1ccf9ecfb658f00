"""COCO's keypoint benchmark and every set in its format. May import crops, metrics, io and synthetic."""
