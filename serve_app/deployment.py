"""The application on Ray Serve: which options its replicas have, and how each one connects. Routes are not here."""

from __future__ import annotations

from fastapi import FastAPI
from ray import serve
from ray.serve.config import BackpressureConfig
from ray.serve.schema import LoggingConfig

from actors.handles import connect
from actors.loopback import keep_replica_private
from engine.access.audit import AuditLog, audit_file
from engine.config import Settings
from serve_app.application import create_app
from serve_app.ray_metrics import RayMetrics

NAME = "remora-http"
_STOP_S = 5.0
_STOP_POLL_S = 0.1
_RETRY_AFTER_S = 1.0


@serve.ingress()
class HttpReplica:
    """One process that answers HTTP. Owns nothing: any number of them may run."""

    def __init__(self, settings: Settings) -> None:
        keep_replica_private()
        self._settings = settings

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve in the replica, so that neither the application nor a handle has to be pickled.

        Serve's own layer puts `X-Request-ID` on each request and on each answer.
        """
        return create_app(
            connect(self._settings),
            self._settings,
            tells_request_id=False,
            ray_metrics=RayMetrics().fetch,
            audit=AuditLog(audit_file(self._settings)),
        )


def deploy(settings: Settings) -> serve.Application:
    """The Serve application with replicas as `settings` ask for.

    A replica takes more requests than the engine admits: the engine's refusal knows how long its queue is, Serve's
    only that there is one. No CPUs are reserved, as for the actors.
    """
    limits = settings.limits
    most = 2 * (limits.pending_operations + limits.pending_reads)
    configured = serve.deployment(
        name=NAME,
        num_replicas=settings.runtime.replicas,
        max_ongoing_requests=most,
        max_queued_requests=most,
        backpressure_config=BackpressureConfig(status_code=429, retry_after_s=_RETRY_AFTER_S),
        ray_actor_options={"num_cpus": 0},
        logging_config=LoggingConfig(enable_access_log=False),
        graceful_shutdown_timeout_s=_STOP_S,
        graceful_shutdown_wait_loop_s=_STOP_POLL_S,
    )
    return configured(HttpReplica).bind(settings)
