"""Evidence: what the parties hand in, judged by its content, sealed at rest and never changed afterwards."""
