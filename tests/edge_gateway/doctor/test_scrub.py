"""No secret leaves in a bundle, whether it is known by its value or only looks like one."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.doctor.scrub import SECRET, Scrubber, known_secrets

BLIND = Scrubber({})


@pytest.mark.parametrize(
    "text",
    [
        'password = "hunter22"',
        "password = 'hunter22'",
        'password = """hun\nter22hunter22"""',
        '# password = "hunter22" was the old one',
        '{"Password": "hunter22", "user": "eve"}',
        "db_passwd: hunter22",
        "PASSPHRASE=hunter22",
        "secret_access_key = hunter22",
        "api-key: x, apiKey: hunter22",
        "account_key='hunter22'",
        "token=hunter22&x=1",
        "https://eve:hunter22@example.com/p",
        "opc.tcp://hunter22@plc:4840",
        "https://store/x?sv=1&sig=hunter22&y=2",
        "https://s3/x?X-Amz-Signature=hunter22",
        "Authorization: Bearer hunter22hunter22",
        "sent Basic aHVudGVyMjI=hunter22 to it",
        "-----BEGIN EC PRIVATE KEY-----\nhunter22\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter22",
    ],
)
def test_what_looks_like_a_secret(text: str) -> None:
    cleaned = BLIND.clean(text)
    assert "ter22" not in cleaned
    assert SECRET in cleaned


def test_an_aws_key_id() -> None:
    assert BLIND.clean("with AKIAIOSFODNN7EXAMPLE it") == f"with {SECRET} it"


@pytest.mark.parametrize(
    "text",
    [
        'password_file = "/run/secrets/plc"',
        'password_env = "PLC_PASSWORD"',
        'credentials_file = "/etc/aws"',
        'endpoint = "opc.tcp://plc:4840/path"',
        'author = "eve"  # and her key = 3 of them',
        'trusted_keys = ["ed25519:abc"]',
        "passing = true, outbox 5 records, 12 tokens",
        'password = "${PLC_PASSWORD}"',
        "mail eve@example.com",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert BLIND.clean(text) == text


def test_a_toml_file_stays_one() -> None:
    text = '[a]\npassword = "hunter22"\nurl = "https://eve:hunter22@x/y"\n[b]\ntoken = \'abc"def\'\n'
    assert tomllib.loads(BLIND.clean(text))["a"]["password"] == SECRET


def test_known_by_configuration_and_environment() -> None:
    document = {
        "gateway": {"site": "${SITE}"},
        "opcua": [{"password_env": "PLC_WORD", "endpoint": "opc.tcp://eve:in-the-url@plc:4840"}],
        "odd": {"shared_secret": "written here", "token_file": "/run/token"},
    }
    environ = {
        "SITE": "riverside",
        "PLC_WORD": "hunter22",
        "AWS_SECRET_ACCESS_KEY": "aws-secret",
        "INFLUX_TOKEN": "of-influx",
        "SOME_KEY": "true",
        "PATH": "/usr/bin",
    }
    known = known_secrets(document, environ)
    cleaned = Scrubber(known).clean(
        "riverside hunter22 aws-secret of-influx in-the-url written here true /usr/bin /run/token"
    )
    assert cleaned == f"${{SITE}} {' '.join([SECRET] * 5)} true /usr/bin /run/token"


@given(st.text(st.characters(codec="utf-8"), min_size=4, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_known_value_never_stays(secret: str, before: str, after: str) -> None:
    """Also as JSON writes it, and beside anything."""
    if secret.lower() in {"true", "false", "none", "null"} or set(secret) & set("[]secret${}NAME"):
        return
    scrubber = Scrubber(known_secrets({"x": "${NAME}"}, {"NAME": secret}))
    assert (
        secret not in scrubber.clean(before + secret + after).replace(before, "").replace(after, "")
        or secret in before + after
    )
    assert secret not in json.loads(scrubber.clean(json.dumps({"a": f"< {secret} >"})))["a"]
