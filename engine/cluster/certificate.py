"""The certificate with which a server of the cluster proves who it is.

Owns its making on the node that it is for, whose key never leaves that node, and whether one that is there may be used on. It
vouches for itself alone: the certificates of all servers of a cluster, together, are what every node believes. As a program, on
a node: `python -m engine.cluster.certificate FOLDER NODE HOST ...` prints it, and makes it first where that is needed.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import EngineError, Unavailable, exit_code

__all__ = ["certificate", "main"]

#: Names under which a server is also spoken to, by those on its own machine.
NEAR = ("localhost", "127.0.0.1", "::1")
#: Days for which one is valid, and that must be left of one that is used on.
DAYS, LEFT_DAYS = 3_650, 365
#: Hours by which the clocks of other nodes may be behind.
BEHIND_H = 48


def certificate(folder: Path, name: str, hosts: Iterable[str], now: dt.datetime) -> str:
    """The certificate in a folder, for a server of that name at these hosts; made, where none fits.

    Raises Unavailable, OSError.
    """
    try:
        from cryptography import x509
    except ImportError as missing:
        raise Unavailable("unavailable: cryptography is not installed; pip install 'microagent-engine[cluster]'") from missing
    wanted = tuple(dict.fromkeys((*hosts, *NEAR)))
    file = folder / "cert.pem"
    if file.is_file() and (folder / "key.pem").is_file():
        found = x509.load_pem_x509_certificate(file.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        has = {str(each) for each in (*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.IPAddress))}
        if set(wanted) <= has and found.not_valid_after_utc - now > dt.timedelta(days=LEFT_DAYS):
            return file.read_text()
    key, text = _made(name, wanted, now)
    _put(folder / "key.pem", key)
    _put(file, text)
    return text.decode()


def _made(name: str, hosts: Sequence[str], now: dt.datetime) -> tuple[bytes, bytes]:
    """A key and the certificate of it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    ) | {"digital_signature": True, "key_cert_sign": True, "encipher_only": False, "decipher_only": False}
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=BEHIND_H))
        .not_valid_after(now + dt.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(public, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret, made.public_bytes(serialization.Encoding.PEM)


def _name(host: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _put(file: Path, content: bytes) -> None:
    """Have a file with this content, for this user alone."""
    part = file.with_name(f".{file.name}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    part.replace(file)


def main(words: list[str]) -> int:
    """Print the certificate of a node; returns the exit code."""
    if len(words) < 3:
        print("usage: python -m engine.cluster.certificate FOLDER NODE HOST ...", file=sys.stderr)
        return 2
    try:
        print(certificate(Path(words[0]), words[1], words[2:], dt.datetime.now(dt.UTC)), end="")
    except (EngineError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
