"""Gets files once, verified and cached: the calls that pooch documents, done by the `fetch` binary.

Where to switch from pooch, the import is all there is to change::

    import snakepipe_fetch as pooch

The rooms: `_pooch` has `retrieve`, `create` and `Pooch`; `_processors` and `_downloaders` what can be handed to
them; `_places` where files lie; `_hashes` digests and registries; `_program` runs the binary and reads its
records; `_errors` makes exceptions of them.
"""

from ._downloaders import DOIDownloader, FTPDownloader, HTTPDownloader, SFTPDownloader
from ._errors import DownloadError
from ._hashes import file_hash, make_registry
from ._log import get_logger
from ._places import check_version, os_cache
from ._pooch import Pooch, create, retrieve
from ._processors import Decompress, Untar, Unzip

__all__ = [
    "DOIDownloader",
    "Decompress",
    "DownloadError",
    "FTPDownloader",
    "HTTPDownloader",
    "Pooch",
    "SFTPDownloader",
    "Untar",
    "Unzip",
    "check_version",
    "create",
    "file_hash",
    "get_logger",
    "make_registry",
    "os_cache",
    "retrieve",
]
__version__ = "0.1.0"
