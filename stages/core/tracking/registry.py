"""MLflow's model registry: versions of one registered model, its aliases, and what is said of them.

Aliases alone, no stages. Every call of it ends with an answer or a UserError.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.auditing.finding import Unknown
from stages.core.errors import UserError
from stages.core.layout import Layout
from stages.core.plain_text import one_line
from stages.core.settings.params import Params
from stages.core.tracking.ledger_head import log_ledger_head
from stages.core.tracking.runs import KEY, files_in, find, log_files
from stages.core.tracking.secrets import scrubbed
from stages.core.tracking.store import Store
from stages.core.tracking.witness import copied, opened_store

CHAMPION, CHALLENGER = "champion", "challenger"
FORM = "model_from_files"  # the packaged form that is registered: it takes images as people have them
VERSIONS = "mlflow.modelVersions"
PACKAGE = "imagetrail.package"  # of a version: the logged model in it, as a candidate can be packaged anew
ABOUT = (
    "`champion` is the model in use, `challenger` the last one that was compared with it and lost. "
    "`imagetrail promote` sets both, and records why; what is changed here by hand stands in no ledger, and is an "
    "alarm of `imagetrail audit`."
)
MARK = "imagetrail.promotion"  # of the registered model: time and hash of the last decision that was carried out


@dataclass(frozen=True)
class Version:
    """A version of the registered model: its number, the key of the candidate in it, its run and packaged model."""

    number: str
    key: str
    run_id: str
    package: str


def model_name(params: Params) -> str:
    """Name of the registered model."""
    return params.tree.promote.name or params.dataset.name


class Registry:
    """One registered model in a store that answers."""

    def __init__(self, layout: Layout, params: Params) -> None:
        try:
            self.store: Store = opened_store(layout, params)
        except Unknown as error:
            raise UserError(f"nothing was changed: {scrubbed(str(error))}") from error
        self.layout, self.model = layout, model_name(params)

    def ask(self, call: str, *args: Any, **kwargs: Any) -> Any:
        """Call MLflow's client. Raises UserError whatever fails."""
        try:
            return getattr(self.store.client, call)(*args, **kwargs)
        except Exception as error:  # MLflow, SQLAlchemy, requests and the OS all raise their own
            raise failed(self.store.uri, error) from error

    # ---- reading -----------------------------------------------------------------------------------------------

    @property
    def about(self) -> Any:
        """The registered model; None before there is one."""
        found = self.ask("search_registered_models", f"name = '{self.model}'")
        return next((one for one in found if one.name == self.model), None)

    def with_alias(self, alias: str) -> Version | None:
        """The version that an alias names; None where there is no such alias."""
        number = (self.about.aliases if self.about else {}).get(alias)
        return None if number is None else self.read(self.ask("get_model_version", self.model, str(number)))

    def versions(self) -> list[Version]:
        """Every version, the newest last."""
        found = [self.read(one) for one in self.ask("search_model_versions", f"name = '{self.model}'")]
        return sorted(found, key=lambda version: int(version.number))

    def of_key(self, key: str) -> Version | None:
        """The newest version that holds a candidate; None where there is none."""
        return next((version for version in reversed(self.versions()) if version.key == key), None)

    def read(self, version: Any) -> Version:
        """Plain values of a version; one that somebody else registered has the key of its run, if any."""
        key = version.tags.get(KEY)
        if key is None and version.run_id:
            key = self.ask("get_run", version.run_id).data.tags.get(KEY)
        package = str(version.tags.get(PACKAGE, ""))
        return Version(str(version.version), str(key or ""), str(version.run_id or ""), package)

    def mark(self) -> str:
        """Time and hash of the last decision that was carried out; nothing before the first."""
        return str((self.about.tags if self.about else {}).get(MARK, ""))

    def run_of(self, key: str) -> Any:
        """The run of a candidate. Raises UserError where there is none."""
        try:
            run = find(self.store, key)
        except Exception as error:
            raise failed(self.store.uri, error) from error
        if run is None:
            raise UserError(
                f"MLflow has no run with the key {key[:12]}; `imagetrail sync` makes it where its files are"
            )
        return run

    def packaged(self, key: str, model_id: str = "") -> Any:
        """The packaged model of a candidate that has this id, else its newest. Raises UserError where it has none."""
        run = self.run_of(key)
        ids = [output.model_id for output in run.outputs.model_outputs] if run.outputs else []
        found = [model for model in (self.ask("get_logged_model", one) for one in ids) if model.name == FORM]
        named = [model for model in found if model.model_id == model_id]
        if not found:
            raise UserError(
                f"MLflow has no packaged model of run {run.info.run_id[:12]}; `imagetrail sync` packages it"
            )
        return max(named or found, key=lambda model: model.creation_timestamp)

    def fetched(self, package: Any, folder: Path) -> Path:
        """Copy a packaged model into a folder. Raises UserError."""
        try:
            return copied(self.store, str(package.artifact_location), folder)
        except Exception as error:
            raise failed(self.store.uri, error) from error

    def kept_file(self, run_id: str, path: str, folder: Path) -> Path | None:
        """Copy a file of a run into a folder; None where it can't be had."""
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return Path(self.store.client.download_artifacts(run_id, path, str(folder)))
        except Exception:  # not there, or not readable: whoever asks has another place, or says that there is none
            return None

    # ---- writing -----------------------------------------------------------------------------------------------

    def registered(self, key: str, model_id: str = "") -> Version:
        """The version that holds a packaged model of a candidate, made where there is none. Raises UserError."""
        package = self.packaged(key, model_id)
        known = [version for version in self.versions() if version.package == package.model_id]
        if known:
            return known[-1]
        if self.about is None:
            self.ask("create_registered_model", self.model, description=ABOUT)
        # a SQLite store would look for models:/ID in whatever store happens to be MLflow's default (3.17)
        source = f"models:/{package.model_id}" if self.store.uri.startswith("http") else package.artifact_location
        ids = {"run_id": package.source_run_id, "model_id": package.model_id}
        made = self.ask("create_model_version", self.model, source, tags={KEY: key, PACKAGE: package.model_id}, **ids)
        known = json.loads(package.tags.get(VERSIONS, "[]"))  # as mlflow.register_model does, for the model's page
        told = json.dumps([*known, {"name": self.model, "version": int(made.version)}])
        self.ask("set_logged_model_tags", package.model_id, {VERSIONS: told})
        return self.read(made)

    def describe(self, version: Version, text: str, tags: dict[str, str]) -> None:
        """Give a version its description, and tags; an empty tag is taken away."""
        self.ask("update_model_version", self.model, version.number, text)
        known = self.ask("get_model_version", self.model, version.number).tags
        for name, value in tags.items():
            if value:
                self.ask("set_model_version_tag", self.model, version.number, name, value[:4000])
            elif name in known:
                self.ask("delete_model_version_tag", self.model, version.number, name)

    def point(self, alias: str, version: Version) -> None:
        """Let an alias name a version, and no other one."""
        self.ask("set_registered_model_alias", self.model, alias, version.number)

    def let_go(self, alias: str, version: Version) -> None:
        """Take an alias away, if it names this version."""
        if str((self.about.aliases or {}).get(alias)) == version.number:
            self.ask("delete_registered_model_alias", self.model, alias)

    def tag_run(self, run_id: str, tags: dict[str, str]) -> None:
        """Set tags of a run."""
        for name, value in tags.items():
            self.ask("set_tag", run_id, name, value[:4000])

    def keep(self, run_id: str, folder: Path, place: str) -> None:
        """Keep the files of a folder with a run, below a place. Raises UserError."""
        try:
            log_files(self.store, run_id, files_in(folder), folder, place)
        except Exception as error:
            raise failed(self.store.uri, error) from error

    def set_mark(self, value: str) -> None:
        """Note the decision that was carried out last, and where the ledger ends."""
        self.ask("set_registered_model_tag", self.model, MARK, value)
        try:
            log_ledger_head(self.store, self.layout)
        except Exception as error:
            raise failed(self.store.uri, error) from error


def failed(uri: str, error: Exception) -> UserError:
    """A sentence for whatever a store raises."""
    reason = one_line(scrubbed(str(error)))[:200]
    return UserError(f"MLflow at {scrubbed(uri)}: {type(error).__name__}: {reason}; run the same command again later")
