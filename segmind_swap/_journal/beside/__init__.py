"""The files beside a journal: jobs that it could not store, and decisions about pictures."""
