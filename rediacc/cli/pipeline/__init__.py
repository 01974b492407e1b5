"""What ``run`` gives a pipeline beside its exit code: files, annotations, sections of the log."""
