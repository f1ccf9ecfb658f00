"""What a comment says behind a field of a configuration stands on the page as its description."""

import io
import tokenize
from typing import Any

from griffe import Attribute, Docstring, Extension


class FieldComments(Extension):
    """Gives fields without a docstring the comment at the end of their line: shapes, units and ranges."""

    def on_attribute(self, *, attr: Attribute, **kwargs: Any) -> None:
        """Called by griffe for each attribute that it has read."""
        if attr.docstring is None and (text := _comment(attr.source)):
            attr.docstring = Docstring(text, lineno=attr.lineno, parent=attr)


def _comment(source: str) -> str:
    """That of the last line which has one, as a sentence; empty without one."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError):
        return ""
    comments = [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]
    comments = [text for text in comments if not text.startswith(("noqa", "type:"))]
    return f"{comments[-1][:1].upper()}{comments[-1][1:]}" if comments else ""
