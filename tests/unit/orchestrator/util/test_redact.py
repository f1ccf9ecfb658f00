"""What is printed, logged or stored holds no secret of an address."""

import json
import shlex
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.util.redact import redacted, shown

SECRET = "pa55word"
PRINTABLE = "".join(map(chr, range(33, 127)))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"s3://AKIA7:{SECRET}@bucket/lab", "s3://bucket/lab"),
        (f"s3://bucket/lab?region=eu&secret_key={SECRET}", "s3://bucket/lab?***"),
        (f"http://{SECRET}@host:5000/x", "http://host:5000/x"),
        (f"http://user:{SECRET}@host", "http://host"),
        (f"http://user:p@{SECRET}@host/a", "http://host/a"),
        (f"http://user:pa/{SECRET}@host/a", "http://host/a"),
        (f"http://user:pa#{SECRET}@host/a", "http://host/a"),
        (f"http://user:pa'{SECRET}@host/a", "http://host/a"),
        (f'http://user:pa"{SECRET}@host/a', "http://host/a"),
        (f"http://user:pa?{SECRET}@host/a", "http://***"),
        (f"postgresql+psycopg2://user:{SECRET}@host/db", "postgresql+psycopg2://host/db"),
        (f"postgresql://host/db?password={SECRET}", "postgresql://host/db?***"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("sqlite:////a@b/c#1/d.db", "sqlite:////a@b/c#1/d.db"),
        ("s3://bucket/run@2/x", "s3://bucket/run@2/x"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(address: str, expected: str) -> None:
    assert shown(address) == expected
    assert redacted(address) == expected
    line = "python sweeps/flow_size.py --storage {} --tracking-uri={} --only 3x64"
    assert redacted(line.format(address, address)) == line.format(expected, expected)


def test_what_opens_an_address_is_hidden_by_itself_too() -> None:
    address = f"s3://AKIA7:{SECRET}%2F@bucket/lab?region=eu&token=t0ken"
    assert redacted(f"denied for {SECRET}/ with t0ken in eu", address) == "denied for *** with *** in eu"
    assert redacted(f"{SECRET} is no user", f"http://{SECRET}@host") == "*** is no user"
    token = "ghp_0123456789abcdef"
    assert redacted(f"{token} is unknown", f"http://{token}:x@host") == "*** is unknown"


def test_a_short_password_is_hidden_as_a_word() -> None:
    assert redacted("k3y opens; k3ys do not", "postgresql://host/db?sslkey=k3y") == "*** opens; k3ys do not"


def test_what_is_no_address_stays_as_it_is() -> None:
    text = "a=b, c@d: 1/2 of x?y=z [http: none]"
    assert redacted(text, "not an address", "http://[broken") == text


PASSWORDS = st.text(PRINTABLE, min_size=4, max_size=20).map(lambda text: f"x9{text}")
TEMPLATES = (
    "http://user:{}@host:5000/x",
    "https://{}@host",
    "postgresql://user:{}@host/db",
    "mysql+pymysql://u:{}@host/db?ssl=1",
    "s3://key:{}@bucket/lab",
    "postgresql://host/db?sslmode=require&password={}",
    "http://user:{}@host/a?token={}",
)


@given(PASSWORDS, st.sampled_from(TEMPLATES))
def test_no_part_of_a_password_survives_in_an_address(password: str, template: str) -> None:
    for written in (password, quote(password, safe="")):
        public = template.replace("{}", "")
        assert survivors(written, shown(template.replace("{}", written)), public) == set()


@given(PASSWORDS, st.sampled_from(TEMPLATES))
def test_no_password_survives_in_what_others_say(password: str, template: str) -> None:
    for written in (password, quote(password, safe="")):
        address = template.replace("{}", written)
        said = " | ".join(
            f"no route: {form}"
            for part in (address, password, written)
            for form in (part, shlex.quote(part), json.dumps(part), repr(part), quote(part, safe=""))
        )
        text = redacted(said, address)
        assert password not in text
        assert quote(password, safe="") not in text
        assert survivors(password, text, template + said.replace(password, "")) - {"***"} == set()


def survivors(secret: str, text: str, public: str) -> set[str]:
    """The parts of four signs of a secret that stand in a text, but for those that are public anyway."""
    parts = {secret[start : start + 4] for start in range(len(secret) - 3)}
    return {part for part in parts if part in text and part not in public}
