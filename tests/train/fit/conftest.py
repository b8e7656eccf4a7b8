"""Fixtures of the training loop's tests."""

import builtins
from pathlib import Path

import pytest

from genrelens.train.fit import tracking


@pytest.fixture
def wandb_without_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Weights & Biases without a login and without a network."""
    wandb = pytest.importorskip("wandb")
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(tracking, "_TIMEOUT", 1.0)
    monkeypatch.setattr(builtins, "input", None)  # a prompt would fail the test
    wandb.teardown()
