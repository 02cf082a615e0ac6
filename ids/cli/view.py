"""The `ids view` command: an edited scene in the browser."""

import argparse
from collections.abc import Sequence
from typing import Any

from ids.cli.selecting import add_store
from ids.core.errors import ConfigError

PORT = 8080
VIEW = """look at an edited scene in the browser, through any camera; needs viser (the extra `view`)

  ids view 3fb1c2                  the edited and the unedited scene, and the cameras of the photos
  ids view 3fb1c2 --port 9000

Give it in the folder in which the run was started. It serves this machine alone, until Ctrl-C; from
another one: ssh -L 8080:localhost:8080 HOST.
"""


def add_parser(verbs: Any) -> None:
    """Add `view`."""
    view = verbs.add_parser(
        "view",
        help="look at an edited scene in the browser",
        description=VIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_store(view)
    view.add_argument("key", help="the beginning of its key; `ids results list` shows all")
    view.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    view.set_defaults(act=_view)


def _view(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.launch.viewed import viewed_scene
    from ids.log.progress import RunProgress
    from ids.report.console import say
    from ids.report.scene_viewer import SceneServer, check_viewer

    if not 1 <= args.port <= 65535:
        raise ConfigError(f"--port: expected 1 to 65535; got {args.port}; change it")
    check_viewer()
    with RunProgress() as progress:
        viewed = viewed_scene(args.output_dir, args.key, progress)
    server = SceneServer(viewed, args.port)
    say(f"{server.address}  {viewed.title}; Ctrl-C ends it")
    server.wait()
    return 0
