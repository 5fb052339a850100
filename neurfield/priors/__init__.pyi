"""What `neurfield.priors` shows; `neurfield.lazy` reads it too."""

from neurfield.priors.guess import Guess as Guess
from neurfield.priors.guess import Guesser as Guesser
from neurfield.priors.made import MadePriors as MadePriors
from neurfield.priors.make import make_priors as make_priors
from neurfield.priors.network import Network as Network
from neurfield.priors.profiles import DEPTH as DEPTH
from neurfield.priors.profiles import NORMALS as NORMALS
from neurfield.priors.profiles import Profile as Profile
from neurfield.priors.profiles import profile_of as profile_of
