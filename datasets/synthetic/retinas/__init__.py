"""Generated B-scans of retinas with graders' labels. May import io, and the marker of generated sets."""
