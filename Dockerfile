# The images of modiste. `api` and `worker` differ in what they run and share every layer; so do `worker-gpu` and
# `trainer`, which carry torch with its own CUDA libraries: the host brings the driver alone.
ARG PYTHON=3.11-slim-bookworm


FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
RUN python -m venv --without-pip /opt/venv


# pip compiles what it installs, so that no process does it at its start.
FROM build AS server-packages
COPY requirements-server.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/venv/bin/python install --require-hashes -r requirements-server.lock


FROM build AS gpu-packages
COPY requirements-gpu.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/venv/bin/python install --require-hashes -r requirements-gpu.lock


FROM build AS program
COPY LICENSE ./
COPY models models
COPY migrations migrations
COPY deploy/health.py deploy/
COPY db db
COPY store store
COPY metrics metrics
COPY vision vision
COPY broker broker
COPY worker worker
COPY trainer trainer
COPY api api
COPY cli cli
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash .


# What every container has: a user without a name to log in by, a place for files that may be lost (models out of the
# store, temporary files), and the program, which is found from any working directory and never shadowed by it.
FROM python:${PYTHON} AS base
RUN groupadd --gid 10001 modiste \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin modiste \
    && install --directory --owner 10001 --group 10001 /store /training \
    && install --directory --mode 1777 /scratch \
    && install --directory /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/scratch \
    TMPDIR=/scratch \
    MODISTE_HOME=/scratch \
    MODISTE_STORE=/store
COPY --chmod=755 deploy/modiste /usr/local/bin/modiste
WORKDIR /app
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="modiste" \
      org.opencontainers.image.description="Batch enrichment of fashion catalogues into PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
ENTRYPOINT ["modiste"]


FROM base AS server
COPY --from=server-packages /opt/venv /opt/venv
COPY --from=program /app /app


FROM base AS gpu
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-packages /opt/venv /opt/venv
COPY --from=program /app /app


FROM gpu AS trainer
WORKDIR /training
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "trainer"]
CMD ["--help"]


FROM gpu AS worker-gpu
HEALTHCHECK --interval=30s --timeout=15s --start-period=120s CMD ["python", "-m", "deploy.health", "worker"]
CMD ["worker"]


FROM server AS worker
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s CMD ["python", "-m", "deploy.health", "worker"]
CMD ["worker"]


# Last, so that a build without a target makes the image that needs nothing but two servers.
FROM server AS api
ENV MODISTE_HOST=0.0.0.0 MODISTE_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-m", "deploy.health", "api"]
CMD ["api"]
