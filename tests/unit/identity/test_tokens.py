"""An ID token is believed when all of it holds, and otherwise not at all."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from aver.identity.tokens import Forged, TokenRefused, UnknownKey, claims_of, public_keys
from aver.testing.issuer import SigningKey, encoded

NOW = 1_900_000_000
CLAIMS = {
    "iss": "https://login.example.com",
    "aud": "aver",
    "sub": "248289",
    "nonce": "n-0S6",
    "iat": NOW - 5,
    "exp": NOW + 300,
}
KEY = SigningKey()
OTHER = SigningKey()
RSA = SigningKey("RS256")


def believed(token, *keys, **more):
    asked = {"issuer": CLAIMS["iss"], "audience": "aver", "nonce": "n-0S6", "now": NOW, **more}
    return claims_of(token, public_keys({"keys": [key.public() for key in keys or (KEY,)]}), **asked)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_what_its_issuer_signed_is_believed(algorithm):
    key = SigningKey(algorithm)
    assert believed(key.token(CLAIMS), OTHER, key) == CLAIMS


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
def test_what_another_library_signs_is_believed(algorithm):
    if algorithm.startswith("ES"):
        curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
        private = ec.generate_private_key(curves[algorithm]())
    else:
        private = SigningKey("EdDSA").private if algorithm == "EdDSA" else RSA.private
    token = jwt.encode(CLAIMS, private, algorithm, headers={"kid": "theirs"})
    public = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key()))
    keys = public_keys({"keys": [{**public, "kid": "theirs"}]})
    asked = {"issuer": CLAIMS["iss"], "audience": "aver", "nonce": "n-0S6", "now": NOW}
    assert claims_of(token, keys, **asked) == CLAIMS
    with pytest.raises(Forged):
        claims_of(token[:-8] + "AAAAAAAA", keys, **asked)


def test_none_proves_nothing():
    for name in ("none", "None", "NONE", "", None):
        unsigned = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": name}, CLAIMS))
        for token in (f"{unsigned}.", f"{unsigned}.{KEY.token(CLAIMS).rsplit('.', 1)[1]}", unsigned):
            with pytest.raises(TokenRefused):
                believed(token)


def test_a_public_key_is_no_shared_secret():
    """The confusion of RS256 with HS256: whoever has the public key would sign with it."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.private.public_key())
    signed = ".".join(
        encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": RSA.id, "typ": "JWT"}, CLAIMS)
    )
    for secret in (public.encode(), b"", json.dumps(RSA.public()).encode()):
        forged = f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
        with pytest.raises(TokenRefused, match="proves nothing"):
            believed(forged, RSA)


def test_a_key_serves_its_own_algorithm_alone():
    for key, algorithm in ((KEY, "RS256"), (RSA, "PS256"), (RSA, "ES256"), (KEY, "EdDSA"), (KEY, "ES384")):
        with pytest.raises(UnknownKey):
            believed(key.token(CLAIMS, alg=algorithm), key)


def test_another_key_under_the_same_name_is_a_forgery():
    with pytest.raises(Forged):
        believed(OTHER.token(CLAIMS, kid=KEY.id))
    with pytest.raises(UnknownKey):
        believed(OTHER.token(CLAIMS))


def test_a_key_that_the_token_brings_along_is_not_asked():
    for header in ({"jwk": OTHER.public()}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/c"}):
        with pytest.raises(TokenRefused):
            believed(OTHER.token(CLAIMS, kid=KEY.id, **header))
        assert believed(KEY.token(CLAIMS, **header)) == CLAIMS


def test_short_keys_and_keys_for_encryption_are_none():
    short = SigningKey("RS256")
    short.private = rsa.generate_private_key(65537, 1024)
    (kept,) = public_keys({"keys": [short.public(), {**KEY.public(), "use": "enc"}, {"kty": "EC"}, {"kty": "oct"}, 7]})
    assert kept.id == short.id
    with pytest.raises(UnknownKey):
        believed(short.token(CLAIMS), short)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.example.com/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": []},
        {"aud": None},
        {"aud": "aver", "azp": "another"},
        {"aud": ["aver", "another"]},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "1900000300"},
        {"exp": True},
        {"iat": NOW + 61},
        {"iat": NOW - 700},
        {"iat": None},
        {"nbf": NOW + 61},
        {"nonce": "n-0S7"},
        {"nonce": None},
        {"nonce": ["n-0S6"]},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\0b"},
        {"sub": "a" * 256},
        {"sub": None},
    ],
)
def test_a_token_of_somebody_else_or_of_another_time_is_refused(changed):
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    with pytest.raises(TokenRefused):
        believed(KEY.token(claims))


@pytest.mark.parametrize("changed", [{"aud": ["aver"]}, {"aud": ["x", "aver"], "azp": "aver"}, {"exp": NOW - 59}])
def test_what_the_protocol_allows_is_believed(changed):
    assert believed(KEY.token({**CLAIMS, **changed}))


def test_what_is_critical_and_not_known_is_refused():
    for header in ({"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}):
        with pytest.raises(TokenRefused):
            believed(KEY.token(CLAIMS, **header))


def test_a_moment_that_is_no_number_has_not_passed_and_is_refused():
    head, body, _ = KEY.token(CLAIMS).split(".")
    text = urlsafe_b64decode(body + "==").decode()
    for twisted in (text.replace(str(NOW + 300), "NaN"), text.replace('"aud"', '"aud": "another", "aud"', 1)):
        signed = f"{head}.{encoded(twisted.encode())}"
        with pytest.raises(TokenRefused, match="cannot be read"):
            believed(f"{signed}.{encoded(KEY._sign(signed.encode()))}")


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_token_is_refused(position, flip):
    token = bytearray(KEY.token(CLAIMS).encode())
    token[position % len(token)] ^= flip
    with pytest.raises(TokenRefused):
        believed(token.decode("latin-1"))


@given(st.text(max_size=60))
def test_noise_is_refused(noise):
    with pytest.raises(TokenRefused):
        believed(noise)
    with pytest.raises(TokenRefused):
        believed("a" * 40_000)
