"""What `neurfield.fields` shows; `neurfield.lazy` reads it too."""

from neurfield.fields.heads import Head as Head
from neurfield.fields.heads import make_occupancy as make_occupancy
from neurfield.fields.idr import Idr as Idr
from neurfield.fields.image import ImageField as ImageField
from neurfield.fields.image import ImageSample as ImageSample
from neurfield.fields.intrinsic import Intrinsic as Intrinsic
from neurfield.fields.latent import LatentRadiance as LatentRadiance
from neurfield.fields.make import make_picture as make_picture
from neurfield.fields.make import make_radiance as make_radiance
from neurfield.fields.make import make_sdf as make_sdf
from neurfield.fields.make_objects import instance_pixels as instance_pixels
from neurfield.fields.make_objects import make_objects as make_objects
from neurfield.fields.objects import ObjectsField as ObjectsField
from neurfield.fields.objects import OneObject as OneObject
from neurfield.fields.protocols import Color as Color
from neurfield.fields.protocols import DistanceField as DistanceField
from neurfield.fields.protocols import Distances as Distances
from neurfield.fields.protocols import Field as Field
from neurfield.fields.protocols import Learner as Learner
from neurfield.fields.radiance import Radiance as Radiance
from neurfield.fields.scene_encodings import EncodingSizes as EncodingSizes
from neurfield.fields.scene_encodings import make_encoding as make_encoding
from neurfield.fields.sdf import FieldSample as FieldSample
from neurfield.fields.sdf import SDFField as SDFField
from neurfield.fields.shaded import Shaded as Shaded
