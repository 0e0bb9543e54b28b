"""A device that makes and uses passkeys, as WebAuthn Level 2 has it, without a browser."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

_PRESENT_AND_VERIFIED = 0b0000_0101
_HAS_CREDENTIAL = 0b0100_0000


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Device:
    """One key pair behind a finger sensor, at one address."""

    origin: str = "http://localhost:8000"
    rp_id: str = "localhost"
    verified: bool = True
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    handle: str = ""

    def make(self, options: dict[str, Any]) -> str:
        """The answer to navigator.credentials.create."""
        asked = options["publicKey"]
        self.handle = asked["user"]["id"]
        public = AttestedCredentialData.create(
            Aaguid.NONE, self.credential_id, ES256.from_cryptography_key(self.key.public_key())
        )
        data = self._data(_HAS_CREDENTIAL, public)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(data)})
        client = self._client("webauthn.create", asked["challenge"])
        response = {"clientDataJSON": _text(client), "attestationObject": _text(attestation)}
        return self._answer(response, {"credProps": {"rk": True}})

    def use(self, options: dict[str, Any]) -> str:
        """The answer to navigator.credentials.get."""
        client = self._client("webauthn.get", options["publicKey"]["challenge"])
        data = bytes(self._data(0, None))
        signed = data + hashlib.sha256(client).digest()
        response = {
            "clientDataJSON": _text(client),
            "authenticatorData": _text(data),
            "signature": _text(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self.handle,
        }
        return self._answer(response, {})

    def _data(self, flags: int, public: AttestedCredentialData | None) -> AuthenticatorData:
        flags |= _PRESENT_AND_VERIFIED if self.verified else 0b1
        rp_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return AuthenticatorData.create(rp_hash, flags, 0, public or b"")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        ).encode()

    def _answer(self, response: dict[str, str], extensions: dict[str, Any]) -> str:
        name = _text(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "authenticatorAttachment": "platform",
                "clientExtensionResults": extensions,
                "response": response,
            }
        )
