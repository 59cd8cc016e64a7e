"""Serving a study from the command line: where, to whom, over what; and the demonstration."""

import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from ratings import new, started

from spermscope.rating.opening import open_study
from spermscope.rating.verifying import verify
from spermscope.rating.web.serve import greeting, is_loopback, needed, serve
from spermscope.rating.web.serve import run as serve_app


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)],
)
def test_which_addresses_only_this_machine_reaches(host, alone):
    assert is_loopback(host) is alone


def test_the_first_coordinator_is_invited_and_none_after(tmp_path):
    with started(tmp_path / "study") as study:
        assert needed(study) == ("coordinator",)
        lines = greeting(study, "http://127.0.0.1:1", needed(study), True)
        code = re.search(r"http://127\.0\.0\.1:1/enter#code=(\S+)$", lines[1])[1]
        assert study.join(code, "correct horse battery").pseudonym == "C001"
        assert needed(study) == ()
        assert len(greeting(study, "http://127.0.0.1:1", (), True)) == 1


def test_an_open_network_without_tls_is_warned_of(tmp_path):
    with started(tmp_path / "study") as study:
        assert "--certificate" in greeting(study, "http://lab:1", (), False)[-1]


def test_half_a_certificate_is_refused(tmp_path):
    with started(tmp_path / "study") as study, pytest.raises(ValueError, match="found one of them"):
        serve(study, certificate=tmp_path / "c.pem")


def test_what_is_no_certificate_is_named(tmp_path):
    certificate, key = self_signed(tmp_path)
    certificate.write_text("no certificate", encoding="utf-8")
    with (
        started(tmp_path / "study") as study,
        pytest.raises(ValueError, match=r"expected a certificate and its own key .*, found something else"),
    ):
        serve(study, certificate=certificate, key=key)


def test_a_missing_extra_is_named_with_what_to_install(tmp_path):
    hidden = "import sys; sys.modules['sqlalchemy'] = None; from spermscope.cli import main; main()"
    words = ["rate", "invite", str(new(tmp_path / "study"))]
    done = subprocess.run([sys.executable, "-c", hidden, *words], capture_output=True, text=True, check=False)
    line = "spermscope: expected the rating extra, found no sqlalchemy: pip install 'spermscope[rating]'\n"
    assert (done.returncode, done.stderr) == (2, line)


def test_an_address_that_is_taken_is_refused_in_one_line(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, started(tmp_path / "study") as study, pytest.raises(OSError, match="expected a free address"):
        serve(study, port=taken.getsockname()[1])


@pytest.mark.parametrize(("host", "known_as"), [("127.0.0.1", ""), ("0.0.0.0", socket.gethostname())])
def test_pages_are_told_where_others_reach_the_server(host, known_as):
    made = FastAPI()

    def stop(address, sheltered):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve_app(lambda **how: made, stop, print, host=host, port=0, certificate=None, key=None)
    assert re.fullmatch(rf"http://{re.escape(known_as)}:\d+" if known_as else "", made.state.address)


def run(*words):
    command = [sys.executable, "-m", "spermscope", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)


def self_signed(folder):
    """A certificate for 127.0.0.1 and its key, as PEM files."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    one = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1)).add_extension(one, False)
    )
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files = folder / "c.pem", folder / "k.pem"
    files[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return files


@pytest.mark.slow
def test_it_speaks_tls_by_a_certificate_and_closes_the_study_when_it_is_told_to_end(tmp_path):
    study, (certificate, key) = new(tmp_path / "study"), self_signed(tmp_path)
    with run("rate", "serve", study, "--port", 0, "--certificate", certificate, "--key", key) as process:
        address = re.search(r"https://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        trusted = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(f"{address}/enter", context=trusted, timeout=20) as answer:
            assert "max-age" in answer.headers["Strict-Transport-Security"]
        with pytest.raises(OSError, match=r"closed|reset|aborted"):
            urllib.request.urlopen(address.replace("https", "http"), timeout=20)
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    assert not verify(study).flaws
    with open_study(study) as opened:
        assert opened.state == "draft"


@pytest.mark.slow
def test_the_demonstration_stands_half_done_and_is_not_laid_over_anything_else(tmp_path):
    from spermscope.rating.demonstration import RATERS, prepare_demonstration

    folder = prepare_demonstration(tmp_path / "demo")
    assert not verify(folder).flaws
    with open_study(folder) as study:
        rows = study.completion()
        assert len(rows) == RATERS
        assert study.protocol.raters == RATERS + 1
        assert 0.4 < sum(row.done for row in rows) / sum(row.total for row in rows) < 0.8
        assert all(len(grade.anchors) == 1 for grade in study.protocol.grades)
    with pytest.raises(ValueError, match="--replace"):
        prepare_demonstration(tmp_path / "demo")
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="--replace"):
        prepare_demonstration(tmp_path / "mine", replace=True)
