"""Settings of the demo: the secret key it makes for itself, and headers on static files."""

from __future__ import annotations

import stat

from shopdemo.settings import _secret_key


def test_secret_key_is_made_once_and_readable_by_the_owner_only(tmp_path):
    path = tmp_path / "secret_key"
    key = _secret_key(path)
    assert len(key) > 50
    assert _secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_static_files_have_the_policy_too(client):
    response = client.head("/static/shopdemo/base.css")
    assert response.status_code == 200
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"
