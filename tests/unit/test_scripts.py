"""The page's modules, joined into one script."""

import re
from pathlib import Path

import pytest

from chatcore import scripts

MODULES = sorted(scripts.FOLDER.glob("*.js"))
IMPORT = re.compile(r'^import \{ ?[\w, ]+ ?\} from "\./[a-z_]+\.js";$')
TOP_LEVEL = re.compile(
    r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) +(?:\{([^}]*)\}|(\w+))", re.MULTILINE
)


@pytest.mark.parametrize("entry", sorted(scripts.ENTRIES))
def test_every_module_comes_once_and_after_those_that_it_imports(entry: str) -> None:
    joined = scripts.joined(entry)
    assert not re.search(r"^\s*(import|export)\b", joined, re.MULTILINE)
    names = [name for named in TOP_LEVEL.findall(joined) for name in re.findall(r"\w+", named[0] or named[1])]
    assert names
    assert sorted(names) == sorted(set(names)), "two modules have a name in common"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_written_so_that_it_can_be_joined(module: Path) -> None:
    source = module.read_text()
    for line in source.splitlines():
        if line.startswith("import"):
            assert IMPORT.match(line), f"one line, plain names: {line}"
        if line.startswith("export"):
            assert re.match(r"export (async )?(function|class|const|let)\b", line), line
    assert not re.search(r"\bimport\(|\bimport\.meta\b|^await\b", source, re.MULTILINE)


def test_an_import_that_leads_back_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    (tmp_path / "one.js").write_text('import { two } from "./two.js";\nexport const one = 1;\n')
    (tmp_path / "two.js").write_text('import { one } from "./one.js";\nexport const two = 2;\n')
    with pytest.raises(ValueError, match=r"one\.js > two\.js > one\.js"):
        scripts.joined("one.js")


def test_the_version_names_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\n\nconsole.log(a);\n')
    assert scripts.joined("b.js") == "const a = 1;\n\n\nconsole.log(a);\n"
