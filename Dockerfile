# Every image of the fleet from one file:
#   docker build --build-arg COMMIT=$(git rev-parse HEAD) --target millrace  -t millrace .
#   docker build --target pgbouncer -t millrace-pgbouncer .

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The stores of `up` and the Node runtime are optional packages; services on Redis and PostgreSQL need neither.
RUN npm ci --omit=optional
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-bookworm-slim AS millrace
ARG COMMIT=
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY monitoring ./monitoring
RUN if [ -n "$COMMIT" ]; then printf '%s\n' "$COMMIT" > commit.txt; fi
ENV NODE_ENV=production
USER node
# docker stop sends SIGTERM to node itself: the service drains and exits 0.
ENTRYPOINT ["node", "--max-semi-space-size=4", "dist/cli/main.js"]
CMD ["--help"]

# PgBouncer from Debian: 1.21 or newer, because older ones cannot keep named statements in transaction mode.
FROM debian:trixie-slim AS pgbouncer
RUN apt-get update && apt-get install -y --no-install-recommends pgbouncer && rm -rf /var/lib/apt/lists/*
COPY deploy/pgbouncer.sh /usr/local/bin/start-pgbouncer
USER postgres
ENTRYPOINT ["sh", "/usr/local/bin/start-pgbouncer"]
