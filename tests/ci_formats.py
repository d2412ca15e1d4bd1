"""Reads the outputs of one command in all formats, each with a reader of its kind, and compares what they count.

Usage: ci_formats.py DIRECTORY SCHEMA-OF-JUNIT ERRORS,WARNINGS,NOTES,NEW
"""

import json
import re
import sys
from pathlib import Path

import junitparser
import xmlschema
from markdown_it import MarkdownIt

directory, xsd, counts = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
errors, warnings, notes, new = map(int, counts.split(","))
expected = {"error": errors, "warning": warnings, "note": notes}


def same(what, found, wanted):
    if found != wanted:
        sys.exit(f"ci_formats: {what} has {found}, not {wanted}")


def count(words):
    words = list(words)
    return {word: sum(1 for each in words if each == word) for word in expected}


report = json.loads((directory / "all.json").read_text())
same("json", count(finding["severity"] for finding in report["findings"]), expected)
same("json, new migrations", len(report["migrations"]), new)
same("json, ok", report["ok"], errors == 0)
for finding in report["findings"]:
    for key in ("code", "severity", "text", "next"):
        assert finding[key], finding
    if finding["line"] is not None:
        # From the root of the repository.
        lines = Path("..", finding["file"]).read_text().splitlines()
        assert 1 <= finding["line"] <= len(lines), finding

sarif = json.loads((directory / "all.sarif").read_text())
results = sarif["runs"][0]["results"]
same("sarif", count(result["level"] for result in results), expected)
rules = {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]}
same("sarif, rules", {result["ruleId"] for result in results}, rules)

commands = []
for line in (directory / "all.github").read_text().splitlines():
    match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
    if not match:
        assert line.startswith("mongrate ") and "::" not in line, line
        continue
    properties = dict(each.split("=", 1) for each in match[2].split(","))
    assert set(properties) <= {"file", "line", "title"}, line
    commands.append({"notice": "note"}.get(match[1], match[1]))
same("github", count(commands), expected)

xmlschema.validate(str(directory / "all.xml"), xsd)
suites = junitparser.JUnitXml.fromfile(str(directory / "all.xml"))
cases = [case for suite in suites for case in suite]
same("junit, checks", len(cases), len(report["checks"]))
failed = sum(1 for case in cases if any(isinstance(each, junitparser.Failure) for each in case.result))
same("junit, failures", suites.failures, failed)
same("junit, whether it failed", failed > 0, errors > 0)

html = MarkdownIt("commonmark", {"html": True}).enable("table").render((directory / "all.md").read_text())
tables = [len(re.findall(r"<tr>", table)) - 1 for table in re.findall(r"<table>.*?</table>", html, re.S)]
wanted = [rows for rows in (new, errors, warnings, notes) if rows > 0]
same("markdown, rows of the tables", tables, wanted)
for row in re.findall(r"<tr>.*?</tr>", html, re.S):
    cells = len(re.findall(r"<t[hd]", row))
    assert cells in (3, 4), row
assert "<b>" not in html, "a message became markup"
print("formats agree:", report["findings"] and count(each["severity"] for each in report["findings"]))
