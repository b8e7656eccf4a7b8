"""The server's core: application, settings, authentication, uploads, errors and telemetry."""
