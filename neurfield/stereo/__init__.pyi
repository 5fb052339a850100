"""What `neurfield.stereo` shows; `neurfield.lazy` reads it too."""

