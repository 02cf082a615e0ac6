"""A scene before and after its edit in the browser, through any camera, drawn by viser."""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ids.captures.poses import flipped, rotation_of
from ids.core.camera import Camera
from ids.core.capture import Capture
from ids.core.errors import ConfigError, UnsupportedError
from ids.images import to_array
from ids.run.scene_files import grey_distances
from ids.scenes.model import SceneModel, render_view
from ids.scenes.path import focus_of

HOST = "127.0.0.1"  # a viewer of others' scenes is for this machine; from elsewhere: ssh -L
COARSE = 64  # rows of a view while its camera moves
ROWS = (128, 512, 64, 256)  # of one that rests: least, most, step, first
COLOURS, DISTANCES = "colours", "distances"
FITTED, HELD_OUT = (40, 110, 220), (220, 120, 20)  # of the photos' cameras
FRUSTUM = 0.05  # size of a photo's camera, of the distance of the farthest one
LINE = 1.5  # width of its edges in pixels
Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ViewedScene:
    """The edited and the unedited model of a scene, and the capture that they are of."""

    title: str
    edited: SceneModel
    unedited: SceneModel
    capture: Capture

    def image(self, edited: bool, shown: str, camera: Camera) -> Pixels:
        """What a camera sees, [height, width, 3]: colours, or distances with near ones bright."""
        view = render_view(self.edited if edited else self.unedited, camera)
        if shown == DISTANCES:
            return to_array(grey_distances(view.distance[None])[0][0])
        return to_array(view.image)


def browser_camera(
    capture: Capture, wxyz: Numbers, position: Numbers, fov: float, aspect: float
) -> Camera:
    """The camera of a browser, `COARSE` rows high: its rotation (w, x, y, z) has OpenCV's axes,
    `fov` is vertical, in radians. It sees from the nearest to the farthest point of all photos.
    """
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation_of(wxyz.tolist()), position
    photos = [photo.camera for photo in capture.photos]
    height, width = COARSE, max(round(COARSE * aspect), 1)
    focal = height / 2 / math.tan(fov / 2)
    return Camera(
        torch.from_numpy(flipped(pose)).to(photos[0].c2w),
        focal,
        focal,
        width / 2,
        height / 2,
        height,
        width,
        min(camera.near for camera in photos),
        max(camera.far for camera in photos),
    )


def check_viewer() -> None:
    """`UnsupportedError` without viser."""
    try:
        import viser  # noqa: F401
    except ImportError:
        raise UnsupportedError(
            "ids view: expected the package viser; got none; pip install 'ids-editing[view]'"
        ) from None


@dataclass
class SceneServer:
    """Serves a scene on a port of this machine until it is closed. `ConfigError` for a port that is
    taken, `UnsupportedError` without viser.
    """

    viewed: ViewedScene
    port: int
    _server: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_viewer()
        import viser

        self._server = viser.ViserServer(HOST, self.port, self.viewed.title, verbose=False)
        if self._server.get_port() != self.port:  # viser takes the next free one
            self.close()
            raise ConfigError(
                f"--port: expected a free port; got {self.port}, which is taken; name another"
            )
        self._server.gui.configure_theme(show_logo=False)
        self._server.scene.set_up_direction("+z")
        self._server.on_client_connect(
            lambda client: _Browser(self.viewed, self._server, client).start()
        )

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.port}"

    def close(self) -> None:
        """End it, with all connections."""
        self._server.stop()

    def wait(self) -> None:
        """Until the process is interrupted."""
        while True:
            time.sleep(3600)


@dataclass
class _Browser:
    """One browser: the view through its camera is drawn behind the cameras of the photos."""

    viewed: ViewedScene
    server: Any
    client: Any
    _changed: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Add controls and cameras, look through the first photo's, and draw from now on."""
        gui = self.client.gui
        self.edited = gui.add_checkbox("edited", True)
        self.shown = gui.add_dropdown("show", (COLOURS, DISTANCES))
        low, high, step, first = ROWS
        self.rows = gui.add_slider("rows", low, high, step, first, hint="of a view at rest")
        cameras = gui.add_checkbox("cameras of photos", True)
        gui.add_markdown("Click a camera to look through it.")
        frustums = [self._frustum(number) for number in range(len(self.viewed.capture.photos))]
        cameras.on_update(lambda _: _show(frustums, cameras.value))
        for control in (self.edited, self.shown, self.rows):
            control.on_update(lambda _: self._changed.set())
        self.client.camera.on_update(lambda _: self._changed.set())
        self._look_through(0)
        threading.Thread(target=self._draw, daemon=True).start()

    def _frustum(self, number: int) -> Any:
        photo = self.viewed.capture.photos[number]
        camera = photo.camera
        frustum = self.client.scene.add_camera_frustum(
            f"/photos/{number}",
            2 * math.atan(camera.height / 2 / camera.fy),
            camera.width / camera.height,
            scale=FRUSTUM,
            thickness=LINE,
            thickness_units="screen",
            color=HELD_OUT if photo.is_held_out else FITTED,
            wxyz=_wxyz(camera),
            position=camera.centre.cpu().numpy(),
        )
        frustum.on_click(lambda _: self._look_through(number))
        return frustum

    def _look_through(self, number: int) -> None:
        """Turns go around the point that all cameras look at."""
        cameras = [photo.camera for photo in self.viewed.capture.photos]
        places = torch.stack([camera.centre for camera in cameras])
        forward = torch.stack([camera.forward for camera in cameras])
        reach = float((focus_of(places, forward) - places[number]) @ forward[number])
        camera, own = self.client.camera, cameras[number]
        camera.position = own.centre.cpu().numpy()
        camera.look_at = (own.centre + max(reach, 0.1) * forward[number]).cpu().numpy()
        camera.fov = 2 * math.atan(own.height / 2 / own.fy)

    def _draw(self) -> None:
        """Coarse at once, fine when nothing has changed meanwhile."""
        self._changed.set()
        while self.client.client_id in self.server.get_clients():
            if not self._changed.wait(timeout=1):
                continue
            self._changed.clear()
            for rows in (COARSE, int(self.rows.value)):
                if not self._changed.is_set():
                    self.client.scene.set_background_image(self._image(rows))

    def _image(self, rows: int) -> Pixels:
        eye = self.client.camera
        camera = browser_camera(self.viewed.capture, eye.wxyz, eye.position, eye.fov, eye.aspect)
        sized = camera.resized(rows, max(round(rows * eye.aspect), 1))
        return self.viewed.image(self.edited.value, self.shown.value, sized)


def _show(handles: Sequence[Any], visible: bool) -> None:
    for handle in handles:
        handle.visible = visible


def _wxyz(camera: Camera) -> Numbers:
    """The rotation of a camera with OpenCV's axes as a quaternion."""
    from viser.transforms import SO3

    found: Numbers = SO3.from_matrix(flipped(camera.c2w.cpu().double().numpy())[:3, :3]).wxyz
    return found
