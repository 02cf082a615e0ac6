"""Where units of work run: in this process, on the GPUs of this machine, on a cluster."""

from ids.launch.command import Launched, launch
from ids.launch.devices import Devices
from ids.launch.here import Here
from ids.launch.launcher import Command, Launcher
from ids.launch.ray import Ray
from ids.launch.slurm import Slurm

__all__ = ["Command", "Devices", "Here", "Launched", "Launcher", "Ray", "Slurm", "launch"]
