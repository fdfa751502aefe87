"""The object stores against the suite for sources: S3 over moto, Azure and Google over fakes."""

import pytest

from aver.testing.fakes.sources.azure import FakeBlobs
from aver.testing.fakes.sources.gcs import FakeBuckets
from aver.testing.sources import CHECKS
from tests.object_stores import S3, AzurePlace, GcsPlace, S3Place


@pytest.fixture(scope="module")
def s3():
    with S3() as server:
        yield server


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_s3_keeps_the_contract(check, s3):
    check(S3Place(s3))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_azure_keeps_the_contract(check):
    with FakeBlobs() as fake:
        check(AzurePlace(fake))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_gcs_keeps_the_contract(check):
    with FakeBuckets() as fake:
        check(GcsPlace(fake))
