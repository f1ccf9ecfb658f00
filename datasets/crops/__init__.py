"""From pictures to crops: geometry, augmentation, packs of decoded pixels. May import io."""
