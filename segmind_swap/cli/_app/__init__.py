"""The names, options and help of the commands. `app` gathers the modules, in the order of the help."""
