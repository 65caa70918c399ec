"""Which tile goes where: the grid, what cells and tiles are compared by, the assignment and its limits."""
