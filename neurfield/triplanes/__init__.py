"""Many shapes as tri-planes, and networks that tell from those what the shapes are, and their parts."""
