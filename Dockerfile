# The official PostgreSQL image with penny_pg in it: docs/docker.md says how to use it.
ARG PG_MAJOR=15
ARG POSTGRES_IMAGE=postgres:${PG_MAJOR}-bookworm
ARG RUST_IMAGE=rust:1.95-bookworm

FROM ${RUST_IMAGE} AS rust

# Built in the image that it runs in: the same C library, and PostgreSQL's own packages of every major.
FROM ${POSTGRES_IMAGE} AS build
ARG PG_MAJOR
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates clang gcc libc6-dev libclang-dev make pkg-config postgresql-server-dev-$PG_MAJOR
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
WORKDIR /penny_pg
# cargo-pgrx takes minutes, and its version changes less often than the sources.
COPY Cargo.toml ./
COPY scripts/environment.sh scripts/install_pgrx scripts/
RUN scripts/install_pgrx
COPY . .
# The image of Rust holds no rustfmt, which pgrx would tidy its bindings with: nobody reads them here. And the library
# carries no line numbers: they take more room than the code.
RUN RUSTFMT=true scripts/package_files /out && strip --strip-debug /out/usr/lib/postgresql/$PG_MAJOR/lib/penny_pg.so

FROM ${POSTGRES_IMAGE}
# Pennylane's certificate is checked against these.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/usr /usr
COPY docker/create_extension.sql /docker-entrypoint-initdb.d/
COPY docker/penny_pg_healthcheck /usr/local/bin/
