"""Nodes, commands and DVC without the imports that every process of theirs begins with: forked off a process that has them.

`python -m stages train plain` spends 4 to 9 of its 5 to 10 CPU seconds on importing TensorFlow, MLflow and others. One
process of the test session (`server.py`) imports these, runs nothing of them, and forks itself for each start. A folder
that stands first on PATH holds `python`, `dvc` and others (`client.py`), which ask it; what they may not ask of it, they start
as ever: another option of Python, another environment that imports read, a process under limits or in a namespace.
The code under test is imported after the fork, from the folder in which the command runs.

`COLD` in the environment starts everything as ever. tests/test_forking.py holds that both give the same.
"""

import os
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path

ADDRESS, COLD = "IMAGETRAIL_TESTS_FORK_SERVER", "IMAGETRAIL_TESTS_COLD"
HERE = Path(__file__).parent


class ForkServer:
    """Listens at once, and imports only when the first client has come."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name in ("python", "dvc", "mlflow", "uvicorn"):
            client = self.bin / name
            client.write_text(f"#!{sys.executable} -IS\n{(HERE / 'client.py').read_text()}")
            client.chmod(0o755)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(folder / "socket"))
        self.listening.listen(64)
        self.process: subprocess.Popen[bytes] | None = None
        self.over, self.wake = socket.socketpair()
        self.waiting = threading.Thread(target=self.start_when_asked, args=(folder / "log",), daemon=True)
        self.waiting.start()

    def start_when_asked(self, log: Path) -> None:
        """Wait for a client, or the end of the session."""
        ready, _, _ = select.select([self.listening, self.over], [], [])
        if self.over in ready:
            return
        command = [sys.executable, str(HERE / "server.py"), str(self.listening.fileno()), str(self.bin)]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, pass_fds=[self.listening.fileno()], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    def close(self) -> None:
        """End the server."""
        self.wake.close()
        self.waiting.join()
        self.listening.close()
        if self.process:
            self.process.terminate()
            self.process.wait()


def announced(folder: Path) -> ForkServer:
    """Make a server for this session and its workers, and name its folder to them."""
    server = ForkServer(folder)
    os.environ[ADDRESS] = str(folder)
    return server


def programs() -> str:
    """The folder of the programs that ask the server."""
    return str(Path(os.environ[ADDRESS]) / "bin")


def client_of(program: str) -> str:
    """The client in the place of this Python; other programs are themselves."""
    return str(Path(programs()) / "python") if program == sys.executable else program
