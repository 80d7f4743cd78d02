"""Files: whole or not there, and nothing in them is run by opening one.

`save` and `load` write and read the data types, `save_table` and `load_table` tables for other
programs, `save_arrays` and `load_arrays` arrays with a JSON header, and `atomic` anything else.
`register` allows a class of your own in them.
"""

from neuroloom.shared.io._arrays import DamagedFileError, load_arrays, save_arrays
from neuroloom.shared.io._atomic import atomic
from neuroloom.shared.io._files import load, load_table, save, save_table
from neuroloom.shared.io._values import register

__all__ = [
    "DamagedFileError",
    "atomic",
    "load",
    "load_arrays",
    "load_table",
    "register",
    "save",
    "save_arrays",
    "save_table",
]
