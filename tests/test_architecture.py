"""What the documents promise is what the program does, and states change in one place only."""

import ast
import importlib
import re
from pathlib import Path

import grimp
from django.conf import settings

from connector.domain.reasons import as_markdown

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
CODE = ("connector", "mappings", "audit", "sandbox")
COMMANDS = ROOT / "connector" / "management" / "commands"


def source() -> list[Path]:
    """Every module of ours that a person wrote."""
    files = (file for folder in CODE for file in (ROOT / folder).rglob("*.py"))
    return [file for file in files if "migrations" not in file.parts]


def rows(document: str) -> list[list[str]]:
    """The cells of every table row in a document."""
    lines = (DOCS / document).read_text(encoding="utf-8").splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells]


def anchor(heading: str) -> str:
    """The address of a heading inside its page."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def headings(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)


def test_every_reason_has_its_row_and_no_row_is_left_over() -> None:
    table = (DOCS / "errors.md").read_text(encoding="utf-8")
    found = [row for row in table.splitlines() if row.startswith("| `") and row.count("|") == 5]
    assert found == as_markdown()


def test_every_command_has_its_row() -> None:
    commands = {file.stem for file in COMMANDS.glob("*.py") if file.stem != "__init__"}
    told = {row[0].strip("`").split()[0] for row in rows("commands.md") if row[0].startswith("`")}
    assert commands - told == set()


ENVIRONMENT_READERS = ("settings.py", "environment.py")


def test_every_variable_is_explained_and_in_the_example() -> None:
    folder = ROOT / "connector"
    sources = [(folder / name).read_text(encoding="utf-8") for name in ENVIRONMENT_READERS]
    read = set(re.findall(r'(?:_env|self)\.[a-z_]+\(\s*"([A-Z_]+)"', "".join(sources)))
    read |= {f"OIDC_{name}" for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}  # made by a loop
    assert len(read) > 12
    explained = {
        name for row in rows("configuration.md") for name in row[0].strip("`").split("`, `")
    }
    assert read - explained == set()
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert read == set(re.findall(r"^#? ?([A-Z_]+)=", example, flags=re.MULTILINE))


def test_every_section_that_the_code_cites_exists() -> None:
    cited = [
        (file.name, name, section)
        for file in source()
        for name, section in re.findall(
            r'docs/([a-z]+\.md)(?:, "([^"]+)")?', file.read_text(encoding="utf-8")
        )
    ]
    assert cited
    for file, name, section in cited:
        assert (DOCS / name).is_file(), f"{file} cites docs/{name}"
        assert not section or section in headings(DOCS / name), f"{file} cites {name}, {section}"


def test_every_link_between_the_documents_leads_somewhere() -> None:
    pages = [*DOCS.glob("*.md"), *ROOT.glob("*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            name, _, part = target.partition("#")
            if "://" in target:
                continue
            goal = page.parent / name if name else page
            assert goal.is_file(), f"{page.name} links to {target}"
            assert not part or part in map(anchor, headings(goal)), f"{page.name}: {target}"


def sets_state(file: Path) -> bool:
    """Whether a module assigns an attribute `state`, or updates a column of that name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(it, ast.Attribute) and it.attr == "state" for it in targets):
                return True
        updates = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "update"
        if updates and any(it.arg == "state" for it in node.keywords):
            return True
    return False


def writes_steps(file: Path) -> bool:
    """Whether a module imports what writes the columns of postings."""
    writers = {"change", "change_some", "lease", "store", "update"}
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "audit.transitions"
        and any(name.name in writers for name in node.names)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )


def test_only_the_steps_of_a_posting_change_its_state() -> None:
    ours = [file for file in source() if file.relative_to(ROOT).parts[0] != "sandbox"]
    found = [file.relative_to(ROOT).as_posix() for file in ours if sets_state(file)]
    found = [name for name in found if not name.startswith("connector/jobs/")]  # their own state
    assert found == [], "a state is changed by the steps in audit/ledger, with the trail"
    steps = {file.relative_to(ROOT).as_posix() for file in ours if writes_steps(file)}
    assert steps == {
        f"audit/ledger/{name}.py"
        for name in ("intake", "invoice_number", "leases", "lifecycle", "outcomes", "triage")
    }


def walk() -> list[tuple[int, str, str]]:
    """The steps of a bill's walk: how deep it stands, module and name."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    part = text.split("### One bill through the rooms", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^( *)- `([\w.]+):(\w+)`", part, re.MULTILINE)
    return [(len(indent) // 2, module, name) for indent, module, name in found]


def calls() -> set[tuple[str, str]]:
    """The walk as pairs of modules: what calls, and what it calls, however indirectly."""
    above: list[str] = []
    pairs = set()
    for depth, module, _ in walk():
        pairs |= {(caller, module) for caller in above[:depth] if caller != module}
        above[depth:] = [module]
    return pairs


def test_the_walk_of_a_bill_names_what_exists_in_few_rooms() -> None:
    assert len(walk()) > 15
    for _, module, name in walk():
        assert callable(getattr(importlib.import_module(module), name, None)), f"{module}:{name}"
    rooms = {".".join(module.split(".")[:2]) for _, module, _ in walk()}
    assert len(rooms) <= 12


def test_each_step_of_the_walk_knows_the_next_and_none_the_one_before() -> None:
    graph = grimp.build_graph("connector", "mappings", "audit", cache_dir=None)
    assert len(calls()) > 15
    for caller, called in calls():
        assert graph.chain_exists(importer=caller, imported=called), f"{caller} -> {called}"
        assert not graph.chain_exists(importer=called, imported=caller), f"{called} -> {caller}"


def test_beside_its_rooms_the_application_has_only_what_is_listed() -> None:
    listed = {"apps", "checks", "environment", "health", "logging", "models", "settings", "urls"}
    loose = {file.stem for file in (ROOT / "connector").glob("*.py")} - {"__init__"}
    assert loose == {*listed, "wsgi"}


def test_every_file_that_the_documents_name_exists() -> None:
    ours = [*source(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    files = {file.relative_to(ROOT).as_posix() for file in ours}
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]:
        for name in re.findall(r"`([\w./]+\.py)`", page.read_text(encoding="utf-8")):
            assert any(file == name or file.endswith(f"/{name}") for file in files), (
                f"{page.name} names {name}"
            )
