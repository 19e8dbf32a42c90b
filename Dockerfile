# Three stages: the dashboard, the binary, and an image that holds only the binary.
#   docker build -t squelch .
#   docker run --network host --cap-add NET_BIND_SERVICE -v squelch:/var/lib/squelch squelch
# With the host's network devices are told apart by their own addresses, and the dashboard is at
# http://127.0.0.1:8053 of the host; `-e SQUELCH_WEB__LISTEN=0.0.0.0:8053` opens it to other machines:
# the log then shows a code that sets the password, or give it with `-e SQUELCH_WEB__PASSWORD`. With
# `-p 53:53/udp -p 53:53/tcp` instead DNS works too, but every device looks like the bridge.

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock rust-toolchain.toml build.rs ./
COPY .cargo ./.cargo
COPY src ./src
COPY benches ./benches
COPY blocklists ./blocklists
COPY config.example.toml ./
COPY --from=web /src/web/dist ./web/dist
RUN cargo build --release --locked && mkdir -p /empty

FROM gcr.io/distroless/cc-debian12:nonroot
# It runs as `nonroot`: unprivileged ports start at 0 in a container's own network, and with the
# host's network CAP_NET_BIND_SERVICE is enough where the kernel passes it on (ambient), else set
# `dns.listen` to a port above 1023 or net.ipv4.ip_unprivileged_port_start=53 on the host.
COPY --from=build /src/target/release/squelch /usr/bin/squelch
COPY --from=build --chown=nonroot:nonroot /empty /var/lib/squelch
ENV SQUELCH_DATA_DIR=/var/lib/squelch
USER nonroot
VOLUME /var/lib/squelch
EXPOSE 53/udp 53/tcp
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/usr/bin/squelch", "healthy"]
ENTRYPOINT ["/usr/bin/squelch"]
CMD ["serve"]
