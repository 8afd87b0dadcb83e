"""A stand-in for the W&B server on the loopback: sweeps, runs, metrics; nothing leaves the machine.

It answers what `wandb sweep`, `wandb agent` and `wandb.init` of wandb 0.31 ask (GraphQL and the
file stream) and keeps it. An artifact counts as uploaded as soon as it is announced.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

ENTITY = "loopback"
KEPT = {
    "entity": "entity",
    "project": "project",
    "group": "groupName",
    "job_type": "jobType",
    "sweep": "sweep",
}
"""What is kept of a run, by the name that wandb sends it under."""


def values(parameter: Mapping[str, Any]) -> list[Any]:
    """What a sweep parameter may be; of a range its two ends."""
    if "values" in parameter:
        return list(parameter["values"])
    if "value" in parameter:
        return [parameter["value"]]
    return [parameter["min"], parameter["max"]]


def grid(sweep: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of a sweep's parameters, the last one fastest."""
    parameters = sweep["parameters"]
    every = itertools.product(*(values(p) for p in parameters.values()))
    return [dict(zip(parameters, point, strict=True)) for point in every]


class WandbServer:
    """Runs in a thread while the `with` block does.

    Each agent is handed the points of its sweep's grid in turn, with `instead` put into them: so a
    sweep file runs as it is, on a smaller model than it names.
    """

    def __init__(self, instead: Mapping[str, Any]) -> None:
        self.instead = dict(instead)
        self.sweeps: dict[str, dict[str, Any]] = {}
        self.handed: dict[str, dict[str, Any]] = {}
        """Parameters by the id of the run they were handed to."""
        self.runs: dict[str, dict[str, Any]] = {}
        """By id: what of KEPT was sent, config, summary, exit code."""
        self.artifacts: list[str] = []
        self.unknown: list[str] = []
        """Operations that the stand-in has no answer to."""
        self._agents: dict[str, str] = {}
        server = self

        class Handler(_Handler):
            wandb = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> WandbServer:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any] | None:
        """The data of a GraphQL operation; None: there is no such operation here."""
        make = getattr(self, f"_{operation[0].lower()}{operation[1:]}", None)
        if make is None:
            self.unknown.append(operation)
            return None
        return make(given)

    def _viewer(self, _: dict[str, Any]) -> dict[str, Any]:
        user = {"id": "user", "username": ENTITY, "entity": ENTITY, "flags": "{}", "admin": False}
        return {"viewer": user | {"teams": {"edges": []}, "name": ENTITY, "email": "a@b.c"}}

    def _upsertSweep(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"sweep{len(self.sweeps)}"
        self.sweeps[name] = yaml.safe_load(given["config"])
        sweep = {"name": name, "project": _project(given["projectName"], given["entityName"])}
        return {"upsertSweep": {"sweep": sweep, "configValidationWarnings": []}}

    def _sweepWithRuns(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given["sweep"]
        sweep = {"id": name, "name": name, "config": yaml.safe_dump(self.sweeps[name])}
        return {"project": {"sweep": sweep | {"state": "RUNNING", "runs": {"edges": []}}}}

    def _createAgent(self, given: dict[str, Any]) -> dict[str, Any]:
        agent = f"agent{len(self._agents)}"
        self._agents[agent] = given["sweep"]
        return {"createAgent": {"agent": {"id": agent}}}

    def _heartbeat(self, given: dict[str, Any]) -> dict[str, Any]:
        busy = any(json.loads(given["runState"]).values())
        commands = [] if busy else [self._next(self._agents[given["id"]])]
        beat = {"agent": {"id": given["id"]}, "commands": json.dumps(commands)}
        return {"agentHeartbeat": beat}

    def _next(self, sweep: str) -> dict[str, Any]:
        mine = [run for run in self.handed if run.startswith(sweep)]
        points: list[dict[str, Any]] = []
        for point in grid(self.sweeps[sweep]):
            if (changed := point | self.instead) not in points:
                points.append(changed)
        if len(mine) == len(points):
            return {"type": "exit"}
        run = f"{sweep}run{len(mine)}"
        self.handed[run] = points[len(mine)]
        args = {name: {"value": value} for name, value in self.handed[run].items()}
        return {"type": "run", "run_id": run, "program": None, "args": args}

    def _runResumeStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"model": {"id": given["project"], "name": given["project"], "bucket": None}}

    def _upsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(given["name"], {"config": {}, "summary": {}})
        # A later call leaves out what it does not change.
        for kept, sent in KEPT.items():
            if given.get(sent) is not None:
                run[kept] = given[sent]
        for name, entry in json.loads(given.get("config") or "{}").items():
            run["config"][name] = entry["value"]
        bucket = {
            "id": given["name"],
            "name": given["name"],
            "displayName": given.get("displayName"),
            "sweepName": given.get("sweep"),
            "project": _project(given["project"], given["entity"]),
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def _createRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": f, "uploadUrl": f"{self.url}/upload"} for f in given["files"]]
        found = {"runID": given["run"], "uploadHeaders": [], "files": files}
        return {"createRunFiles": found}

    def _createArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        self.artifacts.append(given["input"]["artifactCollectionName"])
        artifact = {
            "id": f"artifact{len(self.artifacts)}",
            "state": "COMMITTED",
            "artifactSequence": {"id": "sequence", "latestArtifact": None},
        }
        return {"createArtifact": {"artifact": artifact}}

    def stream(self, run: str, body: dict[str, Any]) -> None:
        """Take one piece of a run's file stream: the summary and the exit code are kept."""
        kept = self.runs[run]
        for line in body.get("files", {}).get("wandb-summary.json", {}).get("content", []):
            kept["summary"] |= json.loads(line)
        if body.get("complete"):
            kept["exit_code"] = body.get("exitcode")


class _Handler(BaseHTTPRequestHandler):
    wandb: WandbServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/file_stream"):
            self.wandb.stream(self.path.split("/")[-2], json.loads(body))
        if not self.path.endswith("/graphql"):
            return self._reply({})  # wandb's own telemetry comes here, too, with an empty body.
        asked = json.loads(body)
        operation = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
        name = operation[1] if operation else asked["query"]
        found = self.wandb.answer(name, asked.get("variables") or {})
        refusal = {"errors": [{"message": f"no {name} on the loopback"}]}
        return self._reply(refusal if found is None else {"data": found})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._reply({})

    def _reply(self, values: dict[str, Any]) -> None:
        text = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _project(name: str, entity: str) -> dict[str, Any]:
    return {"id": name, "name": name, "entity": {"id": entity, "name": entity}}
