"""Addresses may hold passwords and keys, which must not be printed, logged or stored."""

import html
import json
import re
import shlex
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
LEAST = 4
"""Signs from which on a part of a secret is hidden wherever it stands; a shorter one only as a whole word."""
TOKEN = 16
"""Signs from which on a user's name beside a password is taken for a secret too."""

_ADDRESS = re.compile(
    r"\w[\w+.\-]*://"
    # A quote ends an address, unless it stands in the password: an @ follows in the same word.
    r"(?:[^\s'\"]|['\"](?=[^\s@]*@))*"
)
_SECRET = re.compile(r"key|secret|token|pass|pwd|sig|cred|auth", re.IGNORECASE)
_BETWEEN = re.compile(r"[@/?#:&=%;,+\s'\"\\]+")
_PATHS = ("s3", "s3a", "gs", "gcs", "hdfs", "abfs", "abfss", "file")
"""Schemes of stores whose addresses may have an @ in a path, after a bucket without user and password."""


def redacted(text: str, *addresses: str) -> str:
    """`text` without the user, the password and the query of any address in it.

    Args:
        text: a sentence, a command line, an address.
        addresses: whose secrets are left out wherever they or parts of 4 signs of them stand, in an address
            or by themselves, plain or quoted for a shell, JSON, HTML or an address.
    """
    for address in addresses:
        for written in sorted(_spellings(address), key=len, reverse=True):
            text = text.replace(written, shown(address)) if "://" in address else text
    for secret in _longest_first({part for address in addresses for part in _parts(address)}):
        text = _hide(secret, text)
    return _ADDRESS.sub(lambda match: shown(match.group()), text)


def shown(address: str) -> str:
    """One address, whatever signs it has, without its user, password and query.

    A password with signs that end a host elsewhere is recognised by the @ behind it; where that could stand
    in a path or a query too, more is left out rather than less.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    _, place = _split(scheme, rest)
    where, query, _ = place.partition("?")
    if "@" in where and not _is_path(scheme, rest):
        where = HIDDEN
    return f"{scheme}://{where}{query and f'?{HIDDEN}'}"


def _split(scheme: str, rest: str) -> tuple[str, str]:
    """User and password, and the place behind them, of what follows `://`."""
    if _is_path(scheme, rest):
        return "", rest
    before, at, place = rest.rpartition("@")
    if "?" not in before:
        return (before, place) if at else ("", rest)
    if before.find("@") < 0:  # a password with a question mark, or a query with an @: both are hidden
        return before, HIDDEN
    return before, f"{HIDDEN}?"


def _is_path(scheme: str, rest: str) -> bool:
    """Whether an @ belongs to a path: there is no host, or it is a bucket without a password."""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not host:
        return True
    path = rest.partition("?")[0]
    return scheme in _PATHS and not re.search("[:@]", host) and ("@" in path or "@" not in rest)


def _secrets(address: str) -> set[str]:
    """The password, a user that stands in its place or is long, and query values that sound like one."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        return set()
    user_and_password, place = _split(scheme, rest)
    user, colon, password = user_and_password.partition(":")
    found = {password, user_and_password if colon else ""}
    if not colon or len(password) < LEAST or len(unquote(user)) >= TOKEN:
        found.add(user)
    query = rest.partition("?")[2]
    found |= {value for name, value in parse_qsl(query) if _SECRET.search(name)}
    # An & may stand in a password that nobody has encoded: to the end of the query then.
    starts = (match for match in re.finditer(r"(?:^|&)([^=&]*)=", query) if _SECRET.search(match[1]))
    found |= {
        end for match in starts for end in (query[match.end() :], query[match.end() :].partition("&")[0])
    }
    if HIDDEN in place or (_SECRET.search(query) and re.search("[#@/]", query)):
        found.add(query)  # nobody knows where its values end
    return {secret for secret in found if secret}


def _parts(address: str) -> set[str]:
    """The secrets, decoded too, and what a driver may take for a host, a port or a path in them."""
    whole = {form for secret in _secrets(address) for form in (secret, unquote(secret), unquote_plus(secret))}
    return whole | {part for secret in whole for part in _BETWEEN.split(secret) if len(part) >= LEAST}


def _spellings(text: str) -> set[str]:
    """A text as it stands in messages, files and command lines."""
    in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    quoted = {quote(text, safe=""), quote(text), quote_plus(text), quote(text, safe="").lower()}
    inner = {shlex.quote(text).strip("'"), repr(text)[1:-1], html.escape(text), repr(text.encode())[2:-1]}
    return {text, *in_json, *quoted, *inner}


def _hide(secret: str, text: str) -> str:
    if len(secret) < LEAST:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    for written in _longest_first(_spellings(secret)):
        text = text.replace(written, HIDDEN)
    return text


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (-len(text), text))
