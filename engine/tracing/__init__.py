"""Traces: what was done for one task, by which process, from when to when; shown by OpenTelemetry."""
