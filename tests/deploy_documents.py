"""Takes the YAML documents out of docs/ci.md and docs/deploying.md, and compares what stands in two places.

Usage: deploy_documents.py DIRECTORY, into which the recipes of forges are written, one file each.
"""

import re
import sys
from pathlib import Path

import yaml

FORGES = {
    ".github/workflows/migrations.yml": "github",
    ".gitlab-ci.yml": "gitlab",
    "azure-pipelines.yml": "azure",
    "bitbucket-pipelines.yml": "bitbucket",
    ".circleci/config.yml": "circle",
}
# A retry does not help: `Kind::exit_code` of Usage, NeedsOperator, BadBuild, Forbidden.
FINAL = {"Usage", "NeedsOperator", "BadBuild", "Forbidden"}


def blocks(page, language):
    text = Path(page).read_text()
    for block in re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S):
        head, rest = block.split("\n", 1)
        yield head.lstrip("#/ "), rest


def fail(text):
    sys.exit(f"deploy_documents: {text}")


def recipes(directory):
    found = dict(blocks("docs/ci.md", "yaml"))
    for path, name in FORGES.items():
        if path not in found:
            fail(f"docs/ci.md has no {path}")
        (directory / f"{name}.yml").write_text(found[path])
        if "cargo mongrate ci" not in found[path] and "OWNER/mongrate@" not in found[path]:
            fail(f"{path} makes no check")
    config = yaml.safe_load(found[".pre-commit-config.yaml"])
    wanted = [hook["id"] for hook in config["repos"][0]["hooks"]]
    hooks = yaml.safe_load(Path(".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        for key in ("id", "name", "entry", "language", "files"):
            if not isinstance(hook.get(key), str):
                fail(f".pre-commit-hooks.yaml: {hook.get('id')} has no {key}")
        for path in ("src/main.rs", "models.snap", "services/shop/models.snap"):
            if not re.search(hook["files"], path):
                fail(f"{hook['id']} does not look at {path}")
        if re.search(hook["files"], "README.md"):
            fail(f"{hook['id']} looks at README.md")
    if wanted != [hook["id"] for hook in hooks]:
        fail(f"docs/ci.md uses the hooks {wanted}")
    [(name, jenkins)] = blocks("docs/ci.md", "groovy")
    if name != "Jenkinsfile" or jenkins.count("{") != jenkins.count("}"):
        fail("the Jenkinsfile is not balanced")


def excerpts():
    count = 0
    for path, text in blocks("docs/deploying.md", "yaml"):
        count += 1
        if text not in Path(path).read_text():
            fail(f"docs/deploying.md shows something else than {path}:\n{text}")
    if count < 3:
        fail("docs/deploying.md shows no manifests")


def exit_codes():
    kinds = Path("runtime/src/model/error/kind.rs").read_text()
    codes = {name: int(code) for name, code in re.findall(r"Self::(\w+) => (\d+),", kinds.split("http_status")[0])}
    final = sorted(codes[kind] for kind in FINAL)
    job = yaml.safe_load(Path("deploy/kubernetes/base/job.yaml").read_text())
    rule = job["spec"]["podFailurePolicy"]["rules"][0]
    if rule["onExitCodes"]["values"] != final:
        fail(f"job.yaml fails at once with {rule['onExitCodes']['values']}, not {final}")
    containers = [container["name"] for container in job["spec"]["template"]["spec"]["containers"]]
    if rule["onExitCodes"]["containerName"] not in containers:
        fail("the rule names no container of the Job")
    for unit in sorted(Path("deploy/systemd").glob("*.service")):
        prevented = re.search(r"^RestartPreventExitStatus=(.*)$", unit.read_text(), re.M)
        if not prevented or [int(code) for code in prevented[1].split()] != final:
            fail(f"{unit} retries what a retry does not help")


def safe():
    for path in ("job", "deployment"):
        spec = yaml.safe_load(Path(f"deploy/kubernetes/base/{path}.yaml").read_text())["spec"]["template"]["spec"]
        if spec["automountServiceAccountToken"] or not spec["securityContext"]["runAsNonRoot"]:
            fail(f"{path}.yaml runs with more than it needs")
        for container in spec.get("initContainers", []) + spec["containers"]:
            for variable in container["env"]:
                if variable["name"] == "MONGODB_URI" and "secretKeyRef" not in variable.get("valueFrom", {}):
                    fail(f"{path}.yaml: the URI of {container['name']} is in no secret")
            if not container["securityContext"]["readOnlyRootFilesystem"]:
                fail(f"{path}.yaml: {container['name']} can write")
    action = yaml.safe_load(Path("action.yml").read_text())
    for step in action["runs"]["steps"]:
        if "${{" in step["run"]:
            fail("action.yml: an input becomes part of a command")


recipes(Path(sys.argv[1]))
excerpts()
exit_codes()
safe()
