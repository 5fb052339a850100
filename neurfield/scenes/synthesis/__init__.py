"""From a modelled room to a data set on disk: light, pictures, a walk, and errors made on purpose."""
