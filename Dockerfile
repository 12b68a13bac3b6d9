# syntax=docker/dockerfile:1
# Sluice as an image: what `npm pack` would publish, its run-time dependencies from the lock file, and Node.
#   docker build -t sluice .
#   docker run -v ./sluice.yaml:/etc/sluice/sluice.yaml:ro -v sluice:/var/lib/sluice -p 127.0.0.1:15432:15432 sluice
# test/integration/sinks-image.test.ts runs the same steps without Docker; so RUN uses relative paths only.
FROM node:24.21.0-bookworm-slim AS base
ENV NODE_ENV=production NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false

FROM base AS dependencies
WORKDIR /sluice
COPY package.json package-lock.json ./
# The optional ones are Node itself, which is here already. chdb is a peer for those who want history without a server.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --prefer-offline

FROM base AS build
WORKDIR /source
COPY package.json package-lock.json ./
# --libc: leaves out databases that tests bring along as native libraries; the compiler needs none.
RUN npm ci --include=dev --ignore-scripts --prefer-offline --libc=musl
COPY tsconfig.json tsconfig.build.json LICENSE README.md ./
COPY bin ./bin
COPY scripts ./scripts
COPY src ./src
COPY protocol-filters ./protocol-filters
COPY dashboards/live ./dashboards/live
COPY dashboards/clickhouse ./dashboards/clickhouse
RUN npm run build
RUN npm pack --ignore-scripts && mkdir package spool && tar -xzf sluice-*.tgz

# The demo's traffic (docker-compose.yml), with the drivers that it uses.
FROM base AS load
WORKDIR /load
COPY package.json package-lock.json ./
RUN npm ci --include=dev --omit=optional --ignore-scripts --prefer-offline
COPY --from=build /source/package ./
USER node
ENTRYPOINT ["node", "dist/src/cli/demo/load.js"]

FROM base AS sluice
WORKDIR /sluice
COPY --from=dependencies /sluice/node_modules ./node_modules
COPY --from=build /source/package ./
# A volume that is mounted here for the first time takes this owner over.
COPY --from=build --chown=node:node /source/spool /var/lib/sluice
USER node
# Admin, metrics, and the usual ports of Postgres, MySQL, Redis, MongoDB, ZooKeeper and Kafka behind Sluice; sluice.yaml decides.
EXPOSE 9901 9100 15432 13306 16379 37017 12181 19092
VOLUME /var/lib/sluice
# Drains: connections end at a quiet point, or at drain_timeout.
STOPSIGNAL SIGTERM
ENV SLUICE_READY_URL=http://127.0.0.1:9901/ready
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["node", "-e", "fetch(process.env.SLUICE_READY_URL).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/sluice.mjs"]
CMD ["run", "-c", "/etc/sluice/sluice.yaml"]
