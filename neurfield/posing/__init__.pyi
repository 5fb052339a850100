"""What `neurfield.posing` shows; `neurfield.lazy` reads it too."""

from neurfield.posing.gate import PoseNumbers as PoseNumbers
from neurfield.posing.import_photos import Imported as Imported
from neurfield.posing.import_photos import import_photos as import_photos
