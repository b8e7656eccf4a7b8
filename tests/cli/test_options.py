import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from genrelens.cli.main import main


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    genres: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = builtins.__import__

    def import_without_sklearn(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", import_without_sklearn)
    for module in [name for name in sys.modules if name.startswith("genrelens.train")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "argv", ["genrelens", "data", "check", str(genres)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    message = str(exit_info.value.code)
    assert message.startswith("genrelens: this needs sklearn")
    assert "pip install 'genrelens[train]'" in message
