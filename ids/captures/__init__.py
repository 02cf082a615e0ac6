"""Captures: photos of a scene with their cameras, one file format per file. `__all__` lists the
classes that a configuration may name.
"""

from ids.captures.capture_folder import CaptureFolder
from ids.captures.capture_folder import CaptureImage as CaptureImage
from ids.captures.gaussians import read_gaussians as read_gaussians
from ids.captures.nerfstudio import read_model_frame as read_model_frame
from ids.captures.opening import Reading as Reading
from ids.captures.opening import open_capture as open_capture

__all__ = ["CaptureFolder"]
