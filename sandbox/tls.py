"""A certificate authority of the sandbox's own, so that TLS clients meet real TLS without anything from outside."""

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

HOSTS = ("localhost", "127.0.0.1", "::1")


class Authority:
    """A certificate authority that lives as long as the process."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="Counterfoil Sandbox")

    def write_bundle(self, folder: Path) -> Path:
        """Writes the authority's certificate, which a client must trust, and answers with its path."""
        path = folder / "sandbox-ca.pem"
        self._ca.cert_pem.write_to_path(path)
        return path

    def server_context(self) -> ssl.SSLContext:
        """A TLS context that speaks for this machine's loopback names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*HOSTS).configure_cert(context)
        return context


@dataclass(frozen=True)
class ClientCertificate:
    """A self-signed certificate of an application, as one uploads it to an app registration."""

    private_key_pem: str
    certificate_pem: str

    def write(self, folder: Path) -> Path:
        """Writes key and certificate into one PEM file, readable by its owner only."""
        path = folder / "client-certificate.pem"
        path.touch(mode=0o600)
        path.write_text(self.private_key_pem + self.certificate_pem)
        return path


def client_certificate(common_name: str, now: dt.datetime) -> ClientCertificate:
    """A fresh key with its self-signed certificate, valid for two years around `now`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=365))
        .not_valid_after(now + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return ClientCertificate(
        private_key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )
