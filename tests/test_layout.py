"""The rules of the house that a machine can check: map, names, sizes, imports, README."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "streaming", "kernels", "demos")
TOP = {
    *PACKAGES, "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
    "CONTRIBUTING.md", ".ci", ".gitignore", "Makefile",
}  # fmt: skip
README = (ROOT / "README.md").read_text()


def tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listing.stdout.splitlines() if (ROOT / name).exists()]


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_top_level_is_fixed() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP


def test_no_shadowed_package() -> None:
    for package in PACKAGES:
        module = importlib.import_module(package)
        assert Path(str(module.__file__)).is_relative_to(ROOT), f"another {package} shadows ours"


def test_file_sizes_and_names() -> None:
    banned = re.compile(r"^(utils|helpers|common|misc|base_.*|.*_manager|.*_handler|.*_v\d+)\.py$")
    for path in modules():
        assert not banned.match(path.name), f"{path} has a banned name"
        assert len(path.read_text().splitlines()) <= 500, f"{path} is longer than 500 lines"


def test_every_module_says_what_it_is() -> None:
    for path in modules():
        text = path.read_text()
        if text.strip():
            assert text.startswith('"""'), f"{path} has no module docstring"


def test_every_folder_has_a_readme() -> None:
    for package in PACKAGES:
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert (folder / "README.md").is_file(), f"{folder} has no README.md"


def file_map() -> dict[str, str]:
    """Paths of the README's file map with their annotations."""
    block = re.search(r"## File map\n.*?```text\n(.*?)```", README, re.S)
    assert block, "README has no file map"
    paths: dict[str, str] = {}
    stack: list[str] = []
    for line in block.group(1).splitlines():
        match = re.match(r"^( *)(\S+)\s{2,}(\S.*)$", line)
        assert match, f"file map line without annotation: {line!r}"
        depth = len(match.group(1)) // 2
        stack[depth:] = [match.group(2)]
        paths["".join(stack)] = match.group(3)
    return paths


def test_readme_file_map_is_complete_and_true() -> None:
    listed = {path for path in file_map() if not path.endswith("/")}
    for path in file_map():
        assert (ROOT / path).exists(), f"the README's file map names {path}, which does not exist"
    for path in modules():
        name = str(path.relative_to(ROOT))
        if path.name != "__init__.py" or path.parent.parent == ROOT:
            assert name in listed, f"{name} is missing from the README's file map"


def test_first_command_is_near_the_top() -> None:
    lines = README.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("```bash"))
    assert first < 20


def commands() -> list[str]:
    return [block.strip() for block in re.findall(r"```bash\n(.*?)```", README, re.S)]


def test_ci_runs_exactly_the_readme_test_command() -> None:
    test_command = next(command for command in commands() if "pytest" in command)
    assert test_command in (ROOT / ".ci" / "run").read_text()


def test_readme_python_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks, "the README shows no Python"
    for block in blocks:
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_public_names() -> None:
    import engine

    assert sorted(engine.__all__) == [
        "Audio", "Avatar", "Motion", "MotionClip", "PPGClip", "Style", "StyleLibrary",
        "Video", "VivifyError", "offline",
    ]  # fmt: skip
    for name in engine.__all__:
        assert getattr(engine, name)


def test_no_torch_on_the_live_line() -> None:
    code = "import sys, engine, streaming, demos.webcam_mirror; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_checkout_stays_small() -> None:
    total = sum((ROOT / name).stat().st_size for name in tracked())
    assert total < 55_000_000, f"{total / 1e6:.1f} MB in the checkout"


def test_nothing_is_unpickled() -> None:
    bad = re.compile(
        r"import c?pickle|pickle\.|torch\.load\((?!.*weights_only=True)|allow_pickle=True"
        r"|shell=True|(?<!\.)\beval\("
    )
    for path in modules():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not bad.search(line.split("#")[0]), f"{path}:{number}: {line.strip()}"
