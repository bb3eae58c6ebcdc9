"""MLflow's own scoring server around a model that is open already."""

import os
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
from mlflow.environment_variables import MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.pyfunc import PyFuncModel, scoring_server

from stages.core.console import unexpected
from stages.core.plain_text import one_line
from stages.core.serving.refusing import Refused
from stages.core.tracking.model_logging import file_signature
from stages.core.tracking.packaging import LOADER
from stages.core.tracking.served_model import ServedModel


class Told(MlflowException):  # type: ignore[misc] # MLflow has no types
    """A refusal as MLflow's server passes it on: it asks its own exceptions for status and text."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.sentence)
        self.refused = refused

    def serialize_as_json(self) -> str:
        """The body of the answer."""
        return self.refused.body.decode()

    def get_http_status_code(self) -> int:
        """Its status."""
        return self.refused.status


class Guarded:
    """What MLflow's server asks: limits first, then one request at a time, so that memory is that of one."""

    def __init__(self, model: ServedModel, check: Callable[[list[bytes]], None]) -> None:
        about = Model(flavors={"python_function": {"loader_module": LOADER}}, signature=file_signature(model.classes))
        self.model, self.metadata, self.check = PyFuncModel(about, model), about, check
        self.turn = threading.Lock()

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Answer a table of images. Raises Told."""
        try:
            self.check(files_of(data))
            with self.turn:
                return self.model.predict(data[["image"]])
        except Refused as refused:
            raise Told(refused) from refused
        except Exception as error:
            if isinstance(error.__cause__, ValueError) or isinstance(error, ValueError):  # an image that is damaged
                raise Told(Refused(422, one_line(error))) from error
            unexpected(error)
            raise Told(Refused(500, "the model could not answer; the server's terminal says why")) from error


def files_of(data: Any) -> list[bytes]:
    """The images of a request. Raises Refused for anything but a column of files."""
    if not isinstance(data, pd.DataFrame) or "image" not in data:
        raise Refused(400, 'send {"images": ["<base64>", …]}, or a table with one column called image')
    files = list(data["image"])
    if not all(isinstance(one, bytes) for one in files):
        raise Refused(400, "every image must be the bytes of a file in base64")
    return files


def scoring_app(model: ServedModel, check: Callable[[list[bytes]], None], timeout_s: int) -> Any:
    """MLflow's ASGI application: /invocations, /ping, /health, /version. `check` raises Refused."""
    os.environ[MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.name] = str(timeout_s)
    return scoring_server.init(Guarded(model, check))
