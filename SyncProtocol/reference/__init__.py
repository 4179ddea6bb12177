"""A second client of the protocol, small and slow, written from the chapters beside this folder."""
import sys
from pathlib import Path

# The rules as plain functions stand beside the vectors that are made with them.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
