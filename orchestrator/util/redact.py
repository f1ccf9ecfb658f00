"""Addresses may hold passwords and keys, which must not be printed, logged or stored."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

_USER = re.compile(r"(?<=://)[^\s/?#]*@")
_QUERY = re.compile(r"(?<==)[^\s&#'\"]+")
_SECRET = re.compile(r"key|secret|token|pass|pwd|sig|cred|auth", re.IGNORECASE)
_ADDRESS = re.compile(r"\w[\w+.\-]*://[^\s'\"]*")


def redacted(text: str, *addresses: str) -> str:
    """`text` without the user, the password and the values of the query of any address in it.

    Args:
        text: a sentence, a command line, an address.
        addresses: whose passwords are left out wherever they stand, in an address or by themselves.
    """
    for secret in sorted({s for address in addresses for s in _secrets(address)}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _ADDRESS.sub(lambda match: _redact(match.group()), text)


def _redact(address: str) -> str:
    path, mark, query = address.partition("?")
    return _USER.sub("", path) + mark + _QUERY.sub("***", query)


def _secrets(address: str) -> set[str]:
    """The password, or the user where a token stands in its place, and query values that sound like one."""
    try:
        parts = urlsplit(address)
        password = parts.password or parts.username or ""
    except ValueError:
        return set()
    values = [value for name, value in parse_qsl(parts.query) if _SECRET.search(name)]
    return {secret for secret in (password, unquote(password), *values) if secret}
