# Three stages: the dashboard, the binary, and an image that holds only the binary.
#   docker build -t squelch .
#   docker run -p 53:53/udp -p 53:53/tcp -v squelch:/var/lib/squelch squelch

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock rust-toolchain.toml build.rs ./
COPY src ./src
COPY benches ./benches
COPY blocklists ./blocklists
COPY config.example.toml ./
COPY --from=web /src/web/dist ./web/dist
RUN cargo build --release --locked && mkdir -p /empty

FROM gcr.io/distroless/cc-debian12:nonroot
# Port 53 needs no right inside a container whose unprivileged ports start at 0, the default of
# Docker and Podman; so it runs as `nonroot`.
COPY --from=build /src/target/release/squelch /usr/bin/squelch
COPY --from=build --chown=nonroot:nonroot /empty /var/lib/squelch
ENV SQUELCH_DATA_DIR=/var/lib/squelch
USER nonroot
VOLUME /var/lib/squelch
EXPOSE 53/udp 53/tcp
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/usr/bin/squelch", "healthy"]
ENTRYPOINT ["/usr/bin/squelch"]
CMD ["serve"]
