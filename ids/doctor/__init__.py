"""`ids doctor`: this machine, the files of a configuration, the embedded networks' quality."""
