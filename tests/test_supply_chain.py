"""What the project is built from and publishes: locks, licences, known weaknesses, secrets, the wheel."""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PLATFORMS = [
    ("linux", "Linux", "posix", "x86_64"),
    ("darwin", "Darwin", "posix", "arm64"),
    ("win32", "Windows", "nt", "AMD64"),
]
ENVIRONMENTS = [
    {"python_version": python, "python_full_version": f"{python}.1"}
    | dict(zip(("sys_platform", "platform_system", "os_name", "platform_machine"), platform, strict=True))
    for python in ("3.11", "3.12", "3.13")
    for platform in PLATFORMS
]


@pytest.fixture(scope="module", autouse=True)
def scripts():
    """The scripts of CI can be imported."""
    sys.path.insert(0, str(ROOT / ".ci"))
    yield
    sys.path.remove(str(ROOT / ".ci"))


def script(name):
    return importlib.import_module(name)


def asked_for(*extras):
    """What pyproject.toml asks for, an extra of its own resolved."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        for line in PROJECT["optional-dependencies"][extra]:
            own = Requirement(line)
            lines += asked_for(*own.extras) if own.name == PROJECT["name"] else [line]
    return lines


# --- locks -----------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S36")
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: f"{e['python_version']}-{e['sys_platform']}")
@pytest.mark.parametrize(("file", "extras"), [("runtime.txt", ()), ("dev.txt", ("dev",))])
def test_a_lock_has_what_pyproject_asks_for(file, extras, environment):
    """On every Python and system, each requirement has one locked version, and that version satisfies it."""
    locked = {}
    for pin in script("locked").pins(ROOT / "requirements" / file):
        if pin.marker is None or pin.marker.evaluate({**default_environment(), **environment}):
            assert pin.name not in locked, "two versions for one system"
            locked[pin.name] = pin.version
    for requirement in map(Requirement, asked_for(*extras)):
        if requirement.marker is None or requirement.marker.evaluate({**default_environment(), **environment}):
            assert locked.get(canonicalize_name(requirement.name), "nothing") in requirement.specifier, requirement


@pytest.mark.catalogue("S36")
def test_what_is_locked_asks_for_nothing_else():
    """Every package that an installed one needs here is locked too, so that installing looks nothing up."""
    locked = {pin.name: pin for pin in script("locked").pins()}
    for name in locked:
        try:
            needed = map(Requirement, requires(name) or ())
        except PackageNotFoundError:
            continue  # not installed: of another system, or these tests run without the tools of CI
        for requirement in needed:
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                other = canonicalize_name(requirement.name)
                assert other in locked, f"{name} needs {requirement}"
                assert locked[other].version in requirement.specifier, f"{name} needs {requirement}"


@pytest.mark.catalogue("S36")
def test_sfdata_itself_needs_a_part_of_the_lock():
    """The lock of what users install is within that of the tests, at the same versions, and holds no tool."""
    runtime = {pin.name: pin for pin in script("locked").pins(ROOT / "requirements" / "runtime.txt")}
    dev = {pin.name: pin for pin in script("locked").pins()}
    assert all((dev[name].version, dev[name].digests) == (pin.version, pin.digests) for name, pin in runtime.items())
    assert not {"pytest", "hypothesis", "ruff", "mypy", "simple-salesforce"} & set(runtime)
    assert {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]} <= set(runtime)


@pytest.mark.catalogue("S36")
@pytest.mark.parametrize(
    "line", ["requests==2.0", "requests>=2 --hash=sha256:" + "0" * 64, "-r other.txt", "--index-url https://x.example",
             "requests @ https://x.example/r.whl", "requests==2.0 --hash=md5:" + "0" * 32]
)  # fmt: skip
def test_a_line_that_is_no_pin_is_refused(line, tmp_path):
    """Without a digest, or from an address of its own, nothing is installed in CI."""
    path = tmp_path / "x.txt"
    path.write_text(f"a==1 --hash=sha256:{'0' * 64}\n{line}\n")
    with pytest.raises(ValueError, match=r"x\.txt"):
        script("locked").pins(path)


def test_ci_installs_by_digest_only():
    """Whatever .ci/run installs by itself is checked against the locks."""
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    installs = re.findall(r"pip install (.*)", text)
    assert installs
    assert all("--require-hashes" in line for line in installs)


# --- licences --------------------------------------------------------------------------------------------------------


def told(**fields):
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


OSI = "License :: OSI Approved :: "


@pytest.mark.catalogue("S36")
@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (told(License_Expression="MIT"), ["MIT"]),
        (told(License_Expression="(Apache-2.0 OR GPL-3.0-only) AND 0BSD"), ["Apache-2.0", "GPL-3.0-only", "0BSD"]),
        (told(License_Expression="MIT", Classifier=f"{OSI}BSD License"), ["MIT"]),
        (told(Classifier=["Typing :: Typed", f"{OSI}BSD License", f"{OSI}MIT License"]), ["BSD", "MIT"]),
        (told(Classifier=f"{OSI}GNU General Public License v3 (GPLv3)"), ["GNU General Public License v3 (GPLv3)"]),
        (told(License="Apache 2.0"), ["Apache-2.0"]),
        (told(License="Everything is mine\nand nothing yours"), ["Everything is mine"]),
        (told(Name="x"), ["nothing said"]),
    ],
)
def test_a_licence_is_what_the_package_says_first(metadata, expected):
    """An expression decides, then classifiers, then the text; what is not understood is no allowed licence."""
    assert script("licences").licences(metadata) == expected


@pytest.mark.catalogue("S36")
def test_other_licences_and_missing_packages_are_told(monkeypatch, capsys):
    """What nobody allowed, and what should be here and is not, is named; what is for other systems is passed over."""
    licences, locked = script("licences"), script("locked")
    known = {"free": told(License_Expression="MIT"), "shared": told(License_Expression="MIT AND AGPL-3.0-only")}

    def metadata(name):
        if name not in known:
            raise PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(licences, "metadata", metadata)
    elsewhere = locked.Marker("sys_platform == 'nowhere'")
    found = [locked.Pin(name, "1", None, ()) for name in ("free", "shared", "gone")]
    found.append(locked.Pin("other", "1", elsewhere, ()))
    assert list(licences.refused(found)) == ["shared: AGPL-3.0-only", "gone: not installed"]
    assert "other is for other systems" in capsys.readouterr().out


# --- known weaknesses ------------------------------------------------------------------------------------------------


@pytest.fixture
def service():
    """An advisory service that answers in the order it is told, and keeps what it was asked."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = answers.pop(0)
            self.send_response(200 if not isinstance(answer, int) else answer)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    thread.join()
    server.server_close()


