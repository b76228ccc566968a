# Stands in for the official image of prometheus where registries cannot be reached: what real-mode/compose.yaml uses of it.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
USER prometheus
ENTRYPOINT ["prometheus"]
