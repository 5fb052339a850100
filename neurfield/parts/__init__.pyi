"""What `neurfield.parts` shows; `neurfield.lazy` reads it too."""

from neurfield.parts.config import Config as Config
from neurfield.parts.config import load_config as load_config
from neurfield.parts.config import read_config as read_config
from neurfield.parts.config import save_config as save_config
from neurfield.parts.config import spelled_out as spelled_out
from neurfield.parts.differences import differences as differences
from neurfield.parts.groups import Data as Data
from neurfield.parts.groups import Train as Train
from neurfield.parts.needs import Needs as Needs
from neurfield.parts.needs import needs as needs
from neurfield.parts.needs import needs_of as needs_of
from neurfield.parts.numbers import Declared as Declared
from neurfield.parts.numbers import Number as Number
from neurfield.parts.numbers import summary as summary
from neurfield.parts.offers import awake as awake
from neurfield.parts.offers import looked_at as looked_at
from neurfield.parts.part import Part as Part
from neurfield.parts.plugins import whole_shelf as whole_shelf
from neurfield.parts.presets import about as about
from neurfield.parts.presets import methods as methods
from neurfield.parts.shelf import SLOTS as SLOTS
from neurfield.parts.shelf import Entry as Entry
from neurfield.parts.shelf import Shelf as Shelf
from neurfield.parts.shelf import Slot as Slot
