# A static sslwatch in an empty root, for a user who is nobody.
#
#   docker build -t sslwatch --build-arg VERSION=1.2.3 --build-arg COMMIT="$(git rev-parse HEAD)" \
#     --build-arg DATE="$(git log -1 --format=%cI)" .
#   docker run --read-only -v "$PWD/config.toml:/etc/sslwatch/config.toml:ro" \
#     -v sslwatch:/var/lib/sslwatch sslwatch
#
# Secrets are files ("file:/run/secrets/slack-token") or environment variables
# ("env:SLACK_TOKEN"). To be reached from outside the container, set in the
# configuration: [http] listen = ":9943".
#
# Behind a proxy with a certificate authority of its own, mount its certificate,
# and name it. Those in the image stay trusted.
#   -v /path/ca.pem:/ca.pem:ro -e SSL_CERT_FILE=/ca.pem

# What builds it: Go, a shell, and CA certificates where Debian has them.
ARG BUILDER=golang:1.26
FROM ${BUILDER} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
ARG VERSION=devel
ARG COMMIT=unknown
ARG DATE=unknown
ENV CGO_ENABLED=0 GOFLAGS=-trimpath
# The binary has the zones that a configuration names in any case. With the tag
# they are there early enough for TZ, too.
RUN go build -buildvcs=false -tags timetzdata -o /root.image/usr/bin/sslwatch \
      -ldflags "-s -w -buildid= -X main.version=${VERSION} -X main.commit=${COMMIT} -X main.date=${DATE}" \
      ./cmd/sslwatch
RUN cd /root.image && mkdir -p etc/ssl/certs etc/sslwatch var/lib /state/sslwatch && \
    cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ && \
    echo 'sslwatch:x:65532:65532:sslwatch:/var/lib/sslwatch:/nonexistent' >etc/passwd && \
    echo 'sslwatch:x:65532:' >etc/group && \
    chmod 0700 /state/sslwatch

FROM scratch
COPY --from=build /root.image/ /
# Copied as a child, lest builders differ in whom a new directory belongs to.
COPY --from=build --chown=65532:65532 /state/ /var/lib/

ARG VERSION=devel
ARG COMMIT=unknown
ARG DATE=unknown
LABEL org.opencontainers.image.title="sslwatch" \
      org.opencontainers.image.description="Watches the SSL certificates of Redis instances on Huawei Cloud DCS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${DATE}"

# credential:NAME is /run/secrets/NAME, where engines mount secrets.
ENV PATH=/usr/bin STATE_DIRECTORY=/var/lib/sslwatch CREDENTIALS_DIRECTORY=/run/secrets
# A number, so that Kubernetes can see that it is not root's.
USER 65532:65532
WORKDIR /var/lib/sslwatch
VOLUME /var/lib/sslwatch
EXPOSE 9943
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["/usr/bin/sslwatch", "healthcheck"]
ENTRYPOINT ["/usr/bin/sslwatch"]
CMD ["run"]
