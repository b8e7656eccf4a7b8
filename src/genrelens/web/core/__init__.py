"""Components that know nothing of routes and workers: settings, authentication, uploads, problems, telemetry."""
