from __future__ import annotations

import pytest

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.targets.secrets import SecretFile, aws_environment, aws_profile, one_line

PROFILES = """
[default]
aws_access_key_id = AK
aws_secret_access_key = SK%1
[temporary]
aws_access_key_id = AK2
aws_secret_access_key = SK2
aws_session_token = T2
"""


def test_read_again_once_it_has_changed(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    reads = []
    secret = SecretFile(file, lambda text: reads.append(text) or one_line(text))
    assert [secret.current(), secret.current()] == ["first", "first"]
    assert len(reads) == 1
    file.write_text("second, longer\n")
    assert secret.current() == "second, longer"
    (tmp_path / "new").write_text("third of length\n")
    (tmp_path / "new").replace(file)
    assert secret.current() == "third of length"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"a\nb", b"\xff\xfe", "schlüssel".encode()])
def test_a_secret_that_is_none_is_held_for_somebody_to_mend(tmp_path, content):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TransientDeliveryError, match="token") as caught:
        SecretFile(file, one_line).current()
    assert (caught.value.reason, caught.value.hold) == (TransientReason.CREDENTIALS, True)


def test_a_file_that_went_wrong_is_looked_at_again(tmp_path):
    file = tmp_path / "token"
    secret = SecretFile(file, one_line)
    with pytest.raises(TransientDeliveryError):
        secret.current()
    file.write_text("t")
    assert secret.current() == "t"


def test_aws_profiles():
    assert aws_profile("default")(PROFILES).secret_key == "SK%1"
    assert aws_profile("temporary")(PROFILES).session_token == "T2"
    with pytest.raises(ValueError, match=r"no profile \[other\]"):
        aws_profile("other")(PROFILES)


@pytest.mark.parametrize("text", ["SECRET SECRET", "[default]\naws_access_key_id = AK\nSECRET"])
def test_a_credentials_file_in_another_form_is_not_repeated(text, tmp_path):
    (tmp_path / "c").write_text(text)
    with pytest.raises(TransientDeliveryError) as caught:
        SecretFile(tmp_path / "c", aws_profile("default")).current()
    assert "SECRET" not in str(caught.value)


def test_environment():
    found = aws_environment({"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"})
    assert (found.access_key, found.secret_key, found.session_token) == ("A", "S", "")
    with pytest.raises(TransientDeliveryError, match="AWS_SECRET_ACCESS_KEY is missing"):
        aws_environment({"AWS_ACCESS_KEY_ID": "A"})
