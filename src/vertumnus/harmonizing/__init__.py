"""One coherent image from layers: Collage Diffusion (Sarukkai et al., WACV 2024)."""
