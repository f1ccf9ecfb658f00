"""Generated people and retinas, written as files of the real formats. May import io, keypoints and config."""