def two_pins():
    return [script("locked").Pin(name, version, None, ()) for name, version in [("left", "1.0"), ("right", "2.0")]]


@pytest.mark.catalogue("S36")
def test_every_package_is_asked_about_to_the_last_page(service):
    """Name and version of each go out; what is known comes back, from further pages too."""
    url, answers, asked = service
    answers += [{"results": [{}, {"vulns": [{"id": "A-1"}], "next_page_token": "p2"}]}]
    answers += [{"results": [{"vulns": [{"id": "A-2"}]}]}]
    found = script("audit").advisories(two_pins(), url)
    assert [tuple(one) for one in found] == [("A-1", "right", "2.0"), ("A-2", "right", "2.0")]
    assert [[q["package"]["purl"].split("/")[1] for q in body["queries"]] for body in asked] == [
        ["left@1.0", "right@2.0"],
        ["right@2.0"],
    ]
    assert asked[1]["queries"][0]["page_token"] == "p2"


@pytest.mark.catalogue("S36")
@pytest.mark.parametrize("answer", [{"results": [{}]}, {}, [], b"<html>", 503, 404])
def test_half_an_answer_is_no_audit(service, answer):
    """An answer for fewer packages, of another form or status, is none: never a silent pass."""
    url, answers, _ = service
    answers.append(answer)
    with pytest.raises(OSError, match=r"service|HTTP Error"):
        script("audit").advisories(two_pins(), url)


@pytest.mark.catalogue("S36")
def test_what_cannot_be_audited_is_said_and_fails_where_required(capsys, monkeypatch):
    """Without the service, CI says that nothing was audited; a release fails; waivers are judged all the same."""
    audit = script("audit")
    nowhere = "http://127.0.0.1:1"
    assert audit.main(["--service", nowhere]) == 0
    assert "NOTHING WAS AUDITED" in capsys.readouterr().out
    assert audit.main(["--service", nowhere, "--required"]) == 1
    late = audit.Waiver("A-1", "left", "no way in", "somebody", dt.date(2020, 1, 1))
    monkeypatch.setattr(audit, "waivers", lambda: [late])
    assert audit.main(["--service", nowhere]) == 1
    assert "ran out on 2020-01-01" in capsys.readouterr().out


