"""DDMI: shapes or pictures as latent planes, and a diffusion that makes new ones (Park et al., ICLR 2024)."""
