"""What `neurfield.stereo` shows; `neurfield.lazy` reads it too."""

from neurfield.stereo.contradicted import Contradicted as Contradicted
from neurfield.stereo.contradicted import contradicted as contradicted
from neurfield.stereo.gains import Exposure as Exposure
from neurfield.stereo.gains import exposure as exposure
from neurfield.stereo.hull import Hull as Hull
from neurfield.stereo.hull import visual_hull as visual_hull
from neurfield.stereo.maps import Flag as Flag
from neurfield.stereo.maps import FrameMaps as FrameMaps
from neurfield.stereo.maps import StereoMaps as StereoMaps
from neurfield.stereo.match import match as match
from neurfield.stereo.pictures import ScenePictures as ScenePictures
from neurfield.stereo.pictures import scene_pictures as scene_pictures
from neurfield.stereo.planar import Completed as Completed
from neurfield.stereo.planar import complete_planes as complete_planes
from neurfield.stereo.read import read_maps as read_maps
from neurfield.stereo.settings import StereoSettings as StereoSettings
from neurfield.stereo.settings import stereo_settings as stereo_settings
from neurfield.stereo.views import select_sources as select_sources