@pytest.mark.catalogue("S36")
def test_a_waiver_is_for_one_advisory_and_for_a_while():
    """Known and not waived, waived too late, too long or for nothing: each is named."""
    audit = script("audit")
    today = dt.date(2026, 6, 1)

    def waiver(advisory, package, days):
        return audit.Waiver(advisory, package, "no way in", "somebody", today + dt.timedelta(days))

    known = [audit.Advisory("A-1", "left", "1.0"), audit.Advisory("A-2", "right", "2.0")]
    fine = [waiver("A-1", "left", 0), waiver("A-2", "right", 90)]
    assert audit.judged(known, fine, today) == []
    assert audit.judged(known, fine[:1], today) == ["right 2.0: A-2"]
    assert audit.judged(known[:1], [waiver("A-1", "left", -1)], today) == [
        "left 1.0: A-1",
        "the waiver of A-1 for left ran out on 2026-05-31",
    ]
    assert audit.judged(known, [fine[0], waiver("A-2", "right", 91)], today) == [
        "the waiver of A-2 for right reaches beyond 90 days"
    ]
    assert audit.judged(known[1:], fine, today) == ["the waiver of A-1 for left is for nothing"]
    assert audit.judged([], [], today) == []


def test_the_waivers_file_can_be_read(tmp_path):
    """The file as it stands, and one with an entry: each member is needed, and a day is a day."""
    audit = script("audit")
    audit.waivers()
    path = tmp_path / "waivers.toml"
    entry = '[[waiver]]\nadvisory = "A-1"\npackage = "left"\nreason = "r"\nuntil = 2026-06-01\n'
    path.write_text(entry + 'approved_by = "somebody"\n')
    assert audit.waivers(path) == [audit.Waiver("A-1", "left", "r", "somebody", dt.date(2026, 6, 1))]
    path.write_text(entry)
    with pytest.raises(TypeError, match="approved_by"):
        audit.waivers(path)


# --- secrets ---------------------------------------------------------------------------------------------------------

LOOKALIKES = {  # put together here, or this file would hold them
    "session": "00D" + "5g000004ABCD" + "!" + "AQ.x" * 8,
    "refresh token": "5Aep" + "861." * 12,
    "jwt": "eyJ" + "hbGciOiJSUzI1NiJ9" + ".eyJ" + "pc3MiOiJhIn0xyz" + "." + "c2lnbmF0dXJl",
    "private key": "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIE" * 12,
    "address with password": "https://me:" + "hunter2" + "@host.example",
    "cloud key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "forge token": "ghp_" + "a1B2" * 9,
}


