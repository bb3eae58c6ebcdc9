"""`imagetrail sbom`, `keys` and `sign` as a person types them: sentences, exit codes, and nothing where it doesn't belong."""

import json


def test_the_list_of_packages_is_written_before_a_difference_is_said(project):
    """Exit code 3 names a package that is in the lock file and not here; the list is there all the same."""
    lock = project.root / "requirements.lock"
    lock.write_text(lock.read_text() + "no-such-package==1.0\n")

    done = project.command("sbom", ok=False)
    assert done.returncode == 3 and "no-such-package" in done.stderr and "Traceback" not in done.stderr
    assert json.loads((project.root / "reports/sbom.json").read_text())["bomFormat"] == "CycloneDX"
    assert project.command("sbom", "--lock", "nowhere", ok=False).returncode == 1


def test_a_key_is_refused_in_the_repository_and_a_missing_model_is_a_sentence(project, tmp_path_factory):
    """Before anything has run there is nothing to sign."""
    keys = tmp_path_factory.mktemp("outside") / "keys"
    inside = project.command("keys", "keys", ok=False)
    assert inside.returncode == 1 and "git repository" in inside.stderr and not (project.root / "keys").exists()

    made = project.command("keys", str(keys), IMAGETRAIL_KEY_PASSWORD="correct horse")
    signed = project.command(
        "sign", "--key", str(keys / "private.pem"), ok=False, IMAGETRAIL_KEY_PASSWORD="correct horse"
    )
    assert signed.returncode == 1 and "champion.json is missing" in signed.stderr
    assert "correct horse" not in made.stdout + made.stderr + signed.stderr
