"""`python3 SyncProtocol/reference COMMAND …`, from any folder."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reference.commands import main  # noqa: E402  (its package is found by the line above)

sys.exit(main())
