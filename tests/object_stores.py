"""Object stores as tests use them: moto's S3 behind a door that can be meddled with, and fakes of Azure's and Google's."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from aver.core.clock import SystemClock
from aver.knowledge.sources.azure import AzureStore
from aver.knowledge.sources.azure import Options as AzureOptions
from aver.knowledge.sources.gcs import GcsStore
from aver.knowledge.sources.gcs import Options as GcsOptions
from aver.knowledge.sources.objects import ObjectSource
from aver.knowledge.sources.s3 import Options as S3Options
from aver.knowledge.sources.s3 import S3Store
from aver.knowledge.sources.types import Reach
from aver.testing.fakes.sources.azure import FakeBlobs
from aver.testing.fakes.sources.gcs import FakeBuckets

MOST = 2**16
KEYS = {"key_id": "env:KEY", "secret_key": "env:SECRET"}
SECRETS = {"env:KEY": "AKIAIOSFODNN7EXAMPLE", "env:SECRET": "hush"}
NUMBERS = count()

ODD_KEYS = (
    "plain.md",
    "with spaces/and + plus.md",
    "double//slash.md",
    "double/%2Fslash.md",
    "/leading.md",
    "a/../b.md",
    "../up.md",
    "./here.md",
    "Grüße/日本.md",
    "100%.md",
    "q?x#y&z=1.md",
    "quote'\"<>.md",
    "tilde~(1)!*.md",
    "long/" + "x" * 900 + ".md",
)


def reach(secrets=None, clock=None, most=MOST) -> Reach:
    known = SECRETS if secrets is None else secrets
    return Reach(lambda reference: known[reference], clock or SystemClock(), Path("/nowhere"), most)


def opened(store, options, held, page) -> ObjectSource:
    """A source called ``store`` that lists ``page`` objects at once, and does not wait."""
    made = store("store", options, held, page)
    made.http.wait = lambda _: None
    return ObjectSource("store", options, held, made)


class S3:
    """Moto's S3. ``meddle(environ)`` is asked first, and answers for moto with ``(status, headers, body)``; ``asked`` are the requests."""

    def __init__(self):
        self.meddle = lambda _: None
        self.asked = []
        self._moto = DomainDispatcherApplication(create_backend_app)

        def app(environ, start):
            self.asked.append((environ["REQUEST_METHOD"], environ["RAW_URI"]))
            meddled = self.meddle(environ)
            if meddled is None:
                return self._moto(environ, start)
            status, headers, body = meddled
            start(status, [("Content-Type", "application/xml"), *headers.items()])
            return [body]

        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.client = self.service("s3")
        return self

    def __exit__(self, *_):
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, environ):
        """What moto says: status, headers, body."""
        told = []
        body = b"".join(self._moto(environ, lambda status, headers, *_: told.append((status, dict(headers)))))
        return *told[0], body

    def service(self, name, key="AKIAIOSFODNN7EXAMPLE", secret="hush"):
        return boto3.client(
            name,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def bucket(self):
        """A new one's name."""
        name = f"handbooks-{next(NUMBERS)}"
        self.client.create_bucket(Bucket=name)
        return name

    def open(self, bucket, page=1000, secrets=None, clock=None, most=MOST, **options):
        options = S3Options(**{"bucket": bucket, "endpoint": self.url, **KEYS, **options})
        return opened(S3Store, options, reach(secrets, clock, most), page)


def refusal(status, code, headers=None, more=""):
    """As S3 refuses."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>hush</Message>{more}</Error>'
    return status, headers or {}, body.encode()


class S3Place:
    def __init__(self, s3):
        self.s3, self.bucket = s3, s3.bucket()

    def open(self):
        return self.s3.open(self.bucket, page=7)

    def put(self, name, words):
        self.s3.client.put_object(Bucket=self.bucket, Key=f"notes/{name}.md", Body=words.encode())

    def remove(self, name):
        self.s3.client.delete_object(Bucket=self.bucket, Key=f"notes/{name}.md")

    @contextmanager
    def away(self):
        self.s3.meddle = lambda _: refusal("503 Slow Down", "SlowDown")
        yield
        self.s3.meddle = lambda _: None


def azure(fake: FakeBlobs, page=1000, secrets=None, clock=None, most=MOST, **options):
    options = AzureOptions(**{"account": fake.account, "container": "handbooks", "endpoint": fake.url, **options})
    return opened(AzureStore, options, reach(secrets or {"env:KEY": fake.key}, clock, most), page)


class AzurePlace:
    def __init__(self, fake):
        self.fake = fake
        fake.containers["handbooks"] = {}

    def open(self):
        return azure(self.fake, 7, key="env:KEY")

    def put(self, name, words):
        self.fake.put("handbooks", f"notes/{name}.md", words.encode())

    def remove(self, name):
        self.fake.remove("handbooks", f"notes/{name}.md")

    def away(self):
        return self.fake.away()


def gcs(fake: FakeBuckets, page=1000, secrets=None, clock=None, most=MOST, **options):
    options = GcsOptions(**{"bucket": "handbooks", "endpoint": fake.url, **options})
    return opened(GcsStore, options, reach(secrets or {"env:TOKEN": "token"}, clock, most), page)


class GcsPlace:
    def __init__(self, fake):
        self.fake = fake
        fake.buckets["handbooks"] = {}
        fake.tokens.add("token")

    def open(self):
        return gcs(self.fake, 7, credentials="env:TOKEN")

    def put(self, name, words):
        self.fake.put("handbooks", f"notes/{name}.md", words.encode())

    def remove(self, name):
        self.fake.remove("handbooks", f"notes/{name}.md")

    def away(self):
        return self.fake.away()
