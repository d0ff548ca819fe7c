"""A cryoSPARC for tests, by its HTTP interface: what cryosparc-tools ask for an External job, over a socket.

Like cryoSPARC, it describes its endpoints in ``/openapi.json``, from which cryosparc-tools make methods;
signatures are those of ``cryosparc/api.pyi`` (5.0.3). It refuses what cryoSPARC 5 refuses: inputs of outputs
that are not there, and outputs of jobs that do not run.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryosparc.dataset import Dataset

STREAM = "application/x-cryosparc-dataset"
JOB = {"$ref": "#/components/schemas/Job"}
TEXT = {"type": "string"}
NOW = "2026-11-28T00:00:00+00:00"
FIELDS = (
    ("path", "O"), ("idx", "u4"), ("shape", "2u4"), ("psize_A", "f4"), ("format", "O"),
    ("is_background_subtracted", "u4"), ("vmin", "f4"), ("vmax", "f4"), ("import_sig", "u8"),
)  # fmt: skip
# Name, method, path, parameters of the query, body ("json" or "stream"), what comes back.
P, J = "/projects/{project_uid}", "/projects/{project_uid}/jobs/{job_uid}"
IN, OUT = f"{J}/inputs/{{input_name}}", f"{J}/outputs/{{output_name}}"
USER, PROJECT, EVENT = ({"$ref": f"#/components/schemas/{name}"} for name in ("User", "Project", "TextEvent"))
LIST = {"type": "array", "items": {"type": "array", "prefixItems": TEXT}}
ENDPOINTS: tuple[tuple[str, str, str, tuple[str, ...], str, Any], ...] = (
    ("users.me", "get", "/users/me", (), "", USER),
    ("config.get_version", "get", "/config/version", (), "", TEXT),
    ("projects.find_one", "get", P, (), "", PROJECT),
    ("projects.get_directory", "get", f"{P}/directory", (), "", TEXT),
    ("jobs.create", "post", f"{P}/workspaces/{{w}}/jobs", ("type", "title", "description"), "", JOB),
    ("jobs.find_one", "get", J, (), "", JOB),
    ("jobs.add_external_input", "post", IN, (), "json", JOB),
    ("jobs.connect", "post", f"{IN}/connections", ("source_output_name", "source_job_uid"), "", JOB),
    ("jobs.add_external_output", "post", OUT, (), "json", JOB),
    ("jobs.mark_running", "post", f"{J}/running", ("status",), "", JOB),
    ("jobs.mark_completed", "post", f"{J}/completed", (), "", JOB),
    ("jobs.mark_failed", "post", f"{J}/failed", ("error",), "", JOB),
    ("jobs.load_input", "get", f"{IN}/load", ("slots",), "", STREAM),
    ("jobs.get_output_fields", "post", f"{OUT}/fields", (), "json", LIST),
    ("jobs.save_output", "post", f"{OUT}/save", ("version",), "stream", JOB),
    ("jobs.add_event_log", "post", f"{J}/events", ("type",), "json", EVENT),
)


class RefusedError(Exception):
    """What cryoSPARC answers with an error of the 400s."""


@dataclass
class FakeCryosparc:
    """One project with the outputs of some jobs, and the External jobs that are made in it."""

    project: Path
    outputs: dict[tuple[str, str], Any]
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)
    logged: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None

    def answer(self, name: str, places: list[str], asked: dict[str, Any], body: Any) -> Any:
        """Return what an endpoint gives, as plain JSON or as a dataset."""
        self.before(name)
        if places and places[0] != "P3":
            raise RefusedError(f"Project {places[0]} does not exist")
        given = {"body": body} if body else {}
        return getattr(self, name.replace(".", "_"))(*places[1:], **asked, **given)

    def users_me(self) -> Any:
        return {"name": "a", "first_name": "a", "last_name": "b"}

    def config_get_version(self) -> str:
        return "v5.0.3"

    def projects_find_one(self) -> Any:
        return {
            "uid": "P3", "uid_num": 3, "project_dir": str(self.project), "owner_user_id": "a",
            "title": "a project", "size_last_updated": NOW,
        }  # fmt: skip

    def projects_get_directory(self) -> str:
        return str(self.project)

    def jobs_create(self, workspace: str, type: str, title: str, description: str = "") -> Any:  # noqa: A002, ARG002
        uid = f"J{len(self.jobs) + 9}"
        spec = {
            "type": type, "params": {}, "inputs": {}, "outputs": {}, "ui_tile_width": 1, "ui_tile_height": 1,
            "resource_spec": {},
        }  # fmt: skip
        self.jobs[uid] = {
            "uid": uid, "uid_num": 9, "project_uid": "P3", "project_uid_num": 3, "job_dir": uid,
            "workspace_uids": [workspace], "title": title, "status": "building", "status_num": 5,
            "spec": spec, "build_errors": [], "job_dir_size_last_updated": NOW,
        }  # fmt: skip
        (self.project / uid).mkdir()
        return self.jobs[uid]

    def jobs_find_one(self, job: str) -> Any:
        if job in self.jobs:
            return self.jobs[job]
        names = [name for source, name in self.outputs if source == job]
        if not names:
            raise RefusedError(f"Job P3 {job} does not exist")
        known = {name: {"type": "exposure", "title": name} for name in names}
        made = self.jobs_create("W1", "patch_ctf_estimation_multi", job)
        del self.jobs[made["uid"]]
        (self.project / made["uid"]).rmdir()
        return made | {"uid": job, "job_dir": job, "spec": made["spec"] | {"outputs": known}}

    def jobs_add_external_input(self, job: str, name: str, body: Any) -> Any:
        self.jobs[job]["spec"]["inputs"][name] = {**body, "connections": []}
        return self.jobs[job]

    def jobs_connect(self, job: str, name: str, source_output_name: str, source_job_uid: str) -> Any:
        wanted = self.jobs[job]["spec"]["inputs"][name]
        slots = {column.split("/")[0] for column in self.outputs[source_job_uid, source_output_name].fields()}
        if missing := {slot["name"] for slot in wanted["slots"] if slot["required"]} - slots:
            raise RefusedError(f"{source_job_uid}.{source_output_name} has no {', '.join(missing)}")
        wanted["connections"].append({"job_uid": source_job_uid, "output": source_output_name})
        return self.jobs[job]

    def jobs_add_external_output(self, job: str, name: str, body: Any) -> Any:
        assert body["passthrough"] in self.jobs[job]["spec"]["inputs"]
        self.jobs[job]["spec"]["outputs"][name] = body
        return self.jobs[job]

    def jobs_mark_running(self, job: str, status: str) -> Any:
        self.jobs[job]["status"] = status
        return self.jobs[job]

    def jobs_mark_completed(self, job: str) -> Any:
        self.jobs[job]["status"] = "completed"
        return self.jobs[job]

    def jobs_mark_failed(self, job: str, error: str) -> Any:
        self.errors.append(error)
        self.jobs[job]["status"] = "failed"
        return self.jobs[job]

    def jobs_load_input(self, job: str, name: str, slots: Any) -> Any:
        assert slots == "all"
        (connection,) = self.jobs[job]["spec"]["inputs"][name]["connections"]
        return self.outputs[connection["job_uid"], connection["output"]]

    def jobs_get_output_fields(self, job: str, name: str, body: Any = None) -> Any:  # noqa: ARG002
        slots = self.jobs[job]["spec"]["outputs"][name]["slots"]
        return [(f"{slot['name']}/{one}", kind) for slot in slots for one, kind in FIELDS]

    def jobs_save_output(self, job: str, name: str, version: int, body: Any) -> Any:  # noqa: ARG002
        if self.jobs[job]["status"] not in {"running", "waiting"}:
            raise RefusedError(f"Job {job} is {self.jobs[job]['status']}: outputs are saved by running jobs")
        self.saved[name] = body
        return self.jobs[job]

    def jobs_add_event_log(self, job: str, type: str, body: str) -> Any:  # noqa: A002
        self.logged.append((type, body))
        return {"project_uid": "P3", "job_uid": job, "type": type, "text": body}


def schema() -> dict[str, Any]:
    """Return what ``/openapi.json`` says."""
    paths: dict[str, Any] = {}
    for name, method, path, query, body, answer in ENDPOINTS:
        places = [{"name": one, "in": "path", "required": True} for one in re.findall(r"{(\w+)}", path)]
        asked = [{"name": one, "in": "query", "required": False} for one in query]
        kinds: dict[str, Any] = {
            "json": {"application/json": {"schema": {}}},
            "stream": {STREAM: {"schema": {}}},
        }
        content = {STREAM: {}} if answer == STREAM else {"application/json": {"schema": answer}}
        known = {"summary": name, "parameters": [*places, *asked], "responses": {"200": {"content": content}}}
        known |= {"requestBody": {"content": kinds[body]}} if body else {}
        paths.setdefault(path, {})[method] = known
    return {"info": {}, "paths": paths, "components": {}}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        place = unquote(url.path).removeprefix("/api/cmd")
        if place == "/openapi.json":
            return self._send(200, json.dumps(schema()).encode())
        if self.headers.get("Authorization") != "Bearer a token":
            return self._send(401, b"{}")
        query = {name: _value(values[0]) for name, values in parse_qs(url.query).items()}
        try:
            return self._called(place, query)
        except RefusedError as error:
            return self._send(422, json.dumps({"message": str(error)}).encode())

    do_POST = do_GET  # noqa: N815  http.server's name

    def _called(self, place: str, query: dict[str, Any]) -> None:
        fake: FakeCryosparc = self.server.fake  # type: ignore[attr-defined]  # put there by `served`
        for name, method, path, _, kind, _ in ENDPOINTS:
            found = re.fullmatch(re.sub(r"{\w+}", "([^/]+)", path), place)
            if found and method == self.command.lower():
                answer = fake.answer(name, list(found.groups()), query, self._body(kind))
                is_stream = isinstance(answer, Dataset)
                return self._send(
                    200, b"".join(answer.stream()) if is_stream else json.dumps(answer).encode()
                )
        return self._send(404, b"{}")

    def _body(self, kind: str) -> Any:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b"".join(iter(self._chunk, b""))
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if kind == "stream":
            return Dataset.load(BytesIO(content))
        return json.loads(content) if content else None

    def _chunk(self) -> bytes:
        content = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return content

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        if content[:1] in {b"{", b"[", b'"'}:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else text


@contextmanager
def served(fake: FakeCryosparc) -> Iterator[int]:
    """Answer on a port of this machine, which is returned."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.fake = fake  # type: ignore[attr-defined]  # where its handlers find it
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