@pytest.fixture
def repository(tmp_path):
    """An empty git repository, and what runs git in it."""

    def git(*arguments):
        names = ("-c", "user.name=x", "-c", "user.email=x@x.example", "-c", "commit.gpgsign=false")
        command = ["git", *names, *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    return tmp_path, git


def test_every_kind_of_secret_has_a_lookalike():
    """No kind of the table goes untried."""
    assert set(LOOKALIKES) == set(script("secret_scan").KINDS)


@pytest.mark.catalogue("S38")
@pytest.mark.parametrize("kind", LOOKALIKES)
def test_a_secret_is_found_wherever_git_has_it(repository, kind, capsys):
    """In a new file, in a version that is gone from the tree, in a message: by place and kind, and never shown."""
    scan, (root, git) = script("secret_scan"), repository
    (root / "new.txt").write_text(f"one\n{LOOKALIKES[kind]}\n")
    assert [tuple(find) for find in scan.tree(root)] == [("new.txt", kind, "new.txt:2")]
    git("add", "new.txt")
    git("commit", "-q", "-m", "x")
    git("rm", "-q", "new.txt")
    git("commit", "-q", "-m", f"Take it away: {LOOKALIKES[kind]}")
    assert list(scan.tree(root)) == []
    found = list(scan.history(root))
    assert sorted((find.path, find.kind) for find in found) == [("(commit)", kind), ("new.txt", kind)]
    told = "\n".join(scan.judged(found, {}))
    assert "new.txt@" in told
    assert LOOKALIKES[kind][8:24] not in told


@pytest.mark.catalogue("S38")
def test_ordinary_text_is_no_secret():
    """Ids, masks, PEM markers, placeholders and addresses without passwords pass."""
    text = b"""00D5g000004ABCD 00D...!... eyJ -----BEGIN PRIVATE KEY-----\\n...  https://user@host.example
    https://acme.my.salesforce.com:443/a@b  ghp_short AKIA  f"https://{user}:{password}@host" 5Aep861"""
    assert list(script("secret_scan").finds("x", text)) == []


@pytest.mark.catalogue("S38")
def test_a_lookalike_is_allowed_by_exact_file_and_kind():
    """Another file, or another kind in the same one, is told; so is a permission that nothing needs."""
    scan = script("secret_scan")
    found = [scan.Find("tests/a.py", "jwt", "tests/a.py:1"), scan.Find("tests/b.py", "jwt", "tests/b.py:1")]
    assert scan.judged(found, {"tests/a.py": ["jwt"], "tests/b.py": ["jwt"]}) == []
    assert scan.judged(found, {"tests/a.py": ["jwt"]}) == ["tests/b.py:1: looks like a secret (jwt)"]
    assert len(scan.judged(found[:1], {"tests/a.py": ["session"]})) == 2


@pytest.mark.catalogue("S38")
def test_the_tree_holds_no_secret():
    """Every file here is free of what looks like one, but for those that are allowed to."""
    if not (ROOT / ".git").exists():
        pytest.skip("no repository")
    scan = script("secret_scan")
    allowed = tomllib.loads(scan.ALLOWED.read_text("utf-8"))
    assert [find.where for find in scan.tree(ROOT) if find.kind not in allowed.get(find.path, ())] == []


# --- code and wheel --------------------------------------------------------------------------------------------------

RUNNING = {"eval", "exec", "compile", "__import__"}
LOADING = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "xml.etree"}


@pytest.mark.catalogue("S29", "S38")
def test_nothing_that_is_loaded_can_run():
    """No module of sfdata evaluates text or imports what turns data into objects at their own word."""
    word, found = re.compile("|".join(map(re.escape, RUNNING | LOADING))), []
    for path in (ROOT / "sfdata").rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if word.search(text.replace("re.compile", "")) else ():
            names = set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = {node.func.id} & RUNNING
            elif isinstance(node, ast.Import):
                names = {alias.name for alias in node.names} & LOADING
            elif isinstance(node, ast.ImportFrom):
                names = {node.module} & LOADING
            found += [f"{path}:{node.lineno}: {name}" for name in names]
    assert found == []


@pytest.mark.catalogue("S38")
def test_the_linter_checks_for_what_is_dangerous():
    """The rules of ruff's bandit family hold in the package; but for asserts, none is switched off for all of it."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)] == ["S101"]
    assert not [path for path, rules in lint["per-file-ignores"].items() if path.startswith("sfdata") and "S" in rules]


@pytest.mark.catalogue("S37")
def test_the_wheel_is_the_same_whoever_builds_it(tmp_path):
    """Two trees with other times, modes and orders of files give wheels of equal bytes."""
    pytest.importorskip("hatchling", reason="the wheel is built by what CI installs")
    source, wheels = tmp_path / "source", []
    for name in ("sfdata", "notebooks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for number, mode in [(1, 0o644), (2, 0o600)]:
        tree = tmp_path / str(number)
        shutil.copytree(source, tree)
        for path in sorted(tree.rglob("*"), reverse=number == 2):
            if path.is_file():
                path.chmod(mode)
                os.utime(path, (number * 10**9, number * 10**9))
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / f"out{number}")]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "TZ": ["UTC", "Asia/Tokyo"][number - 1]}
        subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True)
        (wheel,) = (tmp_path / f"out{number}").iterdir()
        wheels.append((wheel.name, hashlib.sha256(wheel.read_bytes()).hexdigest()))
    assert wheels[0] == wheels[1]


@pytest.mark.catalogue("S39")
def test_the_security_page_says_what_it_must():
    """How to report in private, what is supported, what is promised and what is not; no address that nobody reads."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)", text, re.MULTILINE)
    expected = {"Reporting a weakness", "Which versions are supported", "What is promised", "What is not promised"}
    assert expected <= set(headings)
    assert "private vulnerability reporting" in text
    assert not re.search(r"\S@\S+\.\w", text)
