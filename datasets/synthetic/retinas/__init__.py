"""Generated B-scans of retinas with graders' labels. May import render and io."""
