import pytest

from orchestrator.util.redact import redacted

SECRET = "pa55word"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"s3://AKIA7:{SECRET}@bucket/lab", "s3://bucket/lab"),
        (f"s3://bucket/lab?region=eu&secret_key={SECRET}", "s3://bucket/lab?region=***&secret_key=***"),
        (f"http://{SECRET}@host:5000/x", "http://host:5000/x"),
        (f"http://user:{SECRET}@host", "http://host"),
        (f"http://user:p@{SECRET}@host/a@b", "http://host/a@b"),
        (f"postgresql+psycopg2://user:{SECRET}@host/db", "postgresql+psycopg2://host/db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("s3://bucket/run@2/x", "s3://bucket/run@2/x"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(address: str, shown: str) -> None:
    assert redacted(address) == shown
    line = "python sweeps/flow_size.py --storage {} --tracking-uri='{}' --only 3x64"
    assert redacted(line.format(address, address)) == line.format(shown, shown)


def test_what_opens_an_address_is_hidden_by_itself_too() -> None:
    address = f"s3://AKIA7:{SECRET}%2F@bucket/lab?region=eu&token=t0ken"
    assert redacted(f"denied for {SECRET}/ with t0ken in eu", address) == "denied for *** with *** in eu"
    assert redacted(f"{SECRET} is no user", f"http://{SECRET}@host") == "*** is no user"


def test_what_is_no_address_stays_as_it_is() -> None:
    text = "a=b, c@d: 1/2 of x?y=z [http: none]"
    assert redacted(text, "not an address", "http://[broken") == text
