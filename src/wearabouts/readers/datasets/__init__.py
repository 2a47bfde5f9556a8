"""Published datasets, each read as its authors ship it, one dataset a module or package."""
