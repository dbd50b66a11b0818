#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ci_jobs.py CI.MD BERTH: carry out the jobs of docs/ci.md as GitHub, GitLab and Kubernetes would.

Each job has a fresh copy of a project and the variables of its system; artifacts go from job to job.
On each system a test fails, then passes when its job is repeated, then the record of a machine is
lost. Prints one line for each check: `ok SENTENCE`, or what was wrong.
"""
import concurrent.futures, json, os, pathlib, re, shutil, subprocess, sys, tempfile, textwrap
import yaml

SHARDS = 4
FILES = [f"e2e/{name}.spec.js" for name in "abcdefg"]
berth = str(pathlib.Path(sys.argv[2]).resolve())
text = pathlib.Path(sys.argv[1]).read_text()
blocks = [yaml.safe_load(textwrap.dedent(block)) for block in re.findall(r"(?:^    .*\n|^\n)+", text, re.M)
          if re.search(r"^    (#|\w+:)", block, re.M) and "berth run -n" not in block]
github = next(block for block in blocks if "steps" in block.get("e2e", {}))
gitlab = next(block for block in blocks if "script" in block.get("e2e", {}))
job = next(block for block in blocks if block.get("kind") == "Job")
[k8s_merge] = re.findall(r"^    (berth merge /results/.*)$", text, re.M)
top = pathlib.Path(tempfile.mkdtemp(prefix="berth-ci."))
(top / "bin").mkdir()
(top / "bin/berth").symlink_to(berth)
(top / "bin/npx").write_text('#!/bin/sh\necho "$3" >>"$RAN"\n[ "$3" != "$BAD" ]\n')
(top / "bin/npx").chmod(0o755)
base = {"PATH": f"{top}/bin:{os.environ['PATH']}", "HOME": str(top), "CI": "true"}


class Build:
    """One run of the jobs. bad: the test that fails."""

    def __init__(self, name):
        self.dir, self.bad = top / name, FILES[2]
        self.dir.mkdir()
        self.ran = self.dir / "ran"
        self.ran.touch()  # workers share what a variable names below /tmp

    def run(self, place, command, variables):
        command = command.replace("/results", str(self.dir / "results"))
        env = {**base, "RAN": str(self.ran), "BAD": self.bad, "XDG_RUNTIME_DIR": "", **variables}
        with open(self.dir / "log", "a") as log:
            return subprocess.run(["bash", "-ec", command], cwd=place, env=env, stdout=log, stderr=log).returncode

    def checkout(self, name):
        place = self.dir / name
        shutil.rmtree(place, ignore_errors=True)
        (place / "e2e").mkdir(parents=True)
        for file in FILES:
            (place / file).touch()
        (place / "e2e/times").write_text("5000 e2e/a.spec.js\n")
        return place

    def github_job(self, job, shard=None):
        place = self.checkout(f"job-{shard}")
        fill = lambda value: str(value).replace("${{ matrix.shard }}", str(shard)).replace("${{ strategy.job-total }}", str(SHARDS))
        variables = {name: fill(value) for name, value in job.get("env", {}).items()}
        variables |= {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": self.dir.name, "GITHUB_STEP_SUMMARY": str(self.dir / "summary")}
        artifacts, status = self.dir / "artifacts", 0
        for step in job["steps"]:
            action, options = step.get("uses", ""), step.get("with", {})
            if status and step.get("if") != "always()":
                continue
            if "run" in step and "berth" in step["run"]:
                status = self.run(place, fill(step["run"]), variables) or status
            elif action.startswith("actions/upload-artifact"):
                artifact = artifacts / fill(options["name"])
                if options.get("overwrite"):
                    shutil.rmtree(artifact, ignore_errors=True)
                shutil.copytree(place / fill(options["path"]), artifact)
            elif action.startswith("actions/download-artifact"):
                for found in artifacts.glob(options["pattern"]):
                    shutil.copytree(found, place / options["path"] / found.name)
        return status

    def github(self, shard):
        self.github_job(github["e2e"], shard)

    def github_merge(self):
        return self.github_job(github["merge"])

    def github_lost(self):
        return self.dir / "artifacts/berth-2"

    def gitlab_job(self, job, variables, shard=0):
        place = self.checkout(f"job-{shard}")
        artifacts = self.dir / "artifacts"
        if "needs" in job and artifacts.exists():
            shutil.copytree(artifacts, place, dirs_exist_ok=True)
        status = self.run(place, "\n".join(job["script"]), {"GITLAB_CI": "true", "CI_PIPELINE_ID": self.dir.name, **variables})
        for path in job["artifacts"]["paths"]:
            shutil.copytree(place / path, artifacts / path, dirs_exist_ok=True)
        return status

    def gitlab(self, shard):
        self.gitlab_job(gitlab["e2e"], {"CI_NODE_INDEX": str(shard), "CI_NODE_TOTAL": str(SHARDS)}, shard)

    def gitlab_merge(self):
        return self.gitlab_job(gitlab["merge"], {"CI_NODE_TOTAL": "1"})

    def gitlab_lost(self):
        return self.dir / "artifacts/berth-results/2"

    def kubernetes(self, shard):
        spec = job["spec"]["template"]["spec"]["containers"][0]
        variables = {one["name"]: one["value"].replace("BUILD", self.dir.name) for one in spec["env"]}
        self.run(self.checkout(f"pod-{shard}"), spec["args"][0].replace("BUILD", self.dir.name),
                 {**variables, "JOB_COMPLETION_INDEX": str(shard - 1)})

    def kubernetes_merge(self):
        return self.run(self.checkout("merge"), k8s_merge.replace("BUILD", self.dir.name), {"BERTH_BUILD": self.dir.name})

    def kubernetes_lost(self):
        return self.dir / "results" / self.dir.name / "1"


def parts(place, shard):
    """The tasks of a shard, from any record of it."""
    for path in sorted(place.rglob("events.ndjson")):
        record = json.loads(path.open().readline())
        if record.get("shard", {}).get("index") == shard:
            return record["tasks"]
    return []


def check(sentence, want, got, build):
    print(f"ok {sentence}" if want == got else f"{sentence}: want {want}, got {got}\n{(build.dir / 'log').read_text()[-2000:]}")


assert github["e2e"]["strategy"]["matrix"]["shard"] == [1, 2, 3, 4] and gitlab["e2e"]["parallel"] == SHARDS
assert job["spec"]["completionMode"] == "Indexed" and job["spec"]["completions"] == SHARDS
for system in "github", "gitlab", "kubernetes":
    build = Build(system)
    run, merge = getattr(build, system), getattr(build, f"{system}_merge")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(1, SHARDS + 1)))
    check(f"{system}: a failed test", 1, merge(), build)
    check(f"{system}: each file runs once", FILES, sorted(build.ran.read_text().split()), build)
    summary = build.dir / "summary"
    if system == "github":
        check("github: the summary is of all machines", True, "6 passed, 1 failed" in summary.read_text(), build)
    build.bad = ""
    part = next(shard for shard in range(1, SHARDS + 1) if FILES[2] in parts(build.dir, shard))
    run(part)
    check(f"{system}: its job is repeated and passes", 0, merge(), build)
    again = sorted(build.ran.read_text().split())
    check(f"{system}: the repeated job has the same part", sorted(FILES + parts(build.dir, part)), again, build)
    shutil.rmtree(getattr(build, f"{system}_lost")())
    check(f"{system}: the record of a machine is lost", 123, merge(), build)
shutil.rmtree(top)
