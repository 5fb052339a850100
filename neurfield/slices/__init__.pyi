"""What `neurfield.slices` shows; `neurfield.lazy` reads it too."""

from neurfield.slices.contours import Contour as Contour
from neurfield.slices.contours import Plane as Plane
from neurfield.slices.contours import Slice as Slice
from neurfield.slices.contours import Slices as Slices
from neurfield.slices.csl import write_csl as write_csl
from neurfield.slices.cut import cut as cut
from neurfield.slices.cut import parallel_planes as parallel_planes
from neurfield.slices.cut import random_planes as random_planes
from neurfield.slices.findings import Finding as Finding
from neurfield.slices.inner import enclosed_labels as enclosed_labels
from neurfield.slices.inner import inner_labels as inner_labels
from neurfield.slices.label_volumes import LabelVolume as LabelVolume
from neurfield.slices.label_volumes import read_label_volume as read_label_volume
from neurfield.slices.label_volumes import slices_of_volume as slices_of_volume
from neurfield.slices.mend import label_at as label_at
from neurfield.slices.mend import looked_over as looked_over
from neurfield.slices.mend import mend as mend
from neurfield.slices.planar import inside as inside
from neurfield.slices.planar import signed_distance as signed_distance
from neurfield.slices.read import read_slices as read_slices
from neurfield.slices.regions import regions as regions
from neurfield.slices.select import ChosenLabel as ChosenLabel
from neurfield.slices.select import select as select
from neurfield.slices.stacks import read_stack as read_stack
