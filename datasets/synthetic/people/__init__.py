"""Generated people in generated rooms, and their files in three formats. May import render and io."""
