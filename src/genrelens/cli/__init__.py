"""The command line; the packages `library` and `studio` group the commands of a music library and of training."""
