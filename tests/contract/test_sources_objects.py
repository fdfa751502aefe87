"""The object stores against the suite for sources: S3 over moto, Azure and Google over fakes."""

from datetime import UTC, datetime, timedelta

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


def test_s3_dates_its_objects(s3):
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="leave.md", Body=b"# Leave")
    told = s3.client.head_object(Bucket=bucket, Key="leave.md")["LastModified"]
    (page,) = s3.open(bucket).pages("")
    assert abs(page.items[0].changed - told) < timedelta(seconds=1)  # a listing tells parts of a second


def test_azure_dates_its_blobs():
    with FakeBlobs() as fake:
        place = AzurePlace(fake)
        place.put("one", "First.")
        place.put("two", "Second.")
        changed = {item.path: item.changed for page in place.open().pages("") for item in page.items}
    assert sorted(changed.values()) == [datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in (1, 2)]


def test_gcs_dates_its_objects_by_their_generation():
    with FakeBuckets() as fake:
        place = GcsPlace(fake)
        place.put("one", "First.")
        (item,) = [item for page in place.open().pages("") for item in page.items]
    assert item.changed == datetime.fromtimestamp(int(item.revision) / 1e6, UTC)
