"""A packaged model on its way to AWS SageMaker, with MLflow's own client, against moto's SageMaker and S3."""

import io
import sys
import tarfile
from types import SimpleNamespace

import boto3
import numpy as np
import pandas as pd
import pytest
from moto import mock_aws

from stages.core.candidates.calibrated import calibrated
from stages.core.candidates.candidate import Candidate
from stages.core.candidates.predictor import load_predictor
from stages.core.heads import head_file
from stages.core.tracking.model_logging import Form, file_signature, saved
from stages.core.tracking.packaging import about, package
from tests.core.candidates.test_predictor import fitted
from tests.core.serving.asked import picture

REGION, NAME, BUCKET = "eu-central-1", "digits", "models-of-ours"
CLASSES = ["a", "b", "c"]
NORMALIZE = {"height": 4, "width": 4, "channels": "grey", "fit": "stretch", "resample": "nearest"}


@pytest.fixture
def packaged(tmp_path):
    """A classical head, packaged as `model_from_files` is."""
    own = tmp_path / "candidate"
    own.mkdir()
    (own / "head.skops").write_bytes(head_file.dumped(fitted("logistic_regression")))
    candidate = Candidate(own, {"classes": CLASSES, "inputs": {"images": {"normalize": NORMALIZE}}})
    (own / "calibration.json").write_text('{"temperature": 0.5, "threshold": 0.9, "wanted_precision": 0.99}')
    package(tmp_path / "package", candidate, about(candidate, own))
    example = pd.DataFrame({"image": [picture(7)]})
    made = SimpleNamespace(artifact_location="", source_run_id=None, model_id=None)
    return saved(
        tmp_path / "model",
        tmp_path / "package",
        Form("model_from_files", file_signature(CLASSES), example, own, {}),
        made,
    ), own


@pytest.fixture
def aws(monkeypatch):
    """An account of moto's: no request leaves this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        boto3.client("s3", REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield


def test_a_package_is_deployed_whole_and_taken_down(packaged, aws, tmp_path, monkeypatch):
    """The endpoint is in service with our image; what lies in S3 answers, calibrated, as the candidate does."""
    import mlflow
    from mlflow.deployments import get_deploy_client

    model, own = packaged
    client = get_deploy_client(f"sagemaker:/{REGION}")
    image = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/mlflow-pyfunc:3"
    role = "arn:aws:iam::123456789012:role/sagemaker"
    settings = {
        "image_url": image,
        "execution_role_arn": role,
        "bucket": BUCKET,
        "instance_type": "ml.m5.large",
        "timeout_seconds": 60,
    }
    client.create_deployment(NAME, model.as_uri(), flavor="python_function", config=settings)

    sagemaker, s3 = boto3.client("sagemaker", REGION), boto3.client("s3", REGION)
    assert sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "InService"
    (deployed,) = sagemaker.list_models()["Models"]
    container = sagemaker.describe_model(ModelName=deployed["ModelName"])["PrimaryContainer"]
    assert container["Image"] == image
    key = container["ModelDataUrl"].partition(f"{BUCKET}")[2].partition("/")[2]
    with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())) as archive:
        archive.extractall(tmp_path / "fetched", filter="data")

    monkeypatch.setattr(sys, "path", list(sys.path))
    said = mlflow.pyfunc.load_model(str(tmp_path / "fetched")).predict(
        pd.DataFrame({"image": [picture(7), picture(120)]})
    )
    pixels = np.stack([np.full((4, 4, 1), light, np.uint8) for light in (7, 120)])
    np.testing.assert_allclose(said.filter(like="p."), calibrated(load_predictor(own).predict(pixels), 0.5), atol=1e-6)

    client.delete_deployment(NAME, config={"archive": False, "timeout_seconds": 60})
    assert sagemaker.list_endpoints()["Endpoints"] == []
