"""Takes the defence away that the environment names, in programs that load a plugin of these tests."""

import importlib
import os

if os.environ.get("MUTANT"):
    importlib.import_module(os.environ["MUTANT"])
