"""Decides whether the address of a recording names a file on this machine or something on the web.

A file of that name comes first. Opens nothing.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from stylebox.core.audio.io.files import AUDIO_SUFFIXES
from stylebox.core.paths import expanded, listed

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: C: is a disk
_SITE = re.compile(r"(www\.\S+|[\w-]+(\.[\w-]+)*\.[a-z]{2,}/\S*)", re.IGNORECASE)


def local_path(address: str, folder: Path) -> Path | None:
    """Give the file that `address` names, whether or not it exists; None if the address is on the web.

    Args:
        address: A path, a file:// address, or a web address.
        folder: The folder that relative paths start from.

    >>> local_path("takes/a.wav", Path("/music")), local_path("https://example.org/a.wav", Path("/music"))
    (PosixPath('/music/takes/a.wav'), None)
    """
    if (found := listed(folder, address)) is not None:  # a name may look like an address: "Bach: Prelude.wav"
        return found
    path = folder / expanded(address)
    if address[:5].lower() == "file:":
        try:
            named = urlsplit(address.replace("?", "%3F").replace("#", "%23"))  # which names of files may have
        except ValueError:  # a bracket where a server would be
            return path
        server = "" if named.netloc.lower() in ("", "localhost") else f"//{named.netloc}"
        return folder / url2pathname(server + named.path)
    if _SCHEME.match(address):
        meant_as_file = "//" not in address and path.suffix.lower() in AUDIO_SUFFIXES
        return path if meant_as_file else None
    return None if _SITE.fullmatch(address) else path


def web_address(address: str) -> str:
    """Give `address` with a scheme; https:// is added where it is missing."""
    return address if _SCHEME.match(address) else f"https://{address}"
