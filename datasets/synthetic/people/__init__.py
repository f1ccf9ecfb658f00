"""Generated people in generated rooms, with files in three formats. May import render, io and keypoints."""
