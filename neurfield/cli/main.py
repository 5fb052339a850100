"""The `neurfield` command: which verbs there are, and what an exit code means."""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from collections.abc import Sequence

from neurfield.cli.console import complain
from neurfield.cli.dispatch import Verb, dispatch
from neurfield.cli.interrupts import kept_while_importing
from neurfield.errors import UserError

STARTED = time.perf_counter()  # of the command, but for the interpreter's own start
ABOUT = "Neural fields that end as surfaces: images, depth and priors in, a mesh in your own frame out."
VERBS = {
    "fit": Verb(
        "neurfield.cli.fit:fit",
        "fit a field to a scene, a shape, an image or slices; its mesh, numbers and a report",
    ),
    "mesh": Verb(
        "neurfield.cli.mesh:mesh",
        "a run's surface again: other voxels, format, colours; a cloud's surface; a mesh file cleaned",
    ),
    "eval": Verb("neurfield.cli.eval:evaluate", "geometry and image numbers of a run"),
    "view": Verb(
        "neurfield.cli.view:view",
        "look at a run, a mesh, slices or a scene; --web and --screenshot need no display",
    ),
    "render": Verb(
        "neurfield.cli.render:render", "pictures or a film of a run: around it, its cameras, a recorded walk"
    ),
    "distill": Verb(
        "neurfield.cli.distill:distill", "a run's field again as thousands of tiny networks, quick to trace"
    ),
    "scene": Verb("neurfield.cli.scene:scene", "list, describe, make, import, match or check scenes"),
    "shape": Verb("neurfield.cli.shape:shape", "clouds of points: normals for them"),
    "slices": Verb(
        "neurfield.cli.slices:slices",
        "cross-sections: cut from meshes, brought in, checked, one label of several",
    ),
    "triplane": Verb(
        "neurfield.cli.triplane:triplane", "learning over fields: shapes as tri-planes, told apart"
    ),
    "generate": Verb(
        "neurfield.cli.generate:generate", "new shapes or pictures like those of a folder; learn how, first"
    ),
    "methods": Verb("neurfield.cli.methods:methods", "list methods, or show the parts and numbers of one"),
    "parts": Verb("neurfield.cli.methods:parts", "list the parts of methods, or show the numbers of one"),
    "settings": Verb(
        "neurfield.cli.settings:settings",
        "every number of a fit: what it means, what it may be, which methods and presets change it",
    ),
    "bench": Verb(
        "neurfield.cli.bench:bench", "measure the kernels beside their peers (in a source checkout)"
    ),
    "doctor": Verb(
        "neurfield.cli.doctor:doctor", "what this machine offers, what is missing, and how to get it"
    ),
}
DONE, FAILED, USER_ERROR, INTERRUPTED = 0, 1, 2, 130

_NOT_WRITABLE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EISDIR,
    errno.ENAMETOOLONG, errno.EFBIG,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 done, 1 failed, 2 the user's mistake (said in one line), 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        from neurfield import __version__

        print(f"neurfield {__version__}")
        return DONE
    try:
        with kept_while_importing():
            return dispatch("neurfield", ABOUT, VERBS, words)
    except UserError as error:
        return _complain(str(error), USER_ERROR)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`neurfield ... | head`); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        trouble = disk_trouble(error)
        if trouble:
            return _complain(trouble, USER_ERROR)
        if os.environ.get("NEURFIELD_DEBUG") == "1":
            traceback.print_exc()
        hint = "" if os.environ.get("NEURFIELD_DEBUG") == "1" else " (NEURFIELD_DEBUG=1 shows where)"
        return _complain(f"failed: {type(error).__name__}: {error}{hint}", FAILED)


def disk_trouble(error: Exception) -> str | None:
    """One line on a file or folder that cannot be written or read, if that is what the error is about."""
    if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; free some space or choose another folder"
    if "os error 28" in str(error):  # how safetensors reports a full disk
        return "No space left on device; free some space or choose another folder"
    return None


def _complain(line: str, code: int) -> int:
    complain(line)
    return code
