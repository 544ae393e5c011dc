"""Say why TLS with a server cannot be set up, from OpenSSL's reason. Pure."""

import ssl

EXPIRED = 10
NOT_YET_VALID = 9
"""X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID (openssl/x509_vfy.h, OpenSSL 3.0)."""

TOO_OLD = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "WRONG_SSL_VERSION"}
CLIENT_CERTIFICATE = {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_NO_CERTIFICATE", "SSLV3_ALERT_BAD_CERTIFICATE"}
NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"}
ENDED = {"UNEXPECTED_EOF_WHILE_READING"}
"""Reasons of OpenSSL (openssl/sslerr.h, OpenSSL 3.0)."""


def certificate_sentence(error: ssl.SSLCertVerificationError, place: str) -> str:
    """Return what is wrong with a certificate and what to do."""
    if error.verify_code == EXPIRED:
        return (
            f"The certificate of {place} has expired: check this computer's clock, or ask the server's operator "
            "to renew it."
        )
    if error.verify_code == NOT_YET_VALID:
        return f"The certificate of {place} is not valid yet: check this computer's clock."
    return (
        f"The certificate of {place} cannot be trusted ({error.verify_message}): correct the host, "
        "or trust the certificate of its authority."
    )


def handshake_sentence(error: ssl.SSLError, place: str) -> str:
    """Return why a server and we do not agree on TLS, and what to do."""
    reason = error.reason or ""
    if reason in TOO_OLD:
        return f"{place} offers only outdated versions of TLS: ask its operator to enable TLS 1.2 or later."
    if reason in CLIENT_CERTIFICATE:
        return (
            f"{place} wants a client certificate, which leadminer cannot send: connect to a server that takes "
            "passwords or tokens."
        )
    if reason == "SSLV3_ALERT_HANDSHAKE_FAILURE":
        return (
            f"{place} refuses TLS with this computer: it may want a client certificate, which leadminer cannot send, "
            "or offer only outdated ciphers. Ask its operator."
        )
    why = reason.lower().replace("_", " ") or "no reason given"
    return f"TLS with {place} cannot be set up ({why}): ask its operator."


def is_no_tls(error: ssl.SSLError) -> bool:
    """Return whether the server answers with something other than TLS."""
    return error.reason in NO_TLS


def is_end(error: ssl.SSLError) -> bool:
    """Return whether the connection ended."""
    return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or error.reason in ENDED
