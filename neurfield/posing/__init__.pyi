"""What `neurfield.posing` shows; `neurfield.lazy` reads it too."""

from neurfield.posing.from_pictures import FoundAgain as FoundAgain
from neurfield.posing.from_pictures import poses_from_pictures as poses_from_pictures
from neurfield.posing.gate import PoseNumbers as PoseNumbers
from neurfield.posing.import_photos import Imported as Imported
from neurfield.posing.import_photos import import_photos as import_photos
